internal import FileTree
internal import Metainfo
public import SwarmCore

extension SnapshotStore {
    /// Torrents of more bytes than this are not waited for: nodes hear of the snapshot before they are seeded.
    private static let seedLimit = 16 << 20

    /// What a node that has its parent will ask for to get the newest snapshot of a feed, by the paths below `/.swarm/<set>/`:
    /// the manifest, and the patches of the torrents. Empty for a set's first snapshot, and where it would be too much, or
    /// the torrents too large to have everybody wait for their seeding. Blocking.
    public func news(in feed: Feed) throws -> [String: [UInt8]] {
        guard let newest = feed.newest, newest.manifest.size <= FeedBundle.limit,
            let bytes = try FileSystem.contents(layout.manifest(newest.uuid))
        else { return [:] }
        let manifest = try manifest(newest.uuid)
        guard let parent = manifest.parent.flatMap({ try? self.manifest($0) }) else { return [:] }
        let old = Set(parent.shards.map(\.infoHash))
        let changed = manifest.shards.filter { !old.contains($0.infoHash) }
        guard changed.reduce(0, { $0 + $1.torrent.size }) <= Self.seedLimit else { return [:] }
        var documents = ["manifests/\(newest.uuid).json": bytes]
        var size = bytes.count
        for delta in changed.flatMap(\.deltas) where old.contains(delta.from) {
            size += delta.size
            guard size <= FeedBundle.limit else { return [:] }
            let patch = try FileSystem.contents(layout.delta(from: delta.from, to: delta.to))
            documents["deltas/\(delta.from)-\(delta.to).zst"] = patch
        }
        return documents
    }
}
