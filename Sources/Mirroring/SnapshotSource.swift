internal import FileTree
internal import Logging
internal import Metainfo
internal import SwarmCore
internal import Synchronization
internal import TorrentEngine

/// Gets the documents that describe a snapshot: from disk when they are there, else from the upstreams. Each is checked
/// against the digest that leads back to the signed feed.
struct SnapshotSource: Sendable {
    private let layout: RootLayout
    private let upstreams: [Upstream]
    private let logger: Logger

    init(layout: RootLayout, upstreams: [Upstream], logger: Logger) {
        self.layout = layout
        self.upstreams = upstreams
        self.logger = logger
    }

    /// How many torrents are fetched at the same time: each is in memory while it is looked at.
    private static let requestsAtOnce = 4

    /// Documents that were fetched, in bytes as they travelled.
    struct Documents: Sendable {
        let manifest: Manifest
        let bytesFetched: Int64
    }

    private let recent = RecentTorrents()
    /// One core is left to what the torrents are read beside.
    private let readings = TorrentReadings(width: Parallel.width - 1)
    private let offered = OfferedDocuments()
    private let checked = CheckedFiles()

    /// Takes documents that came with a feed, by their paths below `/.swarm/<set>/`; they are looked at when they are needed.
    func offer(_ documents: [String: [UInt8]]) { offered.replace(with: documents) }

    /// The torrents on the disk.
    var shelf: TorrentShelf {
        TorrentShelf(
            load: { try localTorrent($0) }, look: { try? found($0, inFileAt: layout.torrent($1.infoHash)) },
            origin: { try? FileSystem.contents(layout.origin($0)).flatMap { TorrentOrigin(encoded: $0) } },
            recent: recent, readings: readings)
    }

    /// The contents of a search that a `.torrent` may hold, read in blocks.
    private func found(_ search: DigestSearch, inFileAt path: String) throws -> [SHA256Digest] {
        let file = try Descriptor.file(path)
        var block = [UInt8](repeating: 0, count: 1 << 18)
        var found: [SHA256Digest] = []
        var offset: Int64 = 0
        while true {
            let count = try file.read(into: &block, at: offset)
            found += search.found(in: block.span.extracting(0..<count))
            if count < block.count { return found }
            offset += Int64(count - DigestSearch.overlap)
        }
    }

    /// The manifest of a snapshot; afterwards its torrents are on the disk.
    func documents(of entry: Feed.Entry) async throws -> Documents {
        let found = try await manifest(of: entry)
        let torrents = try await fetchTorrents(of: found.manifest)
        return Documents(manifest: found.manifest, bytesFetched: found.bytesFetched + torrents)
    }

    /// The manifest of a snapshot, which goes together with that of its parent.
    func manifest(of entry: Feed.Entry) async throws -> Documents {
        var fetched: Int64 = 0
        let manifest: Manifest
        if let bytes = try FileSystem.contents(layout.manifest(entry.uuid)),
            Digest.sha256(bytes) == entry.manifest.sha256
        {
            manifest = try SwarmCore.Documents.decode(Manifest.self, from: bytes)
        } else {
            let bytes = try await fetch(
                "manifests/\(entry.uuid).json", limit: entry.manifest.size
            ) {
                guard $0.count == entry.manifest.size, Digest.sha256($0) == entry.manifest.sha256 else {
                    throw MirrorError(
                        .untrusted, "the manifest of snapshot \(entry.uuid) is not the one that was signed")
                }
            }
            fetched += Int64(bytes.count)
            manifest = try SwarmCore.Documents.decode(Manifest.self, from: bytes)
            guard manifest.format == Manifest.currentFormat else {
                throw MirrorError(
                    .untrusted, "the manifest has format \(manifest.format), which this version does not know; upgrade")
            }
            guard manifest.set == layout.set, manifest.uuid == entry.uuid, manifest.serial == entry.serial else {
                throw MirrorError(
                    .untrusted, "the manifest of snapshot \(entry.uuid) is of \(manifest.set) \(manifest.uuid)")
            }
            try FileSystem.makeDirectories(layout.manifests)
            try keep(bytes, at: layout.manifest(entry.uuid))
        }
        try await checkShrinkage(manifest)
        return Documents(manifest: manifest, bytesFetched: fetched)
    }

