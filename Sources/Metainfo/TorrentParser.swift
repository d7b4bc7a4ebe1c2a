public import SwarmCore

extension Torrent {
    /// The format of the `swarm` key that this code writes and reads.
    public static let formatVersion: Int64 = 1

    /// Limits of what is parsed, checked before memory is taken.
    public struct Limits: Sendable {
        /// Bytes of a `.torrent`.
        public var size = 512 << 20
        /// Entries, pads included.
        public var entries = 4_000_000
        /// libtorrent drops a peer whose bitfield is over 1 MiB.
        public var pieces = 8_000_000
        /// libtorrent's largest offset.
        public var content: Int64 = 1 << 47

        /// The limits with their defaults.
        public init() {}
    }

    /// Parses a `.torrent` of ours. Everything that could harm a node is refused here: unsafe paths, the same path
    /// twice, a file below a file, links that leave the tree, lengths that do not add up, BEP 38's keys.
    ///
    /// - Parameters:
    ///   - isKnown: whether the very same bytes were parsed before, by this program or another one of its kind: then the
    ///     paths are not compared with each other again.
    ///   - infoHash: the info-hash that these very bytes are known to have; nil to have it computed.
    ///   - model: a torrent that was checked, and that has most of its entries in common with this one, in the same order:
    ///     these are taken over from it. What comes out does not depend on it.
    ///   - columns: what `encodedColumns` gave of these very bytes, in this process: then the entries are not read again.
    public convenience init(
        parsing bytes: [UInt8], isKnown: Bool = false, infoHash: InfoHash? = nil, like model: Torrent? = nil,
        columns: [UInt8]? = nil, limits: Limits = Limits()
    ) throws(MetainfoError) {
        guard bytes.count <= limits.size else {
            throw MetainfoError(.tooLarge, "the torrent has \(bytes.count) bytes; the limit is \(limits.size)")
        }
        var parser = TorrentParser(limits: limits, sharing: model.map { EntrySharing(with: $0) })
        parser.known = columns.flatMap { EntryColumns($0, size: bytes.count) }
        var reader = BencodeReader(bytes)
        var infoRange: Range<Int>?
        try reader.dictionary(mapping: MetainfoError.malformed) { (reader, key) throws(MetainfoError) in
            let start = reader.offset
            if reader.matches(key, Key.info) {
                try parser.info(&reader)
                infoRange = start..<reader.offset
            } else if reader.matches(key, Key.similar) || reader.matches(key, Key.collections) {
                throw MetainfoError(.refused, "the torrent has a BEP 38 key (similar, collections): refused")
            } else {
                try reader.passOver()
            }
        }
        do { try reader.finish() } catch { throw .malformed(error) }
        guard let infoRange else { throw MetainfoError(.invalid, "the torrent has no info dictionary") }
        let shared = parser.sharing?.shared
        try self.init(parser, bytes: bytes, infoRange: infoRange, infoHash: infoHash)
        guard !isKnown else { return }
        if let shared, !mayHaveConflicts(besideShared: shared) { return }
        try checkNames()
    }

    /// No name twice, and nothing below a file or a link.
    private func checkNames() throws(MetainfoError) {
        var names = filesByPath().map { pathUTF8(Int($0)) }
        let others = (links.map(\.path) + emptyDirectories).map { ArraySlice(Array($0.utf8)) }
        if !others.isEmpty {
            names += others
            names.sort { TreePath.precedes($0, $1) }
        }
        if let conflict = Self.conflict(names) { throw conflict }
    }

    /// Why names, sorted, cannot all be in one tree; nil when they can.
    static func conflict<Name: RandomAccessCollection<UInt8>>(_ names: [Name]) -> MetainfoError? {
        for (name, next) in zip(names, names.dropFirst()) where next.starts(with: name) {
            let rest = next.dropFirst(name.count).first
            if rest == nil {
                return MetainfoError(.unsafePath, "the path “\(printable(name))” is in the torrent twice")
            }
            if rest == UInt8(ascii: "/") {
                return MetainfoError(
                    .unsafePath, "“\(printable(next))” lies below “\(printable(name))”, which is no directory")
            }
        }
        return nil
    }
}

extension MetainfoError {
    static func malformed(_ error: BencodeError) -> MetainfoError { MetainfoError(.malformed, "\(error)") }
}

