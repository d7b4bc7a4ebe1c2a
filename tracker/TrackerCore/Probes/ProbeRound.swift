public import SwarmCore

/// What came of asking a node for files of a snapshot.
public enum ProbeOutcome: Hashable, Sendable {
    /// All that came is of the snapshot.
    case good
    /// Something is not; what, as a sentence.
    case bad(String)
    /// Nothing can be said, and why: the upstream did not give the documents to compare with, or the node may not be asked.
    case unknown(String)
}

/// One round of probes of one node's set, as a value that says what to do next.
///
/// A node may switch to another snapshot between the question and the answer, and its report comes a moment later. So a
/// failure counts when the node still reports the same snapshot after a pause, and it is suspected when this happens
/// twice in a row.
public struct ProbeRound: Sendable {
    /// What to do.
    public enum Action: Hashable, Sendable {
        /// Ask the node for files of this snapshot, then `take` the outcome.
        case ask(SnapshotID)
        /// Wait until a report of a switch would have come.
        case pause
        /// The round is over.
        case conclude(Verdict)
    }

    /// What a round has found.
    public enum Verdict: Hashable, Sendable {
        /// The claim is true, as far as was asked.
        case good
        /// It is not, and why.
        case suspect(String)
        /// Nothing was found, and why.
        case none(String)
    }

    private enum State: Hashable {
        case beginning
        case asked(SnapshotID)
        case failed(SnapshotID, String)
        case paused(SnapshotID, String)
        case over(Verdict)
    }

    /// How many failures in a row make a node suspect.
    public static let failureLimit = 2
    /// A node that switches more often while it is asked is left for another time.
    public static let switchLimit = 3

    private var state = State.beginning
    private var failures = 0
    private var switches = 0

    /// A round that has not begun.
    public init() {}

    /// What to do next. `claim` is what the node reports as current now; nil when it claims nothing that can be checked.
    public mutating func next(claim: SnapshotID?) -> Action {
        if case .over(let verdict) = state { return .conclude(verdict) }
        if case .failed(let snapshot, let reason) = state {
            state = .paused(snapshot, reason)
            return .pause
        }
        guard let claim else { return conclude(.none("the node reports no snapshot that can be checked")) }
        if case .paused(let snapshot, let reason) = state {
            if snapshot == claim {
                if failures >= Self.failureLimit { return conclude(.suspect(reason)) }
            } else {
                failures = 0
                switches += 1
                if switches > Self.switchLimit { return conclude(.none("the node goes on switching snapshots")) }
            }
        }
        state = .asked(claim)
        return .ask(claim)
    }

    /// Takes what came of the last `ask`.
    public mutating func take(_ outcome: ProbeOutcome) {
        guard case .asked(let snapshot) = state else { return }
        switch outcome {
        case .good: state = .over(.good)
        case .unknown(let reason): state = .over(.none(reason))
        case .bad(let reason):
            failures += 1
            state = .failed(snapshot, reason)
        }
    }

    private mutating func conclude(_ verdict: Verdict) -> Action {
        state = .over(verdict)
        return .conclude(verdict)
    }
}
