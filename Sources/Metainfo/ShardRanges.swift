public import SwarmCore

extension Manifest {
    /// Shards of two snapshots that hold one range of the order of paths: what is in no other range of either.
    public struct Range: Sendable {
        /// Of the one snapshot.
        public let base: [Shard]
        /// Of the other.
        public let target: [Shard]
    }

    /// Cuts two snapshots where both are cut, so that each range can be compared on its own. A shard with an info-hash of
    /// `sharing` is left out, and so are ranges in which nothing remains.
    public static func ranges(_ base: [Shard], _ target: [Shard], sharing: Set<InfoHash>) -> [Range] {
        let common = Set(base.map(\.start)).intersection(target.map(\.start)).union([""])
        let starts = common.sorted { TreePath.precedes($0.utf8, $1.utf8) }
        func place(_ shard: Shard) -> Int {
            // The last start that does not come after the shard's.
            var (low, high) = (0, starts.count)
            while low < high {
                let middle = (low + high) / 2
                if TreePath.precedes(shard.start.utf8, starts[middle].utf8) { high = middle } else { low = middle + 1 }
            }
            return max(0, low - 1)
        }
        let left = Dictionary(grouping: base.filter { !sharing.contains($0.infoHash) }, by: place)
        let right = Dictionary(grouping: target.filter { !sharing.contains($0.infoHash) }, by: place)
        return starts.indices.compactMap { index in
            let range = Range(base: left[index] ?? [], target: right[index] ?? [])
            return range.base.isEmpty && range.target.isEmpty ? nil : range
        }
    }
}
