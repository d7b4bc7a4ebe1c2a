internal import AsyncHTTPClient
public import Logging
internal import NIOCore
internal import PlaceDatabases
public import SwarmCore
internal import TrackerCore

/// The tracker as a daemon: sockets, feeds, storage.
public final class TrackerService: Sendable {
    private let configuration: TrackerConfiguration
    private let tracker: Tracker
    private let store: TrackerStore
    /// What probes failed at before the start.
    private let openQuestions: [ProbeCandidate.Key: OpenQuestion]
    private let logger: Logger

    /// Opens the database and takes what it holds; nothing is listened at yet.
    public init(_ configuration: TrackerConfiguration, logger: Logger) throws {
        self.configuration = configuration
        self.logger = logger
        store = try TrackerStore(path: configuration.store)
        tracker = Tracker(configuration, registrations: { [store] in try? store.nodes() })
        tracker.register(try store.nodes())
        // Before the reports, whose senders it says where they are.
        Self.refreshPlaces(tracker, logger)
        for report in try store.reports() { tracker.restore(report) }
        try tracker.restorePopularity(from: store)
        if configuration.probes.isEnabled {
            let suspicions = try store.suspicions()
            for stored in suspicions { tracker.restore(stored.suspicion, of: stored.key) }
            openQuestions = Dictionary(
                suspicions.compactMap { stored in stored.open.map { (stored.key, $0) } }
            ) { first, _ in first }
        } else {
            openQuestions = [:]
        }
        // Of the sets that are followed no more, nothing is kept.
        var history = try store.history()
        try store.save(history.keepOnly(Set(configuration.sets.map(\.name))))
        tracker.history = history
    }

    /// Serves until it is cancelled, then saves what is not saved. `onStart` is told where it listens, for HTTP and UDP.
    public func run(onStart: @Sendable ([Endpoint]) async throws -> Void) async throws {
        let listeners = try await Listeners(configuration.listen, tracker: tracker)
        // An answer may be held back for less than the limit between two reads.
        let client = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: .init(timeout: .init(connect: .seconds(10), read: .seconds(90))))
        do {
            try await onStart(listeners.endpoints)
            await withTaskGroup(of: Void.self) { group in
                let sources = configuration.sets.map { FeedSource(set: $0, client: client) }
                for source in sources {
                    let follower = FeedFollower(source: source, tracker: tracker, clock: .system, logger: logger)
                    group.addTask { await follower.run() }
                }
                if configuration.probes.isEnabled {
                    let prober = Prober(
                        configuration.probes, tracker: tracker, store: store, sources: sources,
                        open: openQuestions, clock: .system,
                        logger: logger)
                    group.addTask { await prober.run() }
                }
                group.addTask { await self.keepHouse() }
                group.addTask { await self.tellPages() }
                await group.waitForAll()
            }
        } catch {
            await listeners.close()
            try? await client.shutdown()
            throw error
        }
        await listeners.close()
        tracker.streams.close()
        try? await client.shutdown()
        save()
        savePopularity()
    }

    /// Every second what nodes reported is saved, and what `swarm-tracker node` changed is read; now and then peers that
    /// fell silent are forgotten.
    private func keepHouse() async {
        var version = -1
        var turn = 0
        var historian = HistoryKeeper(tracker, store)
        while !Task.isCancelled {
            save()
            do {
                try historian.work()
                let newest = try store.dataVersion()
                if newest != version { tracker.register(try store.nodes()) }
                version = newest
            } catch {
                logger.error("\(error)")
            }
            turn += 1
            if turn.isMultiple(of: 60) { savePopularity() }
            if turn.isMultiple(of: 5) { Self.refreshPlaces(tracker, logger) }
            if turn.isMultiple(of: 30) { tracker.sweep() }
            try? await Task.sleep(for: .seconds(1))
        }
        do { try historian.work() } catch { logger.error("\(error)") }
    }

    /// Every second the pages that are open are told what changed.
    private func tellPages() async {
        while !Task.isCancelled {
            if !tracker.streams.isEmpty { tracker.streams.send(LiveState(tracker.report())) }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    private func savePopularity() {
        do { try tracker.savePopularity(to: store) } catch { logger.error("\(error)") }
    }

    private static func refreshPlaces(_ tracker: Tracker, _ logger: Logger) {
        for remark in tracker.databases?.refresh() ?? [] {
            logger.log(level: remark.isProblem ? .warning : .info, "\(remark.text)")
        }
    }

    /// Reports that cannot be saved, as when the disk is full, are kept in memory, the last of each node.
    private func save() {
        let reports = tracker.takeUnsaved()
        guard !reports.isEmpty else { return }
        do { try store.save(reports) } catch {
            logger.error("\(error)")
            tracker.putBack(reports)
        }
    }
}
