internal import Algorithms
public import SwarmCore

/// Which shard a path is in, by where the shards begin: without opening any.
public struct ShardLookup: Sendable {
    /// Where stretches begin, in the order of paths, each with its shards, the smallest `.torrent` first.
    private let stretches: [(start: String, shards: [Manifest.Shard])]

    /// For the shards of one snapshot.
    public init(_ shards: [Manifest.Shard]) {
        stretches = Dictionary(grouping: shards, by: \.start)
            .map { ($0.key, $0.value.sorted { ($0.torrent.size, $0.label) < ($1.torrent.size, $1.label) }) }
            .sorted { TreePath.precedes($0.0.utf8, $1.0.utf8) }
    }

    /// The shards that can have a path: one, or one for each class of files.
    public func candidates(_ path: String) -> [Manifest.Shard] {
        let next = stretches.partitioningIndex { TreePath.precedes(path.utf8, $0.start.utf8) }
        return next > 0 ? stretches[next - 1].shards : []
    }
}
