public import FoundationEssentials

/// When which node is probed: each now and then, in an order that nobody can foresee, and only so many at once.
public struct ProbeSchedule: Sendable {
    /// Seconds from a round of a node's set to its next one, as a mean.
    private let period: TimeInterval
    /// How many rounds may be under way.
    private let width: Int
    private var due: [ProbeCandidate.Key: Date] = [:]
    private var running: Set<ProbeCandidate.Key> = []

    /// `period` in seconds.
    public init(period: TimeInterval, width: Int) {
        self.period = period
        self.width = width
    }

    /// The claim to check now, and its round is then under way; nil when none is due.
    public mutating func next(
        of candidates: [ProbeCandidate], now: Date, using random: inout some RandomNumberGenerator
    ) -> ProbeCandidate? {
        let present = Set(candidates.map(\.key))
        due = due.filter { present.contains($0.key) }
        guard running.count < width else { return nil }
        // What was never probed is due at once: until then its word is taken.
        let waiting = candidates.filter { candidate in
            !running.contains(candidate.key) && due[candidate.key].map { $0 <= now } ?? true
        }
        // New ones first, else by lot.
        let new = waiting.filter { due[$0.key] == nil }
        guard let chosen = (new.isEmpty ? waiting : new).randomElement(using: &random) else { return nil }
        running.insert(chosen.key)
        return chosen
    }

    /// Takes note that a round is over.
    public mutating func finish(_ key: ProbeCandidate.Key, now: Date, using random: inout some RandomNumberGenerator) {
        running.remove(key)
        due[key] = now.addingTimeInterval(period * Double.random(in: 0.5...1.5, using: &random))
    }
}
