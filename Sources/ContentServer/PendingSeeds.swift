internal import NIOCore
public import SwarmCore
internal import Synchronization

/// The torrents that a feed names before their seed has them. Who asks for one, or for what makes one, is answered when it
/// is seeded: a node that came too early would be turned away by the seed, and return only seconds later. Any thread may
/// use it.
public final class PendingSeeds: Sendable {
    private let waiting = Mutex<[InfoHash: [EventLoopPromise<Void>]]>([:])
    /// Nobody waits for longer: a seed that takes its time is better than none.
    let limit: Duration

    /// Nothing is pending.
    public convenience init() { self.init(limit: .seconds(10)) }

    init(limit: Duration) { self.limit = limit }

    deinit { finish(waiting.withLock { $0.values.flatMap { $0 } }) }

    /// Answers to requests for these wait from now on, until `settle`.
    public func expect(_ torrents: [InfoHash]) {
        waiting.withLock { waiting in for torrent in torrents { waiting[torrent] = waiting[torrent] ?? [] } }
    }

    /// The torrent is seeded, or it will not be.
    public func settle(_ torrent: InfoHash) { finish(waiting.withLock { $0.removeValue(forKey: torrent) } ?? []) }

    /// Completed when the torrent is settled; nil when it is not expected.
    func settled(_ torrent: InfoHash, on loop: any EventLoop) -> EventLoopFuture<Void>? {
        waiting.withLock { waiting in
            guard waiting[torrent] != nil else { return nil }
            let promise = loop.makePromise(of: Void.self)
            waiting[torrent]?.append(promise)
            return promise.futureResult
        }
    }

    /// How many requests wait for a torrent.
    func waiters(for torrent: InfoHash) -> Int { waiting.withLock { $0[torrent]?.count ?? 0 } }

    /// Outside the lock: a promise runs what waits for it.
    private func finish(_ promises: [EventLoopPromise<Void>]) { for promise in promises { promise.succeed() } }
}
