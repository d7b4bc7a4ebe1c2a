public import FoundationEssentials
public import SwarmCore

/// How far one node is with one snapshot.
public struct SnapshotStanding: Hashable, Sendable, Codable {
    /// In words.
    public enum State: String, Hashable, Sendable, Codable, CaseIterable {
        /// Readers see it, or a later one.
        case active
        /// Whole and checked, not visible.
        case ready
        /// Under way.
        case fetching
        /// The node carries the set and has not begun.
        case waiting
        /// The node's last report is too old to say anything.
        case silent
    }

    /// The node.
    public var node: NodeName
    /// Its region; nil when nobody knows.
    @NullWhenNil public var region: String?
    /// How much it counts in decisions by weight.
    public var weight: Int
    /// How far it is; of a silent node, nobody knows.
    public var state: State
    /// Bytes of what the node wants of the snapshot: less than all for a partial mirror.
    public var bytesTotal: Int64
    /// Of these, what it has whole.
    public var bytesHad: Int64
    /// By how many bytes per second that grows.
    public var rate: Double
    /// Where its bytes came from.
    public var traffic: Traffic
    /// What hinders it.
    @NullWhenNil public var error: String?
    /// Why its word is not taken; nil when it is.
    @NullWhenNil public var suspicion: Suspicion?
    /// When it last reported, by the tracker's clock.
    public var reported: Date

    init(
        record: ProgressBoard.NodeRecord, carried: NodeReport.SetReport, entry: Feed.Entry, received: Date,
        isFresh: Bool
    ) {
        node = record.registration.name
        weight = record.registration.weight
        reported = received
        rate = 0
        traffic = Traffic()
        // Nothing is asked of a partial mirror: nobody knows which files it has.
        suspicion = carried.isFiltered ? nil : record.suspicions[carried.set]
        let current = carried.current?.serial ?? 0
        if let snapshot = carried.snapshots.first(where: { $0.uuid == entry.uuid }) {
            bytesTotal = bounded(snapshot.bytesTotal)
            bytesHad = snapshot.bytesHad
            traffic = Traffic(snapshot)
            switch snapshot.state {
            case .active, .retained: state = .active
            case .ready: state = current > entry.serial ? .active : .ready
            case .fetching:
                state = .fetching
                rate = record.rates[entry.uuid]?.bytesPerSecond ?? 0
            }
            error = snapshot.error ?? carried.error
        } else if current > entry.serial {
            // The node went past it.
            (state, bytesTotal, bytesHad) = (.active, entry.bytes, entry.bytes)
        } else {
            // What a partial mirror wants is about what it wants of the snapshot that it has.
            let carriedBytes = carried.snapshots.last.map { bounded($0.bytesTotal) } ?? entry.bytes
            (state, bytesTotal, bytesHad) = (.waiting, carried.isFiltered ? carriedBytes : entry.bytes, 0)
            error = carried.error
        }
        if !isFresh { (state, rate) = (.silent, 0) }
        region = record.registration.region ?? record.place?.region
    }

    /// Whether the node has all that it wants of the snapshot.
    public var isComplete: Bool { state == .active || state == .ready }

    /// What the node has, from 0 to 1; 1 only when it has all.
    public var share: Double {
        if isComplete { return 1 }
        return bytesTotal > 0 ? min(0.999, Double(bytesHad) / Double(bytesTotal)) : 0
    }

    /// Seconds until the node has all, at its present rate; nil when it does not move, or moves by less than it would
    /// need to be done within a hundred days.
    public var secondsLeft: Double? {
        if isComplete { return 0 }
        guard rate > 0 else { return nil }
        let seconds = Double(max(0, bytesTotal - bytesHad)) / rate
        return seconds < 8_640_000 ? seconds : nil
    }
}
