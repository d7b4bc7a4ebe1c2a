internal import FileTree
internal import Logging
internal import Metainfo
internal import SwarmCore

/// Gets the documents that describe a snapshot: from disk when they are there, else from the upstreams. Each is checked
/// against the digest that leads back to the signed feed.
struct SnapshotSource: Sendable {
    let layout: RootLayout
    let upstreams: [Upstream]

    /// Documents that were fetched, in bytes as they travelled.
    struct Documents: Sendable {
        let manifest: Manifest
        let torrents: [Torrent]
        let bytesFetched: Int64
    }

    func documents(of entry: Feed.Entry) async throws -> Documents {
        var fetched: Int64 = 0
        let manifest: Manifest
        if let bytes = try FileSystem.contents(layout.manifest(entry.uuid)),
            Digest.sha256(bytes) == entry.manifest.sha256
        {
            manifest = try SwarmCore.Documents.decode(Manifest.self, from: bytes)
        } else {
            let bytes = try await fetch(
                "/.swarm/\(layout.set)/manifests/\(entry.uuid).json", limit: entry.manifest.size
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
            try FileSystem.writeAtomically(bytes, to: layout.manifest(entry.uuid))
        }
        try await checkShrinkage(manifest)
        var torrents: [Torrent] = []
        for shard in manifest.shards {
            if let local = try? localTorrent(shard) {
                torrents.append(local)
            } else {
                let (torrent, bytes) = try await fetchTorrent(shard, manifest)
                fetched += bytes
                torrents.append(torrent)
            }
        }
        return Documents(manifest: manifest, torrents: torrents, bytesFetched: fetched)
    }

    /// A snapshot of this node, from disk alone.
    func local(_ snapshot: SnapshotID) throws -> (manifest: Manifest, torrents: [Torrent]) {
        guard let manifest = try localManifest(snapshot) else {
            throw MirrorError(.file, "\(layout.manifest(snapshot)) is missing")
        }
        return (manifest, try manifest.shards.map { try localTorrent($0) })
    }

    /// Whether the manifest and the torrents of a snapshot are on the disk.
    func isComplete(_ snapshot: SnapshotID) -> Bool {
        guard let manifest = try? localManifest(snapshot) else { return false }
        return manifest.shards.allSatisfy { FileSystem.exists(layout.compressedTorrent($0.infoHash)) }
    }

    func localManifest(_ snapshot: SnapshotID) throws -> Manifest? {
        guard let bytes = try FileSystem.contents(layout.manifest(snapshot)) else { return nil }
        return try? SwarmCore.Documents.decode(Manifest.self, from: bytes)
    }

    func localTorrent(_ shard: Manifest.Shard) throws -> Torrent {
        guard let compressed = try FileSystem.contents(layout.compressedTorrent(shard.infoHash)) else {
            throw MirrorError(.file, "\(layout.compressedTorrent(shard.infoHash)) is missing")
        }
        return try check(compressed, shard)
    }

    private func check(_ compressed: [UInt8], _ shard: Manifest.Shard) throws -> Torrent {
        let bytes = try Zstd.decompress(compressed, size: shard.torrent.size)
        guard Digest.sha256(bytes) == shard.torrent.sha256 else {
            throw MirrorError(.untrusted, "torrent \(shard.infoHash) is not the one that the manifest names")
        }
        let torrent = try Torrent(parsing: bytes)
        guard torrent.infoHash == shard.infoHash, torrent.name == layout.set.rawValue else {
            throw MirrorError(.untrusted, "torrent \(shard.infoHash) has another info-hash, or is of another set")
        }
        return torrent
    }

    private func fetchTorrent(_ shard: Manifest.Shard, _ manifest: Manifest) async throws -> (Torrent, Int64) {
        guard shard.torrent.size <= Torrent.Limits().size, shard.compressedSize <= shard.torrent.size + 1024 else {
            throw MirrorError(.untrusted, "torrent \(shard.infoHash) is larger than a torrent may be")
        }
        var torrent: Torrent?
        let bytes = try await fetch(
            "/.swarm/\(layout.set)/torrents/\(shard.infoHash).torrent.zst", limit: shard.compressedSize
        ) { torrent = try check($0, shard) }
        guard let torrent else { throw MirrorError(.untrusted, "torrent \(shard.infoHash) was not checked") }
        guard torrent.pieceLength == manifest.pieceLength else {
            throw MirrorError(.untrusted, "torrent \(shard.infoHash) has pieces of another length than its set")
        }
        try FileSystem.makeDirectories(layout.torrents)
        try FileSystem.writeAtomically(torrent.bytes, to: layout.torrent(shard.infoHash))
        try FileSystem.writeAtomically(bytes, to: layout.compressedTorrent(shard.infoHash))
        return (torrent, Int64(bytes.count))
    }

    /// From the first upstream whose answer passes the check.
    private func fetch(_ path: String, limit: Int, _ check: ([UInt8]) throws -> Void) async throws -> [UInt8] {
        var failure: any Error = MirrorError(.upstream, "there is no upstream to fetch from")
        for upstream in upstreams {
            do {
                let bytes = try await upstream.document(path, limit: limit)
                do { try check(bytes) } catch { throw MirrorError(.untrusted, "\(upstream.base)\(path): \(error)") }
                return bytes
            } catch is CancellationError {
                throw CancellationError()
            } catch { failure = error }
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
