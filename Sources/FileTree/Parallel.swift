internal import CLinux
internal import Dispatch
internal import Foundation
internal import Synchronization

/// Blocking work on all cores, or on the disk. It runs on threads that are not of Swift's cooperative pool, which must not
/// block.
public enum Parallel {
    /// Threads that run at once.
    public static let width = max(1, ProcessInfo.processInfo.activeProcessorCount)
    /// Threads that wait for the disk at once: it can put so many requests in the best order.
    public static let diskWidth = max(8, width)

    /// Calls `body` with parts of `items`, several at a time, and returns the results in the order of the parts. The
    /// first error that a part throws is thrown here, after the running parts ended.
    public static func map<Item: Sendable, Result: Sendable>(
        chunks items: [Item], smallest: Int = 1, _ body: @Sendable (ArraySlice<Item>) throws -> Result
    ) throws -> [Result] {
        let parts = Parts<Item, Result>(items, threads: width, smallest: smallest)
        if parts.count == 1 { return [try body(items[...])] }
        DispatchQueue.concurrentPerform(iterations: parts.count) { parts.run($0, body) }
        return try parts.results()
    }

    /// Like `map`, for parts that wait for the disk for most of their time: more of them run at once than there are cores.
    public static func mapOnDisk<Item: Sendable, Result: Sendable>(
        chunks items: [Item], smallest: Int = 1, _ body: @escaping @Sendable (ArraySlice<Item>) throws -> Result
    ) throws -> [Result] {
        let parts = Parts<Item, Result>(items, threads: diskWidth, smallest: smallest)
        if parts.count == 1 { return [try body(items[...])] }
        // Dispatch would run as many as there are cores.
        let group = DispatchGroup()
        for _ in 0..<min(diskWidth, parts.count) {
            group.enter()
            Thread {
                while let part = parts.next() { parts.run(part, body) }
                group.leave()
            }.start()
        }
        group.wait()
        return try parts.results()
    }

    /// Runs `body` on a thread of its own that leaves the processor to all who want it, and waits for it: for what nobody waits
    /// for, while others wait for what this program has done.
    public static func last<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) throws -> Result {
        try Started {
            _ = swarm_come_last()
            return try body()
        }.result()
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

/// Blocking work that was begun on a thread of its own, and whose result is asked for later.
public final class Started<Result: Sendable>: Sendable {
    private let outcome = Mutex<Swift.Result<Result, any Error>?>(nil)
    private let work = DispatchGroup()

    /// Begins it. What it holds, such as a database, is let go of before it is over.
    public init(_ body: @escaping @Sendable () throws -> Result) {
        let body = Mutex<(@Sendable () throws -> Result)?>(body)
        work.enter()
        Thread {
            let outcome = body.withLock { $0.take() }.map { body in Swift.Result { try body() } }
            self.outcome.withLock { $0 = outcome }
            self.work.leave()
        }.start()
    }

    /// Waits for the work, and returns or throws what it did. Blocking.
    public func result() throws -> Result {
        work.wait()
        guard let outcome = outcome.withLock({ $0 }) else {
            preconditionFailure("the work is over when it has a result")
        }
        return try outcome.get()
    }
}

/// Parts of a list, and what became of them.
private final class Parts<Item: Sendable, Result: Sendable>: Sendable {
    let count: Int
    private let items: [Item]
    private let size: Int
    private let begun = Atomic(0)
    private let ended = Mutex<(results: [Int: Result], failure: (any Error)?)>(([:], nil))

    init(_ items: [Item], threads: Int, smallest: Int) {
        self.items = items
        size = max(smallest, (items.count + threads * 4 - 1) / (threads * 4))
        count = (items.count + size - 1) / size
    }

    /// The number of a part that nobody has begun; nil when there is none.
    func next() -> Int? {
        let part = begun.add(1, ordering: .relaxed).oldValue
        return part < count ? part : nil
    }

    /// Runs a part, unless one has failed.
    func run(_ part: Int, _ body: (ArraySlice<Item>) throws -> Result) {
        guard ended.withLock({ $0.failure == nil }) else { return }
        do {
            let result = try body(items[(part * size)..<min(items.count, (part + 1) * size)])
            ended.withLock { $0.results[part] = result }
        } catch {
            ended.withLock { if $0.failure == nil { $0.failure = error } }
        }
    }

    func results() throws -> [Result] {
        let (results, failure) = ended.withLock { $0 }
        if let failure { throw failure }
        return (0..<count).compactMap { results[$0] }
    }
}
