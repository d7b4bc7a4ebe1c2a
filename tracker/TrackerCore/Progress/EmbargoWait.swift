public import FoundationEssentials
public import SwarmCore

/// A master's wait for the tracker's word that an embargo may be lifted: what follows from each answer. A value without
/// a clock and without sockets.
///
/// A tracker that is away is waited for, since an outage is no reason to give a release up. A question that the tracker
/// will never answer otherwise ends the wait. Nothing but a `lift` for this very snapshot, to this very question, lifts.
public struct EmbargoWait: Sendable {
    /// What came of one question.
    public enum Finding: Sendable {
        /// The tracker counted.
        case answer(EmbargoAnswer)
        /// The tracker follows the set, and its feed did not list the snapshot when it last read it.
        case unlisted
        /// The tracker does not answer, or not now; the text says how that showed.
        case away(String)
        /// The tracker will not answer this question; the text says why.
        case refused(String)
    }

    /// What to do next.
    public enum Step: Hashable, Sendable {
        /// Sign the lift.
        case lift
        /// Ask again after this time.
        case ask(after: Duration)
        /// The deadline has passed.
        case expired
        /// Waiting is of no use; the text says why and what to do.
        case fail(String)
    }

    /// From one answer to the next question. Nodes report a change of state at once.
    static let interval = Duration.seconds(2)
    /// The longest pause after a question that was not answered.
    static let longestPause = Duration.seconds(30)
    /// A tracker reads the feed every ten seconds at least.
    static let listingTime: TimeInterval = 60

    /// The set.
    public let set: SetName
    /// The snapshot that is under embargo.
    public let snapshot: SnapshotID
    /// What is asked.
    public let question: EmbargoQuestion
    /// When the wait ends without a lift; nil for never.
    public let deadline: Date?
    /// The last count; nil before the first.
    public private(set) var last: EmbargoAnswer?
    private var failures = 0
    private var unlistedSince: Date?

    /// A wait that begins.
    public init(set: SetName, snapshot: SnapshotID, question: EmbargoQuestion, deadline: Date?) {
        self.set = set
        self.snapshot = snapshot
        self.question = question
        self.deadline = deadline
    }

    /// The path and the query of the question, for the end of the tracker's URL.
    public var target: String {
        var target = "/api/v1/sets/\(set)/snapshots/\(snapshot)/embargo"
        target += "?by=\(question.measure.rawValue)&threshold=\(question.threshold)"
        if let minimum = question.regionMinimum { target += "&per-region=\(minimum)" }
        return target
    }

    /// Takes what came of a question that was asked at `now`.
    public mutating func take(_ finding: Finding, now: Date) -> Step {
        if case .unlisted = finding {} else { unlistedSince = nil }
        if case .away = finding { failures += 1 } else { failures = 0 }
        switch finding {
        case .answer(let answer):
            if let fault = fault(of: answer) { return .fail(fault) }
            last = answer
            return answer.verdict == .lift ? .lift : again(after: Self.interval, now)
        case .unlisted:
            let since = unlistedSince ?? now
            unlistedSince = since
            guard now.timeIntervalSince(since) < Self.listingTime else {
                return .fail(
                    "the tracker follows a feed of \(set) that does not list \(snapshot):"
                        + " does swarm-publish serve run for this store, and is it the tracker's upstream?")
            }
            return again(after: Self.interval, now)
        case .away:
            let pause = Duration.seconds(1 << min(failures, 5))
            return again(after: min(pause, Self.longestPause), now)
        case .refused(let reason): return .fail(reason)
        }
    }

    private func again(after pause: Duration, _ now: Date) -> Step {
        guard let deadline else { return .ask(after: pause) }
        let left = deadline.timeIntervalSince(now)
        guard left > 0 else { return .expired }
        // The last question comes when the deadline does.
        return .ask(after: min(pause, .milliseconds(Int64(min(left, 1e9) * 1000) + 1)))
    }

    /// Why an answer is none to what was asked.
    private func fault(of answer: EmbargoAnswer) -> String? {
        let isSame =
            answer.set == set && answer.snapshot == snapshot && answer.measure == question.measure
            && abs(answer.threshold - question.threshold) < 1e-9
            && (answer.regionMinimum ?? 0) == (question.regionMinimum ?? 0)
        return isSame ? nil : "the tracker answered another question than the one about \(snapshot) of \(set)"
    }
}