enum Key {
    static let certificate = Array("ssl-cert".utf8)
    static let collections = Array("collections".utf8)
    static let directories = Array("directories".utf8)
    static let files = Array("files".utf8)
    static let fileTree = Array("file tree".utf8)
    static let info = Array("info".utf8)
    static let isPrivate = Array("private".utf8)
    static let links = Array("links".utf8)
    static let metaVersion = Array("meta version".utf8)
    static let name = Array("name".utf8)
    static let pieceLength = Array("piece length".utf8)
    static let pieces = Array("pieces".utf8)
    static let similar = Array("similar".utf8)
    static let swarm = Array("swarm".utf8)
    static let symlinkPath = Array("symlink path".utf8)
    static let version = Array("version".utf8)
}

/// The short keys of a file's entry, as `BencodeReader.word` makes numbers of them.
private enum EntryKey {
    static let attributes: UInt64 = 0x6174_7472
    static let length: UInt64 = 0x6c65_6e67_7468
    static let mtime: UInt64 = 0x6d_7469_6d65
    static let path: UInt64 = 0x7061_7468
    static let priority: UInt64 = 0x7072_696f_7269_7479
    static let sha256: UInt64 = 0x7368_6132_3536
}

extension BencodeReader {
    /// Whether a name is of letters, digits and the like, as nearly all are: then nothing is wrong with it.
    fileprivate func isPlainName(_ range: Range<Int>) -> Bool {
        guard !range.isEmpty, range.count <= TreePath.componentLimit, bytes[range.lowerBound] != UInt8(ascii: ".")
        else {
            return false
        }
        for index in range where bytes[index] <= 0x20 || bytes[index] >= 0x7f || bytes[index] == UInt8(ascii: "/") {
            return false
        }
        return true
    }

    mutating func passOver() throws(MetainfoError) { do { try skip() } catch { throw .malformed(error) } }
    mutating func number() throws(MetainfoError) -> Int64 {
        do { return try integer() } catch { throw .malformed(error) }
    }
    mutating func text() throws(MetainfoError) -> Range<Int> {
        do { return try string() } catch { throw .malformed(error) }
    }
}

/// What is known while an info dictionary is read.
struct TorrentParser {
    let limits: Torrent.Limits
    var name: String?
    var pieceLength: Int64 = 0
    var isPrivate = false
    var pieceHashes: Range<Int>?
    var sawFiles = false
    var emptyDirectories: [String] = []
    var links: [LinkEntry] = []
    var columns = EntryColumns()
    /// What is found again of a torrent that was read before; nil when there is none.
    var sharing: EntrySharing?
    /// The entries as they were read before; nil when they are to be read.
    var known: EntryColumns?

    init(limits: Torrent.Limits, sharing: EntrySharing?) {
        self.limits = limits
        self.sharing = sharing
    }

    mutating func info(_ reader: inout BencodeReader) throws(MetainfoError) {
        try reader.dictionary(mapping: MetainfoError.malformed) { (reader, key) throws(MetainfoError) in
            if reader.matches(key, Key.files) {
                sawFiles = true
                if let known { return try take(known, &reader) }
                columns.reserve(forListOf: reader.bytes.count - reader.offset)
                try reader.list(mapping: MetainfoError.malformed) { (reader) throws(MetainfoError) in
                    if sharing != nil {
                        if sharedEntries(&reader) { return }
                        let start = reader.offset
                        if !plainEntries(&reader, atMost: 1) { try entry(&reader) }
                        sharing?.recover(
                            start..<reader.offset, of: reader.bytes, place: columns.count - 1,
                            isPad: columns.kind(columns.count - 1) != .file)
                    } else if !plainEntries(&reader) {
                        try entry(&reader)
                    }
                }
            } else if reader.matches(key, Key.name) {
                name = try component(try reader.text(), of: reader)
            } else if reader.matches(key, Key.pieceLength) {
                pieceLength = try reader.number()
                guard (16 << 10...64 << 20).contains(pieceLength), pieceLength.nonzeroBitCount == 1 else {
                    throw MetainfoError(
                        .invalid, "a piece length of \(pieceLength) bytes; a power of two from 16 KiB to 64 MiB is due")
                }
            } else if reader.matches(key, Key.pieces) {
                let range = try reader.text()
                guard range.count / InfoHash.byteCount <= limits.pieces else {
                    throw MetainfoError(.tooLarge, "the torrent has more than \(limits.pieces) pieces")
                }
                pieceHashes = range
            } else if reader.matches(key, Key.isPrivate) {
                isPrivate = try reader.number() != 0
            } else if reader.matches(key, Key.swarm) {
                try swarm(&reader)
            } else if reader.matches(key, Key.similar) || reader.matches(key, Key.collections) {
                throw MetainfoError(.refused, "the torrent has a BEP 38 key (similar, collections): refused")
            } else if reader.matches(key, Key.metaVersion) || reader.matches(key, Key.fileTree) {
                throw MetainfoError(.refused, "the torrent is not of version 1 (BEP 52): refused")
            } else if reader.matches(key, Key.certificate) {
                throw MetainfoError(.refused, "the torrent is an SSL torrent: refused")
            } else {
                try reader.passOver()
            }
        }
    }

