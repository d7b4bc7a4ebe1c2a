public import FoundationEssentials
public import SwarmCore

/// All that is known of one node.
public struct NodeDetail: Hashable, Sendable {
    /// What it said of one set.
    public struct SetDetail: Hashable, Sendable {
        /// As the node reported it.
        public var report: NodeReport.SetReport
        /// How it stands to each live snapshot, the newest first.
        public var snapshots: [Row]

        /// One snapshot.
        public struct Row: Hashable, Sendable {
            /// As the feed has it.
            public var entry: Feed.Entry
            /// How the node stands to it.
            public var standing: SnapshotStanding
        }
    }

    /// As it was registered.
    public var registration: NodeRegistration
    /// Where it is, by its registration and its address.
    public var place: Place
    /// What it reported last; nil when it never did.
    public var report: NodeReport?
    /// When that came, by the tracker's clock.
    public var received: Date?
    /// Whether that is new enough to say something.
    public var isFresh: Bool
    /// Its sets whose feeds are known, by name.
    public var sets: [SetDetail]

    /// By how many seconds its clock is before the tracker's; nil when it never reported. A report says whole seconds,
    /// and takes a moment to arrive.
    public var clockOffset: TimeInterval? { received.flatMap { received in report?.clockOffset(received: received) } }
}

extension NodeReport {
    /// By how many seconds the node's clock is before the tracker's.
    func clockOffset(received: Date) -> TimeInterval { sent.timeIntervalSince(received) }
}

extension ProgressBoard {
    /// All that is known of a node; nil when it is not registered.
    public func detail(_ name: NodeName, now: Date) -> NodeDetail? {
        guard let record = nodes[name] else { return nil }
        let registered = Place(region: record.registration.region, group: record.registration.group)
        let isFresh = record.received.map { now.timeIntervalSince($0) <= freshness } ?? false
        let carried = (record.report?.sets ?? []).sorted { $0.set < $1.set }
        return NodeDetail(
            registration: record.registration, place: registered.completed(by: record.place ?? Place()),
            report: record.report, received: record.received, isFresh: isFresh,
            sets: carried.compactMap { carried in
                guard let feed = feeds[carried.set]?.feed, let received = record.received else { return nil }
                return NodeDetail.SetDetail(
                    report: carried,
                    snapshots: feed.snapshots.reversed().map { entry in
                        .init(
                            entry: entry,
                            standing: SnapshotStanding(
                                record: record, carried: carried, entry: entry, received: received, isFresh: isFresh))
                    })
            })
    }

    /// Nodes whose clocks differ from the tracker's by a node's last fresh report, the worst first.
    public func clocks(offByMoreThan limit: TimeInterval, now: Date) -> [TrackerReport.NodeClock] {
        nodes.values.compactMap { record in
            guard let report = record.report, let received = record.received,
                now.timeIntervalSince(received) <= freshness
            else { return nil }
            let offset = report.clockOffset(received: received)
            return abs(offset) > limit ? .init(node: record.registration.name, offset: offset) : nil
        }.sorted { (abs($1.offset), $0.node) < (abs($0.offset), $1.node) }
    }
}
