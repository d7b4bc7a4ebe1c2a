internal import FileTree
internal import Glibc
internal import Metainfo
internal import NIOCore
internal import NIOHTTP1
internal import SwarmCore

/// A request for a file, in values: it is answered on another thread than the connection's.
struct ContentRequest: Sendable {
    enum Target: Sendable {
        case tree(TreeRequest)
        case document(Document)
    }

    var site: Site
    var target: Target
    /// HEAD: no body is opened or read.
    var isHead: Bool
    var conditions: RequestConditions
    /// Whether it comes from a reader, and not from another program of this network.
    var isReader = true
}

/// What a connection sees of each set.
typealias SnapshotPins = [SetName: SnapshotPin]

/// Answers requests for files.
///
/// Everything here blocks and runs on the file threads, never on an event loop, although most calls take microseconds:
/// a mirror has millions of inodes, far more than stay cached, and a single lookup that goes to a disk takes 10 ms.
/// In-line it would stop every connection of that loop. One hop carries the whole request (link, walk, stat and, for
/// small files, the bytes); only the bytes of large files go by sendfile from the loop, read ahead by the kernel.
struct ContentResponder: Sendable {
    /// The present time in seconds since 1970.
    var now: @Sendable () -> Int64

    /// Files up to this length are read into a buffer and sent together with the head; above, sendfile is cheaper.
    static let longestBuffer: Int64 = 64 * 1024
    static let immutable = "public, max-age=31536000, immutable"

    /// Answers `request`; `pins` are what its connection sees.
    func answer(_ request: ContentRequest, pins: inout SnapshotPins) -> Answer {
        switch request.target {
        case .document(let document): documentAnswer(document, request)
        case .tree(let tree): treeAnswer(tree, request, pins: &pins)
        }
    }

    // MARK: Documents

    private func documentAnswer(_ document: Document, _ request: ContentRequest) -> Answer {
        let layout = request.site.layout
        let (directory, name, type) =
            switch document {
            case .manifest(let id): (layout.manifests, "\(id).json", "application/json")
            case .torrent(let hash): (layout.torrents, "\(hash).torrent", "application/x-bittorrent")
            case .compressedTorrent(let hash): (layout.torrents, "\(hash).torrent.zst", "application/zstd")
            case .delta(let file): (layout.deltas, file, "application/zstd")
            }
        if case .compressedTorrent(let hash) = document, access("\(directory)/\(name)", F_OK) != 0 {
            // What a node patched, or a publisher expects all nodes to patch, is compressed for the first who asks.
            _ = FileOnDemand.make(layout.compressedTorrent(hash), of: layout.torrent(hash)) {
                try EncodedShard.compressed($0, hash)
            }
        }
        do throws(TreeWalk.Failure) {
            switch try TreeWalk.open(root: directory, components: [Array(name.utf8)]) {
            case .file(let descriptor, let facts):
                return fileAnswer(
                    descriptor, facts, request, headers: ["Content-Type": type, "Cache-Control": Self.immutable])
            case .directory: throw .notFound
            }
        } catch {
            return Self.failure(
                error, name: name,
                advice: "The set \(layout.set) does not have it (any more); read /.swarm/\(layout.set)/feed again.")
        }
    }

    // MARK: Trees

    private func treeAnswer(_ tree: TreeRequest, _ request: ContentRequest, pins: inout SnapshotPins) -> Answer {
        let layout = request.site.layout
        switch tree.version {
        case .current: return currentAnswer(tree, request, pins: &pins)
        case .snapshot(let id): return snapshotAnswer(id, tree, request)
        case .masterTag(let tag): return taggedAnswer("\(layout.masterTags)/\(tag)", tag, tree, request)
        case .localTag(let tag): return taggedAnswer("\(layout.localTags)/\(tag)", tag, tree, request)
        }
    }