    mutating func entry(_ reader: inout BencodeReader) throws(MetainfoError) {
        guard columns.count < limits.entries else {
            throw MetainfoError(.tooLarge, "the torrent has more than \(limits.entries) entries")
        }
        var entry = EntryColumns.Entry()
        var kind = Torrent.Kind.file
        var executable = false
        var length: Int64?
        var digest: Range<Int>?
        var priority = Int64(Priority.payload.rawValue)
        var target: String?
        let pathStart = columns.pathBytes.count
        let start = reader.offset
        try reader.dictionary(mapping: MetainfoError.malformed) { (reader, key) throws(MetainfoError) in
            switch reader.word(key) {
            case EntryKey.attributes:
                for index in try reader.text() {
                    switch reader.bytes[index] {
                    // What is a link has no content, whatever else it is said to be.
                    case UInt8(ascii: "p"): kind = kind == .symlink ? .symlink : .pad
                    case UInt8(ascii: "l"): kind = .symlink
                    case UInt8(ascii: "x"): executable = true
                    default: break
                    }
                }
            case EntryKey.length: length = try reader.number()
            case EntryKey.mtime: entry.mtime = try reader.number()
            case EntryKey.path: try appendPath(&reader)
            case EntryKey.priority: priority = try reader.number()
            case EntryKey.sha256: digest = try reader.text()
            case nil where reader.matches(key, Key.symlinkPath): target = try joined(&reader)
            default: try reader.passOver()
            }
        }
        let path = columns.pathBytes[pathStart...]
        guard !path.isEmpty else { throw MetainfoError(.invalid, "entry \(columns.count) has no path") }
        guard let length, length >= 0, length <= limits.content - columns.contentLength else {
            throw MetainfoError(
                .tooLarge, "“\(printable(path))” has a length that is missing, negative or beyond the limit")
        }
        guard let priority = Priority(Int(clamping: priority)) else {
            throw MetainfoError(.invalid, "“\(printable(path))” has priority \(priority); 1 to 7 is due")
        }
        switch kind {
        case .file:
            guard let digest, digest.count == SHA256Digest.byteCount else {
                throw MetainfoError(.invalid, "“\(printable(path))” has no SHA-256: not a torrent for mirrors")
            }
            entry.digestOffset = digest.lowerBound
        case .symlink:
            guard length == 0, let target else {
                throw MetainfoError(.invalid, "the link “\(printable(path))” has content, or no target")
            }
            let link = String(decoding: path, as: UTF8.self)
            links.append(LinkEntry(path: link, target: TreePath.relativeTarget(from: link, to: target)))
        case .pad: break
        }
        entry.kind = kind.rawValue | (executable ? EntryColumns.executableBit : 0)
        entry.length = length
        entry.priority = priority.rawValue
        columns.append(entry, at: start..<reader.offset)
    }

    /// Takes the entries over as they were read before, and goes on behind them. Symbolic links have no columns: these few are
    /// read again.
    private mutating func take(_ known: EntryColumns, _ reader: inout BencodeReader) throws(MetainfoError) {
        for entry in 0..<known.count where known.kind(entry) == .symlink {
            var link = TorrentParser(limits: limits, sharing: nil)
            reader.offset = known.range(entry).lowerBound
            try link.entry(&reader)
            links += link.links
        }
        columns = known
        reader.offset = known.range(0..<known.count).upperBound + 1
    }

