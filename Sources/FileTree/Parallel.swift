internal import Dispatch
internal import Foundation
internal import Synchronization

/// Blocking work on all cores. It runs on Dispatch's threads and not on Swift's cooperative pool, which must not block.
public enum Parallel {
    /// Threads that run at once.
    public static let width = max(1, ProcessInfo.processInfo.activeProcessorCount)

    /// Calls `body` with parts of `items`, several at a time, and returns the results in the order of the parts. The
    /// first error that a part throws is thrown here, after the running parts ended.
    public static func map<Item: Sendable, Result: Sendable>(
        chunks items: [Item], smallest: Int = 1, _ body: @Sendable (ArraySlice<Item>) throws -> Result
    ) throws -> [Result] {
        guard !items.isEmpty else { return [] }
        let size = max(smallest, (items.count + width * 4 - 1) / (width * 4))
        let count = (items.count + size - 1) / size
        if count == 1 { return [try body(items[...])] }
        let results = Mutex<([Int: Result], (any Error)?)>(([:], nil))
        DispatchQueue.concurrentPerform(iterations: count) { part in
            guard results.withLock({ $0.1 == nil }) else { return }
            do {
                let result = try body(items[(part * size)..<min(items.count, (part + 1) * size)])
                results.withLock { $0.0[part] = result }
            } catch {
                results.withLock { if $0.1 == nil { $0.1 = error } }
            }
        }
        let (parts, failure) = results.withLock { $0 }
        if let failure { throw failure }
        return (0..<count).compactMap { parts[$0] }
    }

    /// Calls `body` for each item, so many at a time, as tasks that do not block. The first error cancels the others and is
    /// thrown here, after they ended.
    public static func forEach<Item: Sendable>(
        _ items: [Item], atMost limit: Int = width, _ body: @escaping @Sendable (Item) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, item) in items.enumerated() {
                if number >= limit { try await group.next() }
                group.addTask { try await body(item) }
            }
            try await group.waitForAll()
        }
    }
}
