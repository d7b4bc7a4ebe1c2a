internal import FoundationEssentials
internal import Logging
internal import SwarmCore
internal import Synchronization
internal import TrackerCore

/// Checks, round after round, that readers get from the nodes what these report. What is found is written in the tracker's
/// state and in its database.
final class Prober: Sendable {
    private struct State {
        var schedule: ProbeSchedule
        /// What was last said of each node in the log, so that it is said once.
        var remarks: [ProbeCandidate.Key: String] = [:]
        /// What each node's last round failed at: it is asked again, until it is well.
        var open: [ProbeCandidate.Key: OpenQuestion] = [:]
    }

    private let configuration: ProbeConfiguration
    private let tracker: Tracker
    private let store: TrackerStore
    private let samples: SnapshotSamples
    private let client: ProbeClient
    private let clock: TrackerClock
    private let logger: Logger
    private let state: Mutex<State>

    init(
        _ configuration: ProbeConfiguration, tracker: Tracker, store: TrackerStore, sources: [FeedSource],
        open: [ProbeCandidate.Key: OpenQuestion], clock: TrackerClock, logger: Logger
    ) {
        self.configuration = configuration
        self.tracker = tracker
        self.store = store
        self.clock = clock
        self.logger = logger
        samples = SnapshotSamples(sources: sources)
        client = ProbeClient(configuration: configuration)
        let period = configuration.perNode / .seconds(1)
        state = Mutex(State(schedule: ProbeSchedule(period: period, width: configuration.width), open: open))
    }

    /// Probes until it is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let candidates = tracker.probeCandidates()
                let now = clock.date()
                var random = SystemRandomNumberGenerator()
                let next = state.withLock { $0.schedule.next(of: candidates, now: now, using: &random) }
                if let next { group.addTask { await self.round(next.key) } }
                try? await Task.sleep(for: configuration.interval)
            }
        }
    }

    private func round(_ key: ProbeCandidate.Key) async {
        var round = ProbeRound()
        var verdict: ProbeRound.Verdict?
        while verdict == nil {
            let candidate = tracker.probeCandidate(key)
            switch round.next(claim: candidate?.snapshot.uuid) {
            case .ask: if let candidate { round.take(await outcome(candidate)) }
            case .pause:
                // Cancelled, nothing is concluded.
                guard (try? await Task.sleep(for: configuration.pause)) != nil else { return }
            case .conclude(let found): verdict = found
            }
        }
        if let verdict, !Task.isCancelled { conclude(verdict, key) }
        let now = clock.date()
        var random = SystemRandomNumberGenerator()
        state.withLock { $0.schedule.finish(key, now: now, using: &random) }
    }

    private func outcome(_ candidate: ProbeCandidate) async -> ProbeOutcome {
        var questions: [ProbeQuestion]
        do {
            questions = try await samples.questions(
                about: candidate.snapshot, of: candidate.key.set, entryPoints: configuration.entryPoints)
        } catch { return .unknown("what to compare with cannot be read: \(error)") }
        guard !questions.isEmpty else { return .unknown("the snapshot has no file") }
        let open = state.withLock { $0.open[candidate.key] }
        if let open, open.snapshot == candidate.snapshot.uuid { questions.insert(open.question, at: 0) }
        for url in candidate.urls {
            let finding = await client.ask(questions, at: url, set: candidate.key.set)
            guard finding.outcome == .good else {
                if let question = finding.question {
                    let open = OpenQuestion(snapshot: candidate.snapshot.uuid, question: question)
                    state.withLock { $0.open[candidate.key] = open }
                }
                return finding.outcome
            }
        }
        state.withLock { $0.open[candidate.key] = nil }
        return .good
    }

    private func conclude(_ verdict: ProbeRound.Verdict, _ key: ProbeCandidate.Key) {
        let reason: String?
        tracker.probeRounds.withLock { $0[verdict.name, default: 0] += 1 }
        switch verdict {
        case .good: reason = nil
        case .suspect(let text): reason = text
        case .none(let text): return remark("\(key.node) is not probed for \(key.set): \(text)", key, .info)
        }
        let was = tracker.suspicion(of: key)
        let suspicion = tracker.setSuspicion(reason, of: key)
        if let suspicion {
            remark("\(key.node) is suspect for \(key.set): \(suspicion.reason)", key, .warning)
        } else if was != nil {
            remark("\(key.node) is good again for \(key.set)", key, .notice)
        }
        guard suspicion != was else { return }
        let open = state.withLock { $0.open[key] }
        do { try store.save(suspicion, open, of: key) } catch { logger.error("\(error)") }
    }

    private func remark(_ text: String, _ key: ProbeCandidate.Key, _ level: Logger.Level) {
        let isNew = state.withLock { state in
            defer { state.remarks[key] = text }
            return state.remarks[key] != text
        }
        if isNew { logger.log(level: level, "\(text)") }
    }
}

extension ProbeRound.Verdict {
    /// In one word.
    fileprivate var name: String {
        switch self {
        case .good: "good"
        case .suspect: "suspect"
        case .none: "none"
        }
    }
}

extension Tracker {
    /// How many rounds had each verdict.
    var probeRoundCounts: [String: Int] { probeRounds.withLock { $0 } }

    /// The claims of nodes that can be checked now.
    func probeCandidates() -> [ProbeCandidate] {
        let now = clock.date()
        return board.withLock { $0.probeCandidates(now: now) }
    }

    /// A claim as it is now; nil when it cannot be checked.
    func probeCandidate(_ key: ProbeCandidate.Key) -> ProbeCandidate? {
        let now = clock.date()
        return board.withLock { $0.probeCandidate(key, now: now) }
    }

    /// What is suspected of a node's mirror of a set.
    func suspicion(of key: ProbeCandidate.Key) -> Suspicion? { board.withLock { $0.suspicion(of: key) } }

    /// Takes down what a round of probes has found, nil for nothing; returns what is suspected now.
    func setSuspicion(_ reason: String?, of key: ProbeCandidate.Key) -> Suspicion? {
        let now = clock.date()
        return board.withLock { $0.setSuspicion(reason, of: key, now: now) }
    }

    /// Takes a suspicion that was saved before.
    func restore(_ suspicion: Suspicion, of key: ProbeCandidate.Key) {
        board.withLock { $0.restore(suspicion, of: key) }
    }
}