    /// Reads a list of components onto the columns' paths.
    private mutating func appendPath(_ reader: inout BencodeReader) throws(MetainfoError) {
        let start = columns.pathBytes.count
        var depth = 0
        try reader.list(mapping: MetainfoError.malformed) { (reader) throws(MetainfoError) in
            let range = try reader.text()
            if !reader.isPlainName(range), let fault = TreePath.fault(inComponent: reader.bytes[range]) {
                throw MetainfoError(.unsafePath, "a path has \(fault): “\(printable(reader.bytes[range]))”")
            }
            if depth > 0 { columns.pathBytes.append(UInt8(ascii: "/")) }
            columns.pathBytes.append(contentsOf: reader.bytes[range])
            depth += 1
        }
        guard depth <= TreePath.depthLimit, columns.pathBytes.count - start <= TreePath.lengthLimit else {
            let path = printable(columns.pathBytes[start...])
            throw MetainfoError(.unsafePath, "a path is too long or too deep: “\(path)”")
        }
        guard columns.pathBytes.count <= Int(UInt32.max) else {
            throw MetainfoError(.tooLarge, "the torrent's paths exceed 4 GiB")
        }
    }

    private func joined(_ reader: inout BencodeReader) throws(MetainfoError) -> String {
        var parts: [String] = []
        try reader.list(mapping: MetainfoError.malformed) { (reader) throws(MetainfoError) in
            parts.append(try component(try reader.text(), of: reader))
        }
        return parts.joined(separator: "/")
    }

    private func component(_ range: Range<Int>, of reader: BencodeReader) throws(MetainfoError) -> String {
        if let fault = TreePath.fault(inComponent: reader.bytes[range]) {
            throw MetainfoError(.unsafePath, "\(fault): “\(printable(reader.bytes[range]))”")
        }
        return String(decoding: reader.bytes[range], as: UTF8.self)
    }

    /// The info dictionary's key `swarm`.
    private mutating func swarm(_ reader: inout BencodeReader) throws(MetainfoError) {
        try reader.dictionary(mapping: MetainfoError.malformed) { (reader, key) throws(MetainfoError) in
            if reader.matches(key, Key.directories) {
                try reader.list(mapping: MetainfoError.malformed) { (reader) throws(MetainfoError) in
                    try checkCount(emptyDirectories.count)
                    emptyDirectories.append(try relative(try reader.text(), of: reader))
                }
            } else if reader.matches(key, Key.links) {
                try reader.list(mapping: MetainfoError.malformed) { (reader) throws(MetainfoError) in
                    try checkCount(links.count)
                    try link(&reader)
                }
            } else if reader.matches(key, Key.version) {
                let version = try reader.number()
                guard version == Torrent.formatVersion else {
                    throw MetainfoError(
                        .invalid, "the torrent has format \(version), which this version does not know; upgrade")
                }
            } else {
                try reader.passOver()
            }
        }
    }

    private func checkCount(_ count: Int) throws(MetainfoError) {
        guard count < limits.entries else {
            throw MetainfoError(.tooLarge, "the torrent has more than \(limits.entries) directories or links")
        }
    }

    private mutating func link(_ reader: inout BencodeReader) throws(MetainfoError) {
        var path: String?
        var target: String?
        try reader.list(mapping: MetainfoError.malformed) { (reader) throws(MetainfoError) in
            let range = try reader.text()
            if path == nil {
                path = try relative(range, of: reader)
            } else {
                target = String(validating: reader.bytes[range], as: UTF8.self)
            }
        }
        guard let path, let target else { throw MetainfoError(.invalid, "a link without path or target") }
        guard TreePath.resolve(link: path, target: target) != nil else {
            throw MetainfoError(
                .unsafeLink, "the link “\(printable(path.utf8))” to “\(printable(target.utf8))” leaves the tree")
        }
        links.append(LinkEntry(path: path, target: target))
    }

    private func relative(_ range: Range<Int>, of reader: BencodeReader) throws(MetainfoError) -> String {
        guard let text = String(validating: reader.bytes[range], as: UTF8.self) else {
            throw MetainfoError(.unsafePath, "a path that is not UTF-8: “\(printable(reader.bytes[range]))”")
        }
        if let fault = TreePath.fault(in: text) {
            throw MetainfoError(.unsafePath, "\(fault): “\(printable(text.utf8))”")
        }
        return text
    }
}
