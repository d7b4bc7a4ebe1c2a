public import FoundationEssentials
public import SwarmCore

/// Why a node's word about a set is not taken: what readers get from it is not the snapshot that it reports.
public struct Suspicion: Hashable, Sendable, Codable {
    /// When the first probe failed of those that have failed since, by the tracker's clock.
    public var since: Date
    /// What the last of them met, as a sentence.
    public var reason: String

    /// Both parts given.
    public init(since: Date, reason: String) {
        self.since = since
        self.reason = reason
    }
}

/// What a round of probes failed at: it is asked again, until it is well or the node goes to another snapshot.
public struct OpenQuestion: Hashable, Sendable, Codable {
    /// The snapshot that the node reported.
    public let snapshot: SnapshotID
    /// The question.
    public let question: ProbeQuestion

    /// Both parts given.
    public init(snapshot: SnapshotID, question: ProbeQuestion) {
        self.snapshot = snapshot
        self.question = question
    }
}

/// A node's claim that can be checked: readers get this snapshot from it, whole.
public struct ProbeCandidate: Hashable, Sendable {
    /// A node's mirror of one set.
    public struct Key: Hashable, Sendable {
        /// The node.
        public let node: NodeName
        /// The set.
        public let set: SetName

        /// Both parts given.
        public init(node: NodeName, set: SetName) {
            self.node = node
            self.set = set
        }
    }

    /// Whose claim.
    public let key: Key
    /// The base URLs that the node was registered with, never empty.
    public let urls: [String]
    /// The snapshot that it reports as current.
    public let snapshot: Feed.Entry
}

extension ProgressBoard {
    /// The last report of a node.
    public func report(of node: NodeName) -> NodeReport? { nodes[node]?.report }

    /// The claim of a node about a set; nil when there is none that can be checked: its report is old, it mirrors only a
    /// part, it was registered without a URL, or the feed does not list what it reports as current.
    public func probeCandidate(_ key: ProbeCandidate.Key, now: Date) -> ProbeCandidate? {
        guard let record = nodes[key.node], !record.registration.urls.isEmpty, let report = record.report,
            let received = record.received, now.timeIntervalSince(received) <= freshness,
            let carried = report.sets.first(where: { $0.set == key.set }), !carried.isFiltered,
            let current = carried.current, let entry = feeds[key.set]?.feed.entry(current.uuid)
        else { return nil }
        return ProbeCandidate(key: key, urls: record.registration.urls, snapshot: entry)
    }

    /// All claims that can be checked.
    public func probeCandidates(now: Date) -> [ProbeCandidate] {
        nodes.values.flatMap { record in
            (record.report?.sets ?? []).compactMap {
                probeCandidate(.init(node: record.registration.name, set: $0.set), now: now)
            }
        }
    }

    /// Takes down what a round of probes has found: nil when all was well. Returns what is suspected now, which has the
    /// time of the first failure.
    @discardableResult
    public mutating func setSuspicion(_ reason: String?, of key: ProbeCandidate.Key, now: Date) -> Suspicion? {
        guard let reason else {
            nodes[key.node]?.suspicions[key.set] = nil
            return nil
        }
        let since = nodes[key.node]?.suspicions[key.set]?.since ?? now
        nodes[key.node]?.suspicions[key.set] = Suspicion(since: since, reason: reason)
        return nodes[key.node]?.suspicions[key.set]
    }

    /// Takes a suspicion that was saved before.
    public mutating func restore(_ suspicion: Suspicion, of key: ProbeCandidate.Key) {
        nodes[key.node]?.suspicions[key.set] = suspicion
    }

    /// What is suspected of a node's mirror of a set; nil when nothing is.
    public func suspicion(of key: ProbeCandidate.Key) -> Suspicion? { nodes[key.node]?.suspicions[key.set] }
}
