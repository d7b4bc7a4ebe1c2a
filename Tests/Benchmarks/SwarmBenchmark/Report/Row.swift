/// What has to be reached.
public struct Goal: Sendable, Codable, Hashable {
    /// What is compared with the limit.
    public enum Subject: String, Sendable, Codable {
        /// Our own value.
        case value
        /// Our value divided by the peer's.
        case ratio
    }

    /// What is compared.
    public var subject: Subject
    /// The limit, in the unit of the value.
    public var limit: Double
    /// Whether the limit is the least that is enough; otherwise it is the most that is allowed.
    public var isLeast = false
    /// As it is shown.
    public var text: String

    /// At most so many times the peer's value.
    static func ratio(atMost limit: Double, _ text: String? = nil) -> Goal {
        Goal(subject: .ratio, limit: limit, text: text ?? "≤ \(digits(limit)) x")
    }

    /// At least so many times the peer's value.
    static func ratio(atLeast limit: Double) -> Goal {
        Goal(subject: .ratio, limit: limit, isLeast: true, text: "≥ \(digits(limit)) x")
    }

    /// At most this value.
    static func atMost(_ limit: Quantity) -> Goal {
        Goal(subject: .value, limit: limit.value, text: "≤ \(limit)")
    }
}

/// One line of the table of results.
public struct Row: Sendable, Codable {
    /// Whether the goal was reached.
    public enum Verdict: String, Sendable, Codable {
        case reached, missed
        /// The goal is set for a larger tree than this one.
        case open
    }

    /// The heading that it stands under.
    public var section: String
    /// What was done, and what of it is counted.
    public var work: String
    /// Our value.
    public var ours: Quantity
    /// Whose value it is compared with.
    public var peerName: String?
    /// The peer's value.
    public var peer: Quantity?
    /// What has to be reached.
    public var goal: Goal?
    /// Whether the goal is set for a tree that is larger, so that a value below the limit decides nothing.
    public var isSmaller: Bool

    /// A row.
    public init(
        _ section: String, _ work: String, _ ours: Quantity, against peerName: String? = nil, _ peer: Quantity? = nil,
        goal: Goal? = nil, isSmaller: Bool = false
    ) {
        self.section = section
        self.work = work
        self.ours = ours
        self.peerName = peerName
        self.peer = peer
        self.goal = goal
        self.isSmaller = isSmaller
    }

    /// Our value divided by the peer's.
    public var ratio: Double? {
        guard let peer, peer.value > 0 else { return nil }
        return ours.value / peer.value
    }

    /// Nil without a goal, or when the peer's value is missing.
    public var verdict: Verdict? {
        guard let goal, let subject = goal.subject == .value ? ours.value : ratio else { return nil }
        // What is shown with three digits is compared with as many.
        let slack = 0.0005 * goal.limit
        let isReached = goal.isLeast ? subject >= goal.limit - slack : subject <= goal.limit + slack
        return isReached ? (isSmaller ? .open : .reached) : .missed
    }
}
