internal import NIOCore
internal import Synchronization

/// A feed as it was signed.
struct PublishedFeed: Sendable {
    var version: UInt64
    var bytes: [UInt8]
    /// The same bytes as the server sends them: thousands of polls share one buffer.
    var body: ByteBuffer
}

/// The newest signed feed of a set, and those who wait for a newer one. Any thread may use it.
///
/// A waiter is a promise and an entry in a table, not a task: thousands of them cost some hundred bytes each.
public final class FeedBox: Sendable {
    /// Names one waiter.
    struct WaiterID: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    private struct Waiter {
        /// The version that the client has; nil when it has none.
        let above: UInt64?
        let promise: EventLoopPromise<PublishedFeed?>
    }

    private struct State {
        var newest: PublishedFeed?
        var waiters: [UInt64: Waiter] = [:]
        var nextNumber: UInt64 = 0
    }

    private let state = Mutex(State())
    private let waitersChanged: (@Sendable (Int) -> Void)?

    /// A box without a feed.
    public init() { waitersChanged = nil }

    /// A box that tells the number of its waiters, on any thread, whenever one joins or leaves.
    init(waitersChanged: @escaping @Sendable (Int) -> Void) { self.waitersChanged = waitersChanged }

    /// The newest feed; nil before the first.
    public var current: (version: UInt64, bytes: [UInt8])? {
        newest.map { ($0.version, $0.bytes) }
    }

    /// The newest feed with its shared buffer.
    var newest: PublishedFeed? { state.withLock { $0.newest } }

    /// Makes `bytes` the newest feed and wakes those who wait for it at once. A version that is not above the present
    /// one is ignored: what a version stands for never changes.
    public func publish(version: UInt64, bytes: [UInt8]) {
        let feed = PublishedFeed(version: version, bytes: bytes, body: ByteBuffer(bytes: bytes))
        let (woken, left) = state.withLock { state -> ([Waiter], Int) in
            if let newest = state.newest, newest.version >= version { return ([], state.waiters.count) }
            state.newest = feed
            let ready = state.waiters.filter { $0.value.above.map { version > $0 } ?? true }
            for number in ready.keys { state.waiters[number] = nil }
            return (Array(ready.values), state.waiters.count)
        }
        // Outside the lock: a promise runs what waits for it.
        for waiter in woken { waiter.promise.succeed(feed) }
        if !woken.isEmpty { waitersChanged?(left) }
    }

    /// Completes `promise` with the first feed above a version (nil: with any feed), at once when it is already here.
    /// `endWait` completes it with nil; one of the two must happen.
    func wait(above version: UInt64?, promise: EventLoopPromise<PublishedFeed?>) -> WaiterID {
        let (number, ready, count) = state.withLock { state -> (UInt64, PublishedFeed?, Int) in
            let number = state.nextNumber
            state.nextNumber += 1
            if let newest = state.newest, version.map({ newest.version > $0 }) ?? true {
                return (number, newest, state.waiters.count)
            }
            state.waiters[number] = Waiter(above: version, promise: promise)
            return (number, nil, state.waiters.count)
        }
        if let ready { promise.succeed(ready) } else { waitersChanged?(count) }
        return WaiterID(number: number)
    }

    /// Ends a wait without a feed; does nothing when it is over already.
    func endWait(_ id: WaiterID) {
        let (waiter, count) = state.withLock { state in
            (state.waiters.removeValue(forKey: id.number), state.waiters.count)
        }
        guard let waiter else { return }
        waiter.promise.succeed(nil)
        waitersChanged?(count)
    }
}
