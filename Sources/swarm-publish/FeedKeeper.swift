import ContentServer
import FileTree
import Foundation
import Logging
import Publishing
import ServiceLifecycle
import SwarmCore
import Synchronization

/// The snapshots whose trees are open, from memory.
final class OpenedSnapshots: Sendable {
    private let snapshots = Mutex<[SnapshotID]>([])

    var list: [SnapshotID] { snapshots.withLock { $0 } }
    func replace(with list: [SnapshotID]) { snapshots.withLock { $0 = list } }
}

/// Follows the store's feed: shows it, seeds it, activates what is due, and signs it anew before it expires.
final class FeedKeeper: Service {
    let box = FeedBox()
    let opened = OpenedSnapshots()
    private let store: SnapshotStore
    /// The newest snapshot of the feed that was shown last.
    private let shown = Mutex<SnapshotID?>(nil)
    private let seeder: Seeder
    private let peers: [Endpoint]
    private let logger: Logger
    private let watch: DirectoryWatch
    /// Tells of snapshots that are being published.
    private let manifests: DirectoryWatch
    private let ticks: AsyncStream<Void>
    private let tick: AsyncStream<Void>.Continuation

    /// - Parameter peers: where nodes reach the seed, as the feed is to tell.
    init(store: SnapshotStore, seeder: Seeder, peers: [Endpoint], logger: Logger) throws {
        self.store = store
        self.seeder = seeder
        self.peers = peers
        self.logger = logger
        watch = try DirectoryWatch(store.layout.swarm)
        manifests = try DirectoryWatch(store.layout.manifests)
        (ticks, tick) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Takes the feed as it is now. Returns when to look again though nothing happens.
    @discardableResult
    func refresh() async throws -> Duration {
        let (feed, note, opened, next) = try await blocking { [store, peers] in
            // As the configuration is now: who publishes beside this daemon may have changed it.
            let store = try SnapshotStore(store.directory)
            let now = Date()
            let signed = try store.updateFeed(now: now) { $0.peers = peers }
            let next = try store.activateDue(now: now)
            guard let (feed, note) = try store.feed() else {
                throw PublishingError(.store, "\(store.layout.feed) was removed; publish a snapshot, or restore it")
            }
            return (feed.version >= signed.version ? feed : signed, note, store.opened(), next)
        }
        self.opened.replace(with: opened)
        if box.current?.version != feed.version {
            let news = await news(in: feed)
            // Nodes and trackers look at it while the torrents are added; who gets one finds its seed. So does who gets the
            // documents with the feed, which are held back for that: little is added then.
            await seeder.update(to: feed) { [box] in
                box.publish(version: feed.version, bytes: note, isComplete: news.isEmpty)
            } settled: { [box] in
                if !news.isEmpty { box.complete(version: feed.version, documents: news) }
            }
        }
        // Half of the lifetime is when the feed is signed anew; a quarter of it is soon enough for that.
        let lifetime = store.configuration.feedLifetime
        var pause = min(Duration.seconds(3600), lifetime / 4)
        if let next { pause = min(pause, max(.zero, .seconds(next.timeIntervalSinceNow))) }
        return pause
    }

    /// What is new in a feed for those who have the one that was shown last.
    private func news(in feed: Feed) async -> [String: [UInt8]] {
        let newest = feed.newest?.uuid
        let before = shown.withLock { shown in
            defer { shown = newest }
            return shown
        }
        guard before != nil, before != newest else { return [:] }
        do { return try await blocking { [store] in try store.news(in: feed) } } catch {
            logger.warning("the documents of \(newest?.rawValue ?? "") do not go with the feed: \(error)")
            return [:]
        }
    }

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await follow()
        } onGracefulShutdown: { [tick] in
            tick.finish()
        }
        watch.cancel()
        manifests.cancel()
    }

    private func follow() async throws {
        try await withThrowingTaskGroup { group in
            group.addTask { [watch, tick] in
                for await _ in watch.changes { tick.yield() }
            }
            group.addTask { [self] in
                for await _ in manifests.changes { await prepare() }
            }
            group.addTask { [self] in
                tick.yield()
                var timer: Task<Void, Never>?
                for await _ in ticks {
                    timer?.cancel()
                    let pause = await refreshOrComplain()
                    timer = Task { [tick] in
                        if (try? await Task.sleep(for: pause)) != nil { tick.yield() }
                    }
                }
                timer?.cancel()
                watch.cancel()
                manifests.cancel()
            }
            try await group.waitForAll()
        }
    }

    /// Has the seeder begin with a snapshot that is being published, so that it is soon there when the feed is. What goes wrong
    /// here is met again then.
    private func prepare() async {
        let upcoming = try? await blocking { [store] in
            try store.feed().flatMap { try store.upcoming(after: $0.feed) }
        }
        if let upcoming { await seeder.prepare(for: upcoming) }
    }

    /// What goes wrong now may go well later: the daemon goes on with the feed that it has.
    private func refreshOrComplain() async -> Duration {
        do {
            return try await refresh()
        } catch {
            logger.error("the feed is not up to date: \(error)")
            return .seconds(60)
        }
    }
}
