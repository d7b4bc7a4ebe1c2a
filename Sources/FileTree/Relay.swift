internal import Foundation
internal import Synchronization

/// Hands what one thread makes to another one that goes on with it, in order: both work at once, and no more than a few items
/// are between them.
public final class Relay<Item: Sendable>: Sendable {
    private struct State {
        var waiting: [Item] = []
        var isWorking = false
        var failure: (any Error)?
    }

    private let limit: Int
    private let state = Mutex(State())
    /// Signalled when an item was taken, or all are done.
    private let condition = NSCondition()
    private let body: @Sendable (Item) throws -> Void

    /// A relay that calls `body` with each item, one at a time, on threads of its own.
    ///
    /// - Parameter limit: how many items may wait.
    public init(limit: Int = 1, _ body: @escaping @Sendable (Item) throws -> Void) {
        self.limit = limit
        self.body = body
    }

    /// Hands an item on; waits while too many do. Throws what the work on an earlier one failed with. One thread at a time.
    public func add(_ item: Item) throws {
        try wait { $0.waiting.count < limit }
        let begins = state.withLock { state in
            state.waiting.append(item)
            defer { state.isWorking = true }
            return !state.isWorking
        }
        if begins { Thread { self.work() }.start() }
    }

    /// Waits until all is done. Throws what failed.
    public func finish() throws { try wait { !$0.isWorking } }

    private func wait(until isReached: (State) -> Bool) throws {
        condition.lock()
        defer { condition.unlock() }
        while true {
            let (failure, isDone) = state.withLock { ($0.failure, isReached($0)) }
            if let failure { throw failure }
            if isDone { return }
            condition.wait()
        }
    }

    private func work() {
        while let item = state.withLock({ state -> Item? in
            if state.waiting.isEmpty || state.failure != nil { state.isWorking = false }
            return state.isWorking ? state.waiting.removeFirst() : nil
        }) {
            tell()
            do { try body(item) } catch { state.withLock { $0.failure = error } }
        }
        tell()
    }

    private func tell() {
        condition.lock()
        condition.broadcast()
        condition.unlock()
    }
}