    /// Gets the torrents of a snapshot that are not on the disk. Returns the bytes fetched.
    func fetchTorrents(of manifest: Manifest) async throws -> Int64 {
        let metadata = Atomic<Int64>(0)
        let parent = try manifest.parent.flatMap { try localManifest($0) }
        // Who was away makes them of older ones.
        let older = try parent.map { [$0] } ?? localManifests()
        let known = Dictionary(
            older.flatMap(\.shards).map { ($0.infoHash, $0) }, uniquingKeysWith: { first, _ in first })
        // An upstream may be far away: its answers are not waited for one by one.
        try await Parallel.forEach(manifest.shards.filter { !hasTorrent($0) }, atMost: Self.requestsAtOnce) { shard in
            metadata.add(try await fetchTorrent(shard, manifest, known), ordering: .relaxed)
        }
        return metadata.load(ordering: .relaxed)
    }

    /// The manifest of a snapshot of which everything is on the disk.
    func local(_ snapshot: SnapshotID) throws -> Manifest {
        guard let manifest = try localManifest(snapshot) else {
            throw MirrorError(.file, "\(layout.manifest(snapshot)) is missing")
        }
        if let shard = manifest.shards.first(where: { !hasTorrent($0) }) {
            throw MirrorError(.file, "\(layout.torrent(shard.infoHash)) is missing")
        }
        return manifest
    }

    /// Whether the manifest and the torrents of a snapshot are on the disk.
    func isComplete(_ snapshot: SnapshotID) -> Bool { (try? local(snapshot)) != nil }

    private func hasTorrent(_ shard: Manifest.Shard) -> Bool {
        FileSystem.exists(layout.torrent(shard.infoHash))
            || FileSystem.exists(layout.compressedTorrent(shard.infoHash))
    }

    private func localManifests() throws -> [Manifest] {
        try FileSystem.names(in: layout.manifests).compactMap { name in
            try name.split(separator: ".").first.flatMap { SnapshotID(String($0)) }.flatMap { try localManifest($0) }
        }
    }

    func localManifest(_ snapshot: SnapshotID) throws -> Manifest? {
        guard let bytes = try FileSystem.contents(layout.manifest(snapshot)) else { return nil }
        return try? SwarmCore.Documents.decode(Manifest.self, from: bytes)
    }

    /// A torrent on the disk that is damaged is removed: the next attempt fetches it again.
    private func localTorrent(_ shard: Manifest.Shard) throws -> [UInt8] {
        let path = layout.torrent(shard.infoHash)
        let status = try FileSystem.status(path)
        let plain = try FileSystem.contents(path)
        if let plain, checked.has(shard.torrent.sha256, as: status) { return plain }
        if let plain, Digest.sha256(plain) == shard.torrent.sha256 {
            checked.note(shard.torrent.sha256, as: status)
            return plain
        }
        let compressed = try FileSystem.contents(layout.compressedTorrent(shard.infoHash))
        if let bytes = compressed.flatMap({ try? Zstd.decompress($0, size: shard.torrent.size) }),
            Digest.sha256(bytes) == shard.torrent.sha256
        {
            return bytes
        }
        guard plain != nil || compressed != nil else { throw MirrorError(.file, "\(path) is missing") }
        try FileSystem.remove(path)
        try FileSystem.remove(layout.compressedTorrent(shard.infoHash))
        throw MirrorError(.file, "\(path) was damaged; it is fetched again")
    }

    /// - Parameter digest: that of the bytes, where it is known.
    private func torrent(
        _ bytes: [UInt8], digest: SHA256Digest? = nil, like model: Torrent? = nil, _ shard: Manifest.Shard
    ) throws -> Torrent {
        guard digest ?? Digest.sha256(bytes) == shard.torrent.sha256 else {
            throw MirrorError(.untrusted, "torrent \(shard.infoHash) is not the one that the manifest names")
        }
        // The engine computes the info-hash when the torrent is added, and refuses another one.
        let torrent = try Torrent(parsing: bytes, infoHash: shard.infoHash, like: model)
        guard torrent.name == layout.set.rawValue else {
            throw MirrorError(
                .untrusted, "torrent \(shard.infoHash) is of another set: “\(printable(torrent.name.utf8))”")
        }
        return torrent
    }

