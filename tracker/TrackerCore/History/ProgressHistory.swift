public import FoundationEssentials
public import SwarmCore

/// How far the nodes were with each live snapshot, over time. A value; whoever holds it gives the time and stores what
/// changes.
public struct ProgressHistory: Sendable {
    /// What is to be stored.
    public struct Changes: Hashable, Sendable {
        /// New samples, or new counts of a sample that is there.
        public var added: [SnapshotKey: [ProgressSample]] = [:]
        /// Samples that go.
        public var removed: [SnapshotKey: Set<Date>] = [:]
        /// Snapshots that go with all their samples.
        public var forgotten: Set<SnapshotKey> = []

        /// Nothing.
        public init() {}

        /// Whether there is nothing to do.
        public var isEmpty: Bool { added.isEmpty && removed.isEmpty && forgotten.isEmpty }
    }

    /// Seconds from one sample to the next, at least.
    public var interval: TimeInterval = 20
    /// What goes as it ages.
    public var thinning = HistoryThinning()
    /// Samples of each snapshot, ascending by time.
    public private(set) var samples: [SnapshotKey: [ProgressSample]]

    /// When each snapshot was looked at last, where that was after its last sample.
    private var unchanged: [SnapshotKey: Date] = [:]
    private var lastTake: Date?
    private var lastThinning: Date?

    /// With what was stored.
    public init(_ samples: [SnapshotKey: [ProgressSample]] = [:]) {
        self.samples = samples.mapValues { $0.sorted { $0.time < $1.time } }
    }

    /// Whether it is time to take how far the nodes are. A clock that was set back does not stop the history for long.
    public func isDue(_ now: Date) -> Bool {
        lastTake.map { !(0..<interval).contains(now.timeIntervalSince($0)) } ?? true
    }

    /// Takes how far the nodes are now, when it is time to. What did not change since the last sample makes no new one;
    /// once it does, the moment before it is kept as well, so that a line through the samples shows the wait.
    public mutating func take(_ report: TrackerReport) -> Changes {
        var changes = Changes()
        guard isDue(report.time) else { return changes }
        // While there is nothing to see, as after the start, the first sample is not put off.
        if report.sets.contains(where: { $0.snapshots.contains { !$0.nodes.isEmpty } }) { lastTake = report.time }
        for set in report.sets {
            let live = Set(set.snapshots.map(\.uuid))
            for key in samples.keys where key.set == set.set && !live.contains(key.snapshot) {
                samples[key] = nil
                unchanged[key] = nil
                changes.forgotten.insert(key)
            }
            for snapshot in set.snapshots where !snapshot.nodes.isEmpty {
                add(
                    ProgressSample(time: report.time, counts: .init(snapshot)), to: SnapshotKey(set.set, snapshot.uuid),
                    &changes)
            }
        }
        thin(now: report.time, &changes)
        return changes
    }

    private mutating func add(_ sample: ProgressSample, to key: SnapshotKey, _ changes: inout Changes) {
        guard let last = samples[key]?.last else {
            samples[key] = [sample]
            changes.added[key, default: []].append(sample)
            return
        }
        guard sample.counts != last.counts else {
            unchanged[key] = sample.time
            return
        }
        var new = [sample]
        if let time = unchanged.removeValue(forKey: key), time > last.time {
            new.insert(ProgressSample(time: time, counts: last.counts), at: 0)
        }
        // None that is not after the last: the clock was set back.
        new.removeAll { $0.time <= last.time }
        guard !new.isEmpty else { return }
        samples[key]?.append(contentsOf: new)
        changes.added[key, default: []].append(contentsOf: new)
    }

    /// Once an hour.
    private mutating func thin(now: Date, _ changes: inout Changes) {
        if let lastThinning, (0..<3600).contains(now.timeIntervalSince(lastThinning)) { return }
        lastThinning = now
        for (key, kept) in samples {
            let gone = thinning.superfluous(kept.map(\.time), now: now)
            guard !gone.isEmpty else { continue }
            samples[key]?.removeAll { gone.contains($0.time) }
            changes.removed[key] = gone
        }
    }

    /// Forgets the sets that are not among these.
    public mutating func keepOnly(_ sets: Set<SetName>) -> Changes {
        var changes = Changes()
        for key in samples.keys where !sets.contains(key.set) {
            samples[key] = nil
            changes.forgotten.insert(key)
        }
        return changes
    }

    /// The samples of a snapshot with one for now, where it has changed or stood still since the last.
    public func line(_ key: SnapshotKey, until now: ProgressSample?) -> [ProgressSample] {
        let kept = samples[key] ?? []
        guard let now, now.time > kept.last?.time ?? .distantPast else { return kept }
        return kept + [now]
    }
}
