internal import Metainfo
internal import NIOCore
internal import Synchronization

/// A feed as it was signed.
struct PublishedFeed: Sendable {
    var version: UInt64
    var bytes: [UInt8]
    /// The same bytes as the server sends them: thousands of polls share one buffer.
    var body: ByteBuffer
    /// The version before; nil for the first.
    var since: UInt64?
    /// A `FeedBundle`, for who has the version before.
    var bundle: ByteBuffer?
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
        let withDocuments: Bool
        let promise: EventLoopPromise<PublishedFeed?>
    }

    private struct State {
        var newest: PublishedFeed?
        /// Whether documents that go with the newest feed are still to come: those that take them wait for both.
        var isIncomplete = false
        var waiters: [UInt64: Waiter] = [:]
        var nextNumber: UInt64 = 0

        /// The newest feed, should it be one for who has a version.
        func feed(above version: UInt64?, withDocuments: Bool) -> PublishedFeed? {
            guard let newest, version.map({ newest.version > $0 }) ?? true, !(isIncomplete && withDocuments) else {
                return nil
            }
            return newest
        }

        /// Takes out those whose wait is over.
        mutating func takeReady() -> [Waiter] {
            let ready = waiters.filter { feed(above: $0.value.above, withDocuments: $0.value.withDocuments) != nil }
            for number in ready.keys { waiters[number] = nil }
            return Array(ready.values)
        }
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

    /// Whether documents that go with the newest feed are still to come.
    var isIncomplete: Bool { state.withLock { $0.isIncomplete } }

    /// Makes `bytes` the newest feed and wakes those who wait for it at once. A version that is not above the present
    /// one is ignored: what a version stands for never changes.
    ///
    /// - Parameters:
    ///   - documents: what nodes that have the feed before will ask for next, as in a `FeedBundle`; sent with it to those
    ///     that take it.
    ///   - isComplete: false where the documents are given later, with `complete`, which must follow.
    public func publish(
        version: UInt64, bytes: [UInt8], documents: [String: [UInt8]] = [:], isComplete: Bool = true
    ) {
        let feed = PublishedFeed(version: version, bytes: bytes, body: ByteBuffer(bytes: bytes))
        let bundle = Self.bundle(bytes, documents)
        change { state in
            if let newest = state.newest, newest.version >= version { return }
            let since = state.newest?.version
            state.newest = feed
            state.newest?.since = since
            state.newest?.bundle = bundle
            state.isIncomplete = !isComplete
        }
    }

    /// Adds the documents to a feed that was published without, and wakes those who waited for both.
    public func complete(version: UInt64, documents: [String: [UInt8]]) {
        guard let newest, newest.version == version else { return }
        let bundle = Self.bundle(newest.bytes, documents)
        change { state in
            guard state.newest?.version == version else { return }
            state.newest?.bundle = bundle
            state.isIncomplete = false
        }
    }

    private static func bundle(_ feed: [UInt8], _ documents: [String: [UInt8]]) -> ByteBuffer? {
        let bundle = FeedBundle(feed: feed, documents: documents)
        return documents.isEmpty || !bundle.isWithinLimits ? nil : ByteBuffer(bytes: bundle.encoded)
    }

    private func change(_ body: (inout State) -> Void) {
        let (feed, woken, left) = state.withLock { state in
            body(&state)
            let ready = state.takeReady()
            return (state.newest, ready, state.waiters.count)
        }
        // Outside the lock: a promise runs what waits for it.
        for waiter in woken { waiter.promise.succeed(feed) }
        if !woken.isEmpty { waitersChanged?(left) }
    }

    /// Completes `promise` with the first feed above a version (nil: with any feed), at once when it is already here.
    /// `endWait` completes it with nil; one of the two must happen.
    func wait(above version: UInt64?, withDocuments: Bool, promise: EventLoopPromise<PublishedFeed?>) -> WaiterID {
        let (number, ready, count) = state.withLock { state -> (UInt64, PublishedFeed?, Int) in
            let number = state.nextNumber
            state.nextNumber += 1
            if let feed = state.feed(above: version, withDocuments: withDocuments) {
                return (number, feed, state.waiters.count)
            }
            state.waiters[number] = Waiter(above: version, withDocuments: withDocuments, promise: promise)
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