    private func currentAnswer(_ tree: TreeRequest, _ request: ContentRequest, pins: inout SnapshotPins) -> Answer {
        let layout = request.site.layout
        guard let current = readLink(layout.current).flatMap(layout.snapshot(currentTarget:)) else {
            return .text(.notFound, "The set \(tree.set) has no current snapshot yet. Try again later.")
        }
        var pin = pins[tree.set] ?? SnapshotPin(current)
        pin.update(current: current, now: now(), switched: { changeTime(ofLink: layout.current) ?? now() })
        pins[tree.set] = pin
        var outcome = open(pin.snapshot, tree, layout)
        if outcome.failure == .noTree, pin.snapshot != current {
            // It expired while the connection was looking at it.
            pins[tree.set] = SnapshotPin(current)
        }
        if outcome.failure?.isAbsence == true {
            // The newest snapshot may lack what an index of an older one still names.
            for other in [current] + request.site.retained() where other != pin.snapshot {
                let older = open(other, tree, layout)
                if older.failure == nil {
                    outcome = older
                    break
                }
            }
        }
        return answer(consume outcome, tree, request)
    }

    private func taggedAnswer(
        _ link: String, _ tag: String, _ tree: TreeRequest, _ request: ContentRequest
    ) -> Answer {
        guard let target = readLink(link),
            let id = target.split(separator: "/").last.flatMap({ SnapshotID(String($0)) })
        else {
            return .text(.notFound, "The set \(tree.set) has no tag “\(quoted(tag))” here.")
        }
        return snapshotAnswer(id, tree, request)
    }

    /// A tree is private (mode 0700 above it) until its activation: an embargo. Until then it does not exist.
    private func snapshotAnswer(_ id: SnapshotID, _ tree: TreeRequest, _ request: ContentRequest) -> Answer {
        var status = stat()
        guard lstat(request.site.layout.tree(id), &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
            status.st_mode & 0o005 == 0o005
        else {
            return .text(.notFound, "The set \(tree.set) has no snapshot \(id) here. See /.swarm/\(tree.set)/feed.")
        }
        return answer(open(id, tree, request.site.layout), tree, request)
    }

    /// What was found under a path of one snapshot.
    private enum Outcome: ~Copyable {
        case file(OwnedDescriptor, FileFacts, name: [UInt8])
        case directory(OwnedDescriptor)
        case failed(TreeWalk.Failure)

        var failure: TreeWalk.Failure? {
            switch self {
            case .failed(let failure): failure
            default: nil
            }
        }
    }

    private func open(_ id: SnapshotID, _ tree: TreeRequest, _ layout: RootLayout) -> Outcome {
        let root = layout.files(of: id)
        do throws(TreeWalk.Failure) {
            switch try TreeWalk.open(root: root, components: tree.path.components) {
            case .file(let descriptor, let facts):
                guard !tree.path.isDirectory else { throw .notFound }
                return .file(descriptor, facts, name: tree.path.components.last ?? [])
            case .directory(let descriptor):
                guard tree.path.isDirectory else { return .directory(descriptor) }
                if let page = Self.indexPage(root: root, of: tree.path) { return page }
                return .directory(descriptor)
            }
        } catch {
            return .failed(error)
        }
    }

    /// The directory's own page, when it has one.
    private static func indexPage(root: String, of directory: TreePath) -> Outcome? {
        let name = Array("index.html".utf8)
        do throws(TreeWalk.Failure) {
            switch try TreeWalk.open(root: root, components: directory.components + [name]) {
            case .file(let descriptor, let facts): return .file(descriptor, facts, name: name)
            case .directory: return nil
            }
        } catch {
            return nil
        }
    }

    private func answer(_ outcome: consuming Outcome, _ tree: TreeRequest, _ request: ContentRequest) -> Answer {
        switch consume outcome {
        case .file(let descriptor, let facts, let name):
            let answer = fileAnswer(descriptor, facts, request, headers: ["Content-Type": MediaType.of(name)])
            if tree.version == .current, request.isReader, !request.isHead, let reads = request.site.reads,
                answer.isBeginning
            {
                let path = tree.path.isDirectory ? tree.path.components + [name] : tree.path.components
                reads.count(path.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/"))
            }
            return answer
        case .directory(let descriptor):
            guard tree.path.isDirectory else { return .redirect(to: tree.path.directoryURL(after: tree.prefix)) }
            let (names, isCut) = entries(of: descriptor, limit: Listing.longest)
            let html = Listing.html(of: tree.path, in: tree.prefix, entries: names, isCut: isCut)
            return Answer(
                type: "text/html; charset=utf-8", headers: ["Cache-Control": "no-cache"],
                bytes: ByteBuffer(string: html))
        case .failed(let failure):
            return Self.failure(failure, name: tree.path.description, advice: "See \(tree.prefix)/ for what is there.")
        }
    }
}
