public import FoundationEssentials
public import SwarmCore

/// What the tracker knows of its nodes and sets: the registrations, the last report of each node, the last feed of each
/// set. A value; whoever holds it gives the time.
public struct ProgressBoard: Sendable {
    /// A node with what it last said.
    struct NodeRecord: Sendable {
        var registration: NodeRegistration
        /// Where it is, by its registration and by the address that it reported from.
        var place: Place?
        var report: NodeReport?
        /// When the report came, by the tracker's clock.
        var received: Date?
        /// How fast each snapshot that it fetches grows.
        var rates: [SnapshotID: GrowthRate] = [:]
        /// The sets for which its word is not taken.
        var suspicions: [SetName: Suspicion] = [:]
    }

    /// A feed, and when it was read.
    struct FollowedFeed: Sendable {
        var feed: Feed
        var read: Date
    }

    /// A report older than this says nothing about the present: the node is silent.
    public var freshness: TimeInterval = 180
    /// A node that was silent for longer is absent: no decision waits for it.
    public var absence: TimeInterval = 86_400

    var nodes: [NodeName: NodeRecord] = [:]
    private(set) var feeds: [SetName: FollowedFeed] = [:]

    /// A board without nodes and sets.
    public init() {}

    /// Replaces the registrations; what a node has reported stays, of one that is gone it goes.
    public mutating func setRegistrations(_ registrations: [NodeRegistration]) {
        var kept: [NodeName: NodeRecord] = [:]
        for registration in registrations {
            var record = nodes[registration.name] ?? NodeRecord(registration: registration)
            // What was found at other addresses says nothing about these.
            if record.registration.urls != registration.urls { record.suspicions = [:] }
            record.registration = registration
            kept[registration.name] = record
        }
        nodes = kept
    }

    /// Takes a feed, whose signature was checked.
    public mutating func setFeed(_ feed: Feed, read: Date) { feeds[feed.set] = FollowedFeed(feed: feed, read: read) }

    /// Takes note that a set's feed is still the newest.
    public mutating func confirmFeed(of set: SetName, read: Date) { feeds[set]?.read = read }

    /// Takes the report of a registered node; false for the name of any other. `place` is that of its address.
    @discardableResult
    public mutating func take(_ report: NodeReport, received: Date, place: Place?) -> Bool {
        guard var record = nodes[report.node] else { return false }
        record.place = place
        var rates: [SnapshotID: GrowthRate] = [:]
        for snapshot in report.sets.flatMap(\.snapshots) where snapshot.state == .fetching {
            var rate = record.rates[snapshot.uuid] ?? GrowthRate(snapshot.downloadRate)
            rate.take(snapshot.bytesHad, at: received)
            rates[snapshot.uuid] = rate
        }
        record.rates = rates
        record.report = report
        record.received = received
        nodes[report.node] = record
        return true
    }

    /// How each node that carries a set stands to one of its snapshots, by name.
    public func standings(_ set: SetName, _ snapshot: SnapshotID, now: Date) -> [SnapshotStanding] {
        guard let entry = feeds[set]?.feed.entry(snapshot) else { return [] }
        return nodes.values.compactMap { record in
            guard let report = record.report, let received = record.received,
                let carried = report.sets.first(where: { $0.set == set })
            else { return nil }
            return SnapshotStanding(
                record: record, carried: carried, entry: entry, received: received,
                isFresh: now.timeIntervalSince(received) <= freshness)
        }.sorted { $0.node < $1.node }
    }

    /// The snapshot that a word stands for: `latest`, a serial, or the beginning of a UUID that only one has.
    public func snapshot(_ word: String, of set: SetName) -> Feed.Entry? {
        guard let feed = feeds[set]?.feed else { return nil }
        if word == "latest" { return feed.newest }
        if let serial = Serial(word), let entry = feed.snapshots.first(where: { $0.serial == serial }) { return entry }
        let matches = feed.snapshots.filter { word.count >= 4 && $0.uuid.rawValue.hasPrefix(word.lowercased()) }
        return matches.count == 1 ? matches[0] : nil
    }

    /// The sets whose feeds were read, by name.
    public var sets: [SetName] { feeds.keys.sorted() }
}

/// How fast something grows: a mean in which the last minute weighs most.
struct GrowthRate: Sendable {
    private(set) var bytesPerSecond: Double
    private var last: (bytes: Int64, time: Date)?

    /// With the rate that holds until two measurements are there.
    init(_ bytesPerSecond: Int) { self.bytesPerSecond = Double(bytesPerSecond) }

    mutating func take(_ bytes: Int64, at time: Date) {
        defer { last = (bytes, time) }
        guard let last, time > last.time else { return }
        // Less than before means that the node began anew: nothing is known of its rate.
        guard bytes >= last.bytes else {
            bytesPerSecond = 0
            return
        }
        let elapsed = time.timeIntervalSince(last.time)
        let share = elapsed / (elapsed + 60)
        bytesPerSecond += share * (Double(bytes - last.bytes) / elapsed - bytesPerSecond)
    }
}

extension NodeStatus.Snapshot {
    /// Bytes of the files that are here whole.
    var bytesHad: Int64 {
        let total = bounded(bytesTotal)
        return state == .fetching ? min(total, bounded(bytesLinked) + bounded(bytesDone)) : total
    }
}