    /// The cheapest way: a patch, or several, of a torrent that is here; else the whole. Returns the bytes fetched.
    ///
    /// - Parameter known: shards of the snapshots that it may be made of.
    private func fetchTorrent(
        _ shard: Manifest.Shard, _ manifest: Manifest, _ known: [InfoHash: Manifest.Shard]
    ) async throws -> Int64 {
        let limit = Torrent.Limits().size
        guard shard.torrent.size <= limit, shard.deltas.allSatisfy({ $0.torrent.size <= limit }) else {
            throw MirrorError(.untrusted, "torrent \(shard.infoHash) is larger than a torrent may be")
        }
        let bases = Set(shard.deltas.map(\.from).filter { FileSystem.exists(layout.torrent($0)) })
        var deltas = shard.deltas
        while let path = DeltaPath.cheapest(to: shard.infoHash, from: bases, deltas), path.size < shard.compressedSize {
            do { return try await patched(shard, manifest, path, known) } catch let failure as UnusablePatch {
                // Gone at the upstream, or what it was made for is not what is here: another way may be left.
                logger.notice("\(failure.reason)")
                deltas.removeAll { $0 == failure.delta }
            }
        }
        do {
            return try await whole(shard, .compressed, manifest)
        } catch let failure as MirrorError where failure.code == .upstream {
            do { return try await whole(shard, .plain, manifest) } catch is MirrorError { throw failure }
        }
    }

    private func whole(_ shard: Manifest.Shard, _ form: TorrentForm, _ manifest: Manifest) async throws -> Int64 {
        var torrent: Torrent?
        let size = shard.torrent.size
        let bytes = try await fetch(
            form.path(shard.infoHash), limit: form.limit(size: size)
        ) { torrent = try self.torrent(form.content(of: $0, size: size), shard) }
        guard let torrent else { throw MirrorError(.untrusted, "torrent \(shard.infoHash) was not checked") }
        try store(torrent, of: shard, compressed: form == .compressed ? bytes : nil, manifest)
        // Not as the target: of a first snapshot, little is opened twice.
        recent.add(torrent, of: shard)
        return Int64(bytes.count)
    }

    private func patched(
        _ shard: Manifest.Shard, _ manifest: Manifest, _ path: DeltaPath, _ known: [InfoHash: Manifest.Shard]
    ) async throws -> Int64 {
        guard let first = path.deltas.first else { throw MirrorError(.file, "there is no patch") }
        // Most of the parent's torrent stands in the new one as it is, and is not read again.
        let model = known[first.from].flatMap { try? shelf.torrent($0) }
        guard var content = try model?.bytes ?? FileSystem.contents(layout.torrent(first.from)) else {
            throw UnusablePatch(
                delta: first, reason: MirrorError(.file, "\(layout.torrent(first.from)) was damaged, or is gone"))
        }
        for delta in path.deltas {
            do { content = try await apply(delta, to: content) } catch let error as MirrorError {
                throw UnusablePatch(delta: delta, reason: error)
            }
        }
        let torrent = try torrent(content, digest: path.deltas.last?.torrent.sha256, like: model, shard)
        // First of all: where the torrent is, it is not fetched again.
        if let origin = torrent.origin { try keep(origin.encoded, at: layout.origin(shard.infoHash)) }
        try store(torrent, of: shard, compressed: nil, manifest)
        recent.add(torrent, of: shard, isTarget: true)
        return Int64(path.size)
    }

    private func apply(_ delta: Manifest.Delta, to base: [UInt8]) async throws -> [UInt8] {
        var content: [UInt8] = []
        func check(_ patch: [UInt8]) throws {
            content = try Zstd.apply(patch, to: base, size: delta.torrent.size)
            guard Digest.sha256(content) == delta.torrent.sha256 else {
                throw MirrorError(.untrusted, "it does not make torrent \(delta.to)")
            }
        }
        let path = layout.delta(from: delta.from, to: delta.to)
        if let patch = try FileSystem.contents(path), (try? check(patch)) != nil { return content }
        let patch = try await fetch(
            "deltas/\(delta.from)-\(delta.to).zst", limit: delta.size, check)
        // Other nodes may come for it.
        try FileSystem.makeDirectories(layout.deltas)
        try keep(patch, at: path)
        return content
    }

    /// A patch that cannot be had, or that does not make what it should.
    private struct UnusablePatch: Error {
        let delta: Manifest.Delta
        let reason: MirrorError
    }

