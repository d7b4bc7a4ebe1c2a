internal import FileTree
internal import Metainfo
internal import SwarmCore

/// Writes the torrents of a new snapshot as they are made, with patches from those that nodes have. Until a feed lists the
/// snapshot nobody asks for them; they are on the disk once the snapshot's tree is.
struct TorrentWriter {
    let store: SnapshotStore
    /// Finds out what would be written, and writes nothing.
    let isDry: Bool
    private(set) var entries: [Manifest.Shard] = []
    /// The other live snapshots' shards by their key, the newest first.
    private var older: [ShardCut.Key: [Manifest.Shard]] = [:]

    /// How many patches in a row a manifest lists.
    static let generations = 4
    /// A way of patches that is this part of the whole torrent is short enough: a patch that may be shorter costs more to
    /// make, for every changed shard, than the few nodes save that are so far behind.
    static let shortWay = 8

    init(store: SnapshotStore, parent: Manifest?, isDry: Bool) throws {
        self.store = store
        self.isDry = isDry
        for entry in try store.feed()?.feed.snapshots.reversed() ?? [] where entry.uuid != parent?.uuid {
            for shard in try store.manifest(entry.uuid).shards {
                older[ShardCut.Key(start: shard.start, priority: shard.priority), default: []].append(shard)
            }
        }
    }

    mutating func add(_ shard: SnapshotComposer.Shard) throws {
        switch shard {
        case .unchanged(var entry):
            entry.deltas = entry.deltas.filter { FileSystem.exists(store.layout.delta(from: $0.from, to: $0.to)) }
            entries.append(entry)
        case .changed(let key, let torrent, let parent):
            // Nearly all nodes take the patch. For others the torrent is compressed when one comes; it will be about as
            // long as the parent's.
            let likeParent = parent.map { $0.shard.compressedSize * torrent.bytes.count / max(1, $0.torrent.count) }
            var entry = Manifest.Shard(
                start: key.start, priority: key.priority, infoHash: torrent.infoHash,
                torrent: Pinned(size: torrent.bytes.count, sha256: Digest.sha256(torrent.bytes)),
                compressedSize: likeParent ?? 0, classes: torrent.classes)
            if !isDry {
                try FileSystem.writeAtomically(
                    torrent.withTrackers(store.configuration.trackers), to: store.layout.torrent(torrent.infoHash),
                    syncing: false)
                if let parent { entry.deltas = try deltas(to: entry, torrent, from: parent, key) }
                if !entry.deltas.contains(where: { $0.to == entry.infoHash }) {
                    let compressed = try Zstd.compress(torrent.bytes)
                    try FileSystem.writeAtomically(
                        compressed, to: store.layout.compressedTorrent(torrent.infoHash), syncing: false)
                    entry.compressedSize = compressed.count
                }
            }
            entries.append(entry)
        }
    }

    /// The patch from the parent's torrent with those that lead to that one, and a patch from the oldest live snapshot's
    /// where that is shorter than the way through all between.
    private func deltas(
        to entry: Manifest.Shard, _ torrent: EncodedShard, from parent: (shard: Manifest.Shard, torrent: [UInt8]),
        _ key: ShardCut.Key
    ) throws -> [Manifest.Delta] {
        var deltas: [Manifest.Delta] = []
        if let delta = try write(
            to: entry, torrent, from: (parent.shard.infoHash, parent.torrent), below: entry.compressedSize)
        {
            deltas.append(delta)
        }
        deltas += parent.shard.deltas.prefix(Self.generations - 1).filter {
            FileSystem.exists(store.layout.delta(from: $0.from, to: $0.to))
        }
        let candidates = older[key, default: []].filter {
            $0.infoHash != parent.shard.infoHash && $0.infoHash != entry.infoHash
        }
        if let oldest = candidates.last {
            let way = DeltaPath.cheapest(to: entry.infoHash, from: [oldest.infoHash], deltas)
            if let way, way.size * Self.shortWay <= entry.compressedSize { return deltas }
            let limit = way?.size ?? entry.compressedSize
            let base = (oldest.infoHash, try store.torrentBytes(oldest))
            if let delta = try write(to: entry, torrent, from: base, below: limit) {
                deltas.append(delta)
            }
        }
        return deltas
    }

    /// Nil when the patch is no shorter than `limit`.
    private func write(
        to entry: Manifest.Shard, _ torrent: EncodedShard, from base: (infoHash: InfoHash, bytes: [UInt8]),
        below limit: Int
    ) throws -> Manifest.Delta? {
        let patch = try Zstd.patch(from: base.bytes, to: torrent.bytes)
        guard patch.count < limit else { return nil }
        try FileSystem.makeDirectories(store.layout.deltas)
        try FileSystem.writeAtomically(
            patch, to: store.layout.delta(from: base.infoHash, to: torrent.infoHash), syncing: false)
        return Manifest.Delta(
            from: base.infoHash, to: torrent.infoHash, size: patch.count, torrent: entry.torrent)
    }
}
