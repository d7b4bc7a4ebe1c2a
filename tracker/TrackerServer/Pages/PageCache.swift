internal import NIOHTTP1
internal import Synchronization

/// Pages that were made within this second: on the day of a release many people look at the same one.
final class PageCache: Sendable {
    private static let limit = 64

    private struct State {
        var second = 0
        var replies: [RequestTarget: Reply] = [:]
    }

    private let state = Mutex(State())

    /// The page of this second, made by `make` if it is not there.
    func reply(to target: RequestTarget, second: Int, make: () -> Reply) -> Reply {
        let kept = state.withLock { state in
            if state.second != second { state = State(second: second) }
            return state.replies[target]
        }
        if let kept { return kept }
        let reply = make()
        state.withLock { state in
            if state.second == second, state.replies.count < Self.limit, reply.status == .ok {
                state.replies[target] = reply
            }
        }
        return reply
    }
}
