public import FoundationEssentials
public import SwarmCore
internal import Synchronization

/// How often the files of one set were read: by which paths, and by nobody's address. Memory is bounded, whatever is read.
public final class ReadCounter: Sendable {
    private struct State {
        var sketch: FrequentItems<String>
        /// Since when, in whole seconds.
        var since: Date
    }

    /// How many paths are kept.
    private static let capacity = 2048
    /// How long a count goes on before a new one begins, so that what was read last month says nothing about today.
    private static let period: TimeInterval = 86_400

    private let now: @Sendable () -> Date
    private let state: Mutex<State>

    /// Begins to count.
    public init(now: @escaping @Sendable () -> Date = { Date() }) {
        self.now = now
        state = Mutex(Self.beginning(now()))
    }

    private static func beginning(_ time: Date) -> State {
        State(
            sketch: FrequentItems(capacity: capacity),
            since: Date(timeIntervalSince1970: time.timeIntervalSince1970.rounded(.down)))
    }

    func count(_ path: String) { state.withLock { $0.sketch.add(path) } }

    /// The files that were read most since the count began, at most `limit` of them with `bytes` bytes of paths. A count
    /// that is a day old ends with this, and the next one begins.
    public func counts(limit: Int, bytes: Int) -> NodeReport.ReadCounts {
        let now = now()
        return state.withLock { state in
            var counts = NodeReport.ReadCounts(since: state.since)
            var left = bytes
            counts.isCut = state.sketch.size > limit
            for read in state.sketch.top(limit) {
                left -= read.item.utf8.count
                guard left >= 0 else {
                    counts.isCut = true
                    break
                }
                counts.files.append(.init(path: read.item, reads: read.count))
            }
            if abs(now.timeIntervalSince(state.since)) >= Self.period { state = Self.beginning(now) }
            return counts
        }
    }
}
