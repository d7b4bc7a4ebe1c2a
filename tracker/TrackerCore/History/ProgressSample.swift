public import FoundationEssentials
public import SwarmCore

/// How far the nodes were with a snapshot at one moment.
public struct ProgressSample: Hashable, Sendable, Codable {
    /// By the tracker's clock, in whole seconds.
    public var time: Date
    /// What was counted.
    public var counts: Counts

    /// Of all nodes that carry the set.
    public struct Counts: Hashable, Sendable, Codable {
        /// Nodes that carry the set.
        public var nodes: Int
        /// Of these, those that have the snapshot, visible or not.
        public var complete: Int
        /// Of those, the ones whose readers see it, or a later one.
        public var active: Int
        /// Bytes that the nodes want of the snapshot.
        public var bytesTotal: Int64
        /// Of these, the bytes that they have.
        public var bytesHad: Int64

        /// Every part given.
        public init(nodes: Int, complete: Int, active: Int, bytesTotal: Int64, bytesHad: Int64) {
            self.nodes = nodes
            self.complete = complete
            self.active = active
            self.bytesTotal = bytesTotal
            self.bytesHad = bytesHad
        }

        /// Of the snapshot as it stands.
        public init(_ snapshot: TrackerReport.SnapshotReport) {
            self.init(
                nodes: snapshot.nodes.count, complete: snapshot.nodes.count(where: \.isComplete),
                active: snapshot.count(.active), bytesTotal: snapshot.nodes.reduce(0) { $0 + $1.bytesTotal },
                bytesHad: snapshot.nodes.reduce(0) { $0 + $1.bytesHad })
        }

        /// Of the nodes, those that have the snapshot; 0 to 1.
        public var nodeShare: Double { nodes > 0 ? Double(complete) / Double(nodes) : 0 }
        /// Of the nodes, those whose readers see it; 0 to 1.
        public var activeShare: Double { nodes > 0 ? Double(active) / Double(nodes) : 0 }
        /// Of the bytes, those that are had; 0 to 1.
        public var byteShare: Double {
            bytesTotal > 0 ? min(1, Double(bytesHad) / Double(bytesTotal)) : (nodes > 0 ? nodeShare : 0)
        }
    }

    /// `time` is cut to whole seconds, as it is stored.
    public init(time: Date, counts: Counts) {
        self.time = Date(timeIntervalSince1970: time.timeIntervalSince1970.rounded(.down))
        self.counts = counts
    }
}

/// A snapshot of a set, as the history names it.
public struct SnapshotKey: Hashable, Sendable {
    /// The set.
    public let set: SetName
    /// The snapshot.
    public let snapshot: SnapshotID

    /// Both parts given.
    public init(_ set: SetName, _ snapshot: SnapshotID) {
        self.set = set
        self.snapshot = snapshot
    }
}
