public import FoundationEssentials
public import SwarmCore

/// The state of the network at one moment: the JSON of `GET /api/v1/report`, and what the text report and the pages are
/// made from.
public struct TrackerReport: Hashable, Sendable, Codable {
    /// One set.
    public struct SetReport: Hashable, Sendable, Codable {
        /// Its name.
        public var set: SetName
        /// Version of the feed that was read last.
        public var feedVersion: UInt64
        /// When that was, by the tracker's clock.
        public var feedRead: Date
        /// The live snapshots, the newest first.
        public var snapshots: [SnapshotReport]
    }

    /// One snapshot.
    public struct SnapshotReport: Hashable, Sendable, Codable {
        /// Its identity.
        public var uuid: SnapshotID
        /// Its number in the set.
        public var serial: Serial
        /// When the master made it.
        public var created: Date
        /// Whether it may not be activated yet.
        public var hold: Bool
        /// Files in it.
        public var files: Int
        /// Bytes of these files.
        public var bytes: Int64
        /// Each node that carries the set, by name.
        public var nodes: [SnapshotStanding]

        /// How many nodes are in a state.
        public func count(_ state: SnapshotStanding.State) -> Int { nodes.count { $0.state == state } }

        /// Of the nodes that are not silent.
        public var traffic: SnapshotStanding.Traffic {
            nodes.filter { $0.state != .silent }.reduce(SnapshotStanding.Traffic()) { $0 + $1.traffic }
        }
    }

    /// A node's clock.
    public struct NodeClock: Hashable, Sendable, Codable {
        /// The node.
        public var node: NodeName
        /// By how many seconds it is before the tracker's.
        public var offset: Double
    }

    /// A clock that differs by more seconds is worth a word: activation follows the nodes' clocks.
    public static let clockTolerance: TimeInterval = 10

    /// By the tracker's clock.
    public var time: Date
    /// Of the tracker's software.
    public var version: String
    /// Registered nodes.
    public var nodes: Int
    /// Of these, those whose last report is fresh.
    public var reporting: Int
    /// Registered nodes that never reported, by name.
    public var unheard: [NodeName]
    /// Nodes whose clocks are off by more than `clockTolerance`, the worst first.
    public var clocks: [NodeClock]
    /// Torrents with peers.
    public var swarms: Int
    /// Peers, each counted in every swarm that it is in.
    public var peers: Int
    /// By name.
    public var sets: [SetReport]
}

extension ProgressBoard {
    /// The state of everything; `swarms` and `peers` are counted elsewhere.
    public func report(swarms: Int, peers: Int, now: Date) -> TrackerReport {
        TrackerReport(
            time: now, version: Version.current, nodes: nodes.count,
            reporting: nodes.values.count { $0.received.map { now.timeIntervalSince($0) <= freshness } ?? false },
            unheard: nodes.values.filter { $0.report == nil }.map(\.registration.name).sorted(),
            clocks: clocks(offByMoreThan: TrackerReport.clockTolerance, now: now), swarms: swarms, peers: peers,
            sets: feeds.values.sorted { $0.feed.set < $1.feed.set }.map { followed in
                TrackerReport.SetReport(
                    set: followed.feed.set, feedVersion: followed.feed.version, feedRead: followed.read,
                    snapshots: followed.feed.snapshots.reversed().map { entry in
                        TrackerReport.SnapshotReport(
                            uuid: entry.uuid, serial: entry.serial, created: entry.created, hold: entry.activation.hold,
                            files: entry.files, bytes: entry.bytes,
                            nodes: standings(followed.feed.set, entry.uuid, now: now))
                    })
            })
    }
}