    /// What was patched is compressed when another node asks for it; few nodes are anybody's upstream.
    private func store(
        _ torrent: Torrent, of shard: Manifest.Shard, compressed: [UInt8]?, _ manifest: Manifest
    ) throws {
        guard torrent.pieceLength == manifest.pieceLength else {
            throw MirrorError(.untrusted, "torrent \(torrent.infoHash) has pieces of another length than its set")
        }
        try FileSystem.makeDirectories(layout.torrents)
        // The plain one last: once it is there, the other may be made of it.
        if let compressed { try keep(compressed, at: layout.compressedTorrent(torrent.infoHash)) }
        let path = layout.torrent(torrent.infoHash)
        try keep(torrent.bytes, at: path)
        checked.note(shard.torrent.sha256, as: try FileSystem.status(path))
    }

    /// Writes a document. It is on disk once the tree is that it is of: what a power loss leaves of it is compared with its
    /// digest, and fetched again.
    private func keep(_ bytes: [UInt8], at path: String) throws {
        try FileSystem.writeAtomically(bytes, to: path, syncing: false)
    }

    /// A document by its path below `/.swarm/<set>/`: as it came with the feed, else from the first upstream whose answer
    /// passes the check. It throws `untrusted` when every upstream answered, and none
    /// with what was signed; otherwise one that did not answer may still have it.
    private func fetch(_ path: String, limit: Int, _ check: ([UInt8]) throws -> Void) async throws -> [UInt8] {
        if let bytes = offered.take(path), bytes.count <= limit, (try? check(bytes)) != nil { return bytes }
        let path = "/.swarm/\(layout.set)/\(path)"
        var failure: any Error = MirrorError(.upstream, "there is no upstream to fetch from")
        var isUntrusted = true
        for upstream in upstreams {
            do {
                let bytes = try await upstream.document(path, limit: limit)
                do { try check(bytes) } catch { throw MirrorError(.untrusted, "\(upstream.base)\(path): \(error)") }
                return bytes
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                let wasUntrusted = (error as? MirrorError)?.code == .untrusted
                if isUntrusted || !wasUntrusted { failure = error }
                isUntrusted = isUntrusted && wasUntrusted
            }
        }
        throw failure
    }

    /// A tree that lost more than its manifest says it deleted was cut short by accident, or by somebody.
    private func checkShrinkage(_ manifest: Manifest) async throws {
        guard let parent = try manifest.parent.flatMap({ try localManifest($0) }) else { return }
        guard manifest.totals.files + manifest.deleted.files >= parent.totals.files else {
            throw MirrorError(
                .shrunk,
                "snapshot \(manifest.uuid) has \(manifest.totals.files) files and says that \(manifest.deleted.files) were deleted, "
                    + "but its parent has \(parent.totals.files): it is refused; ask the master's operator")
        }
    }
}

/// What an upstream sent with its feed, until it is needed or something newer comes.
private final class OfferedDocuments: Sendable {
    private let documents = Mutex<[String: [UInt8]]>([:])

    func replace(with documents: [String: [UInt8]]) { self.documents.withLock { $0 = documents } }

    func take(_ path: String) -> [UInt8]? { documents.withLock { $0.removeValue(forKey: path) } }
}

/// Files whose content was compared with its digest, or written from what was: as long as nobody has written to them since,
/// they are not read for that again.
private final class CheckedFiles: Sendable {
    private struct Stamp: Equatable {
        let inode: UInt64
        let size: Int64
        let mtime: Int64
        let ctime: Int64
    }

    private let stamps = Mutex<[SHA256Digest: Stamp]>([:])
    /// More than the torrents of any set; beyond that it begins anew.
    private static let limit = 1 << 14

    private static func stamp(_ status: FileStatus) -> Stamp {
        Stamp(inode: status.inode, size: status.size, mtime: status.mtime, ctime: status.ctime)
    }

    /// - Parameter status: from before the content was read.
    func note(_ digest: SHA256Digest, as status: FileStatus?) {
        guard let status else { return }
        stamps.withLock { stamps in
            if stamps.count >= Self.limit { stamps = [:] }
            stamps[digest] = Self.stamp(status)
        }
    }

    func has(_ digest: SHA256Digest, as status: FileStatus?) -> Bool {
        guard let status, let known = stamps.withLock({ $0[digest] }) else { return false }
        return known == Self.stamp(status)
    }
}
