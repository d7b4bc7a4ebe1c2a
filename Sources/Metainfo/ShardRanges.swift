internal import Algorithms
public import SwarmCore

extension Manifest {
    /// Shards of two snapshots that hold one range of the order of paths: what is in no other range of either.
    public struct Range: Sendable {
        /// Of the one snapshot.
        public let base: [Shard]
        /// Of the other.
        public let target: [Shard]
        /// Of a third one that is looked at beside them.
        public let beside: [Shard]
    }

    /// Cuts snapshots where all of them are cut, so that each range can be compared on its own. A shard of `base` or
    /// `target` with an info-hash of `sharing` is left out, and so are ranges in which nothing of these two remains.
    public static func ranges(
        _ base: [Shard], _ target: [Shard], beside: [Shard]? = nil, sharing: Set<InfoHash>
    ) -> [Range] {
        var common = Set(base.map(\.start)).intersection(target.map(\.start))
        if let beside { common.formIntersection(beside.map(\.start)) }
        // Nothing at all is cut nowhere, and need not keep the others from being cut.
        if base.isEmpty { common = Set(target.map(\.start)).intersection((beside ?? target).map(\.start)) }
        let starts = common.union([""]).sorted { TreePath.precedes($0.utf8, $1.utf8) }
        func place(_ shard: Shard) -> Int {
            // The last start that does not come after the shard's.
            max(0, starts.partitioningIndex { TreePath.precedes(shard.start.utf8, $0.utf8) } - 1)
        }
        let left = Dictionary(grouping: base.filter { !sharing.contains($0.infoHash) }, by: place)
        let right = Dictionary(grouping: target.filter { !sharing.contains($0.infoHash) }, by: place)
        let third = Dictionary(grouping: beside ?? [], by: place)
        return starts.indices.compactMap { index in
            let range = Range(base: left[index] ?? [], target: right[index] ?? [], beside: third[index] ?? [])
            return range.base.isEmpty && range.target.isEmpty ? nil : range
        }
    }
}
