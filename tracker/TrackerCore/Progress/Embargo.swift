public import FoundationEssentials
public import SwarmCore

/// The question whether enough nodes have a snapshot.
public struct EmbargoQuestion: Hashable, Sendable {
    /// What is counted.
    public enum Measure: String, Hashable, Sendable, Codable, CaseIterable {
        /// Each node once.
        case nodes
        /// Each node by its registered weight.
        case weight
        /// The bytes that the nodes want of the snapshot; those of a node that is not done count as well.
        case bytes
    }

    /// The share that must be reached, from 0 to 1.
    public var threshold: Double
    /// What is counted.
    public var measure: Measure
    /// The share that must be reached in every region; nil for none.
    public var regionMinimum: Double?

    /// What `share(_:)` takes, for error messages.
    public static let shareRule = "a share such as 80% or 0.8"

    /// A share from `80%` or `0.8`; nil for anything else, and outside 0 to 1.
    public static func share(_ text: String) -> Double? {
        let isPercent = text.hasSuffix("%")
        guard text.utf8.first.map({ (0x30...0x39).contains($0) }) == true,
            let number = Double(isPercent ? String(text.dropLast()) : text)
        else { return nil }
        let share = isPercent ? number / 100 : number
        return (0...1).contains(share) ? share : nil
    }

    /// Every part given.
    public init(threshold: Double = 0.8, measure: Measure = .nodes, regionMinimum: Double? = nil) {
        self.threshold = threshold
        self.measure = measure
        self.regionMinimum = regionMinimum
    }
}

/// The answer, with its grounds.
///
/// Every node that carries the set counts, a partial mirror by what it carries. A node whose last report is old is
/// counted as one that has nothing, so that an outage of the network cannot lift an embargo; one that was silent for a
/// day is absent, and counts no more; so is one whose readers were found to get something else than it reports.
public struct EmbargoAnswer: Hashable, Sendable, Codable {
    /// What follows.
    public enum Verdict: String, Hashable, Sendable, Codable {
        /// Enough nodes have it.
        case lift
        /// Not yet.
        case hold
    }

    /// What was counted, in all or in one region.
    public struct Count: Hashable, Sendable, Codable {
        /// Nil for all regions together, and for the nodes whose region is not known.
        @NullWhenNil public var region: String?
        /// Nodes, weight or bytes that have it.
        public var have: Double
        /// Nodes, weight or bytes that count.
        public var total: Double

        init(_ region: String?, have: Double, total: Double) {
            self.have = have
            self.total = total
            self.region = region
        }

        /// From 0 to 1; 0 when nothing counts.
        public var share: Double { total > 0 ? have / total : 0 }
    }

    /// The set.
    public var set: SetName
    /// The snapshot.
    public var snapshot: SnapshotID
    /// Its serial.
    public var serial: Serial
    /// What follows.
    public var verdict: Verdict
    /// What was counted.
    public var measure: EmbargoQuestion.Measure
    /// What was asked for.
    public var threshold: Double
    /// What was asked for in every region.
    @NullWhenNil public var regionMinimum: Double?
    /// All together.
    public var count: Count
    /// Each region.
    public var regions: [Count]
    /// The nodes that are not done, those that are nearest to it first.
    public var missing: [SnapshotStanding]
    /// Nodes that were silent for so long that they do not count.
    public var absent: [NodeName]
    /// Nodes that do not count because what readers get from them is not what they report.
    public var suspects: [NodeName]
    /// When enough nodes will have it if they go on as they do; nil when they have, and when they never would.
    @NullWhenNil public var expected: Date?
    /// When this was asked, by the tracker's clock.
    public var asked: Date
}

extension ProgressBoard {
    /// The answer for one snapshot; nil when its set's feed does not list it.
    public func embargo(
        _ set: SetName, _ snapshot: SnapshotID, _ question: EmbargoQuestion, now: Date
    ) -> EmbargoAnswer? {
        guard let entry = feeds[set]?.feed.entry(snapshot) else { return nil }
        let all = standings(set, snapshot, now: now)
        let absent = all.filter { $0.state == .silent && now.timeIntervalSince($0.reported) > absence }
        let suspects = all.filter { $0.suspicion != nil }
        let left = Set((absent + suspects).map(\.node))
        let counted = all.filter { !left.contains($0.node) }
        let tally = EmbargoTally(question: question, standings: counted)
        let isReached = tally.isReached(after: 0)
        let expected = isReached ? nil : tally.secondsToThreshold.map { now.addingTimeInterval($0.rounded(.up)) }
        let missing = counted.filter { !$0.isComplete }.sorted { left, right in
            (left.secondsLeft ?? .infinity, right.share, left.node)
                < (right.secondsLeft ?? .infinity, left.share, right.node)
        }
        return EmbargoAnswer(
            set: set, snapshot: snapshot, serial: entry.serial, verdict: isReached ? .lift : .hold,
            measure: question.measure, threshold: question.threshold,
            regionMinimum: .init(wrappedValue: question.regionMinimum),
            count: tally.count(after: 0), regions: tally.regions(after: 0), missing: missing,
            absent: absent.map(\.node), suspects: suspects.map(\.node),
            expected: .init(wrappedValue: expected),
            asked: now)
    }
}

/// What the nodes have, now or later.
private struct EmbargoTally {
    let question: EmbargoQuestion
    let standings: [SnapshotStanding]

    func count(after seconds: Double) -> EmbargoAnswer.Count { sum(standings, region: nil, seconds) }

    func regions(after seconds: Double) -> [EmbargoAnswer.Count] {
        Dictionary(grouping: standings, by: \.region)
            .map { sum($0.value, region: $0.key, seconds) }
            .sorted { ($0.region ?? "\u{10ffff}") < ($1.region ?? "\u{10ffff}") }
    }

    func isReached(after seconds: Double) -> Bool {
        // A share of 79.99999 is not 80, but sums of fractions are not exact.
        func reaches(_ count: EmbargoAnswer.Count, _ share: Double) -> Bool {
            count.total > 0 && count.have >= count.total * share - 1e-9 * count.total
        }
        guard reaches(count(after: seconds), question.threshold) else { return false }
        guard let minimum = question.regionMinimum else { return true }
        return regions(after: seconds).allSatisfy { reaches($0, minimum) }
    }

    /// Found by bisection: what the nodes have never becomes less.
    var secondsToThreshold: Double? {
        guard var late = standings.compactMap(\.secondsLeft).max(), isReached(after: late) else { return nil }
        var early = 0.0
        while late - early > 0.5 {
            let middle = (early + late) / 2
            if isReached(after: middle) { late = middle } else { early = middle }
        }
        return late
    }

    private func sum(_ standings: [SnapshotStanding], region: String?, _ seconds: Double) -> EmbargoAnswer.Count {
        var count = EmbargoAnswer.Count(region, have: 0, total: 0)
        for standing in standings {
            let isDone = standing.secondsLeft.map { $0 <= seconds } ?? false
            switch question.measure {
            case .nodes:
                count.total += 1
                count.have += isDone ? 1 : 0
            case .weight:
                count.total += Double(standing.weight)
                count.have += isDone ? Double(standing.weight) : 0
            case .bytes:
                let total = Double(standing.bytesTotal)
                count.total += total
                let later = Double(standing.bytesHad) + standing.rate * seconds
                count.have += isDone ? total : standing.state == .silent ? 0 : min(total, later)
            }
        }
        return count
    }
}
