internal import SwarmCore

/// Which tree of a set a request asks for.
enum TreeVersion: Hashable, Sendable {
    /// The snapshot that is current, and what is retained behind it.
    case current
    /// One snapshot.
    case snapshot(SnapshotID)
    /// What the master's tag protects.
    case masterTag(String)
    /// What the node's own tag protects.
    case localTag(String)
}

/// A request for a file or directory of a tree.
struct TreeRequest: Hashable, Sendable {
    var set: SetName
    var version: TreeVersion
    var path: TreePath

    /// The URL of the tree's top, without the slash at the end.
    var prefix: String {
        switch version {
        case .current: "/\(set)"
        case .snapshot(let id): "/.swarm/\(set)/snap/\(id)"
        case .masterTag(let tag): "/.swarm/\(set)/master-snap/\(PercentCoding.encode(segment: tag.utf8))"
        case .localTag(let tag): "/.swarm/\(set)/local-snap/\(PercentCoding.encode(segment: tag.utf8))"
        }
    }
}

/// A document beside the trees: it never changes under its name.
enum Document: Hashable, Sendable {
    case manifest(SnapshotID)
    case torrent(InfoHash)
    case compressedTorrent(InfoHash)
    case delta(String)

    /// The torrent that it is, or makes; nil for any other.
    var torrent: InfoHash? {
        switch self {
        case .manifest: nil
        case .torrent(let torrent), .compressedTorrent(let torrent): torrent
        case .delta(let file): file.dropLast(4).split(separator: "-").last.flatMap { InfoHash(hex: $0) }
        }
    }
}

/// What a request's target asks for: pure parsing, no look at a disk.
enum Route: Hashable, Sendable {
    case sets
    case tree(TreeRequest)
    case feed(SetName, FeedQuery)
    case document(SetName, Document)
    case status
    case metrics

    /// Why a target is no route.
    enum Problem: Error, Hashable {
        /// The target cannot be understood, or tries to leave its tree: 400.
        case malformed(String)
        /// There is nothing of this name: 404.
        case unknown
    }

    /// Parses a request target in origin-form or absolute-form (RFC 9112, section 3.2).
    init(target: String) throws(Problem) {
        let origin = try Self.originForm(of: target)
        let query = origin.firstIndex(of: UInt8(ascii: "?"))
        let queryText = query.map { String(decoding: origin[origin.index(after: $0)...], as: UTF8.self) } ?? ""
        let path = try Self.path(of: origin[..<(query ?? origin.endIndex)])
        guard let first = path.components.first else {
            self = .sets
            return
        }
        if first.elementsEqual(".swarm".utf8) {
            self = try Self.service(path.dropFirst(), query: queryText)
        } else {
            guard let set = Self.name(first).flatMap(SetName.init) else { throw .unknown }
            self = .tree(TreeRequest(set: set, version: .current, path: path.dropFirst()))
        }
    }

    private static func originForm(of target: String) throws(Problem) -> ArraySlice<UInt8> {
        let bytes = Array(target.utf8)
        if bytes.first == UInt8(ascii: "/") { return bytes[...] }
        for scheme in ["http://", "https://"] where target.lowercased().hasPrefix(scheme) {
            let rest = bytes.dropFirst(scheme.utf8.count)
            guard let slash = rest.firstIndex(of: UInt8(ascii: "/")) else { return Array("/".utf8)[...] }
            return rest[slash...]
        }
        throw .malformed("a request's target begins with a slash")
    }

    /// Splits first and decodes then, so that an encoded slash cannot make a segment.
    private static func path(of text: ArraySlice<UInt8>) throws(Problem) -> TreePath {
        var components: [[UInt8]] = []
        let segments = text.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        var lastIsName = false
        for segment in segments {
            guard let name = PercentCoding.decode(segment) else {
                throw .malformed("a % is not followed by two hexadecimal digits")
            }
            lastIsName = false
            if name.isEmpty || name == [UInt8(ascii: ".")] { continue }
            guard !name.contains(0), !name.contains(UInt8(ascii: "/")) else {
                throw .malformed("a name holds NUL or an encoded slash")
            }
            guard !name.elementsEqual("..".utf8) else { throw .malformed("a path may not hold '..'") }
            components.append(name)
            lastIsName = true
        }
        return TreePath(components: components, isDirectory: !lastIsName)
    }

    private static func service(_ path: TreePath, query: String) throws(Problem) -> Route {
        guard let first = path.components.first.flatMap(name) else { throw .unknown }
        if path.components.count == 1, !path.isDirectory {
            switch first {
            case "status": return .status
            case "metrics": return .metrics
            default: throw .unknown
            }
        }
        guard let set = SetName(first), path.components.count >= 2, let kind = name(path.components[1]) else {
            throw .unknown
        }
        let rest = path.dropFirst().dropFirst()
        switch kind {
        case "feed":
            guard rest.components.isEmpty, !rest.isDirectory else { throw .unknown }
            guard let query = FeedQuery(query: query) else {
                throw .malformed("a feed takes ?after=VERSION&wait=SECONDS, both whole numbers")
            }
            return .feed(set, query)
        case "manifests", "torrents", "deltas":
            guard rest.components.count == 1, !rest.isDirectory, let file = name(rest.components[0]) else {
                throw .unknown
            }
            return .document(set, try document(kind: kind, file: file))
        case "snap", "master-snap", "local-snap":
            guard let label = rest.components.first.flatMap(name) else { throw .unknown }
            let version = try version(kind: kind, label: label)
            return .tree(TreeRequest(set: set, version: version, path: rest.dropFirst()))
        default: throw .unknown
        }
    }

    private static func document(kind: String, file: String) throws(Problem) -> Document {
        switch kind {
        case "manifests":
            if file.hasSuffix(".json"), let id = SnapshotID(String(file.dropLast(5))) { return .manifest(id) }
        case "torrents":
            if file.hasSuffix(".torrent"), let hash = InfoHash(hex: file.dropLast(8)) { return .torrent(hash) }
            if file.hasSuffix(".torrent.zst"), let hash = InfoHash(hex: file.dropLast(12)) {
                return .compressedTorrent(hash)
            }
        default:
            if isDeltaName(file) { return .delta(file) }
        }
        throw .unknown
    }

    /// Whether `file` is `<lower-case hexadecimal and dashes>.zst`.
    private static func isDeltaName(_ file: String) -> Bool {
        guard file.hasSuffix(".zst"), (5...200).contains(file.utf8.count) else { return false }
        return file.utf8.dropLast(4).allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
                || $0 == UInt8(ascii: "-")
        }
    }

    private static func version(kind: String, label: String) throws(Problem) -> TreeVersion {
        if kind == "snap" {
            if label == "current" { return .current }
            guard let id = SnapshotID(label) else { throw .unknown }
            return .snapshot(id)
        }
        guard !label.hasPrefix("."), label.utf8.count <= 255 else { throw .unknown }
        return kind == "master-snap" ? .masterTag(label) : .localTag(label)
    }

    /// The text of a name; nil when it is not UTF-8.
    private static func name(_ bytes: [UInt8]) -> String? { String(validating: bytes, as: UTF8.self) }
}

extension TreePath {
    /// The path below its first component; a bare first component leaves the top, not asked for as a directory.
    fileprivate func dropFirst() -> TreePath {
        TreePath(components: Array(components.dropFirst()), isDirectory: isDirectory)
    }
}
