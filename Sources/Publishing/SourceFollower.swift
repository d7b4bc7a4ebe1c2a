internal import FileTree
internal import FoundationEssentials
public import Logging
internal import SwarmCore

/// Publishes what changes in the source soon after it changed: it watches the source, gathers what happened until the
/// source is at rest, and has a snapshot made that looks at nothing else.
public actor SourceFollower {
    /// How to follow.
    public struct Settings: Sendable {
        /// For how long nothing may have happened before a snapshot.
        public var settle = Duration.seconds(2)
        /// For how long changes wait at most, should the source never rest.
        public var settleLimit = Duration.seconds(15 * 60)
        /// The pause between looks at everything; nil for none as long as the source can be watched.
        public var scanEvery: Duration?
        /// Whether to watch by inotify; otherwise only what `notify` tells is known.
        public var watches = true
        /// From publication to activation; nil for what the configuration says.
        public var delay: Duration?
        /// Whether each snapshot is under embargo.
        public var hold = false

        /// The settings of a plain watch.
        public init() {}
    }

    /// The pause between looks at everything when the source cannot be watched and nothing else was said.
    private static let scanPause = Duration.seconds(15 * 60)
    private static let lockPause = Duration.seconds(1)

    private let directory: String
    private let settings: Settings
    private let logger: Logger
    private var store: SnapshotStore
    private var gatherer: ChangeGatherer
    private var watch: TreeWatch?
    private var forwarding: Task<Void, Never>?
    /// Whether there should be a watch, and is none.
    private var isBlind: Bool
    private var limitReached: TreeWatch.LimitReached?
    private var nextScan: ContinuousClock.Instant?
    private var waiters: [CheckedContinuation<WatchAnswer, Never>] = []
    private var isStopping = false
    /// Whether a snapshot is being made, or waits for one that another program makes.
    private(set) var isPublishing = false
    private let wakes: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    /// A follower for `store`, which is read again for each snapshot.
    public init(store: SnapshotStore, settings: Settings, logger: Logger) {
        self.init(
            store: store, settings: settings,
            timing: .init(settle: settings.settle, settleLimit: max(settings.settle, settings.settleLimit)),
            logger: logger)
    }

    init(store: SnapshotStore, settings: Settings, timing: ChangeGatherer.Timing, logger: Logger) {
        self.store = store
        self.settings = settings
        self.logger = logger
        directory = store.directory
        gatherer = ChangeGatherer(timing)
        isBlind = settings.watches
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Follows the source until `stop`. Looks at everything first: nobody knows what happened before. Throws only what
    /// keeps it from beginning: another watch of the same store, or a socket that cannot be had.
    public func run() async throws {
        let lock = try FileLock.acquire("\(store.layout.swarm)/watch.lock", owner: "swarm-publish watch")
        defer { withExtendedLifetime(lock) {} }
        let listener = try WatchListener(path: store.watchSocketPath) { [weak self] request in
            await self?.answer(request) ?? WatchAnswer(error: Self.stopped)
        }
        nextScan = settings.scanEvery.map { .now + $0 }
        gatherer.noteEverything(at: .now)
        gatherer.hurry()
        wake.yield()
        var timer: Task<Void, Never>?
        for await _ in wakes {
            timer?.cancel()
            while !isStopping, let due = nextMoment(), due <= .now { await publish() }
            if isStopping { break }
            if let due = nextMoment() {
                timer = Task { [wake] in
                    if (try? await Task.sleep(until: due, clock: .continuous)) != nil { wake.yield() }
                }
            }
        }
        timer?.cancel()
        listener.cancel()
        watch?.cancel()
        for waiter in waiters { waiter.resume(returning: WatchAnswer(error: Self.stopped)) }
        waiters = []
    }

    /// Ends `run` after the snapshot that is being made.
    public func stop() {
        isStopping = true
        wake.yield()
    }

    private static let stopped = "the watch was stopped"

    // MARK: Requests

    /// Fulfils a request of `notify`.
    func answer(_ request: WatchRequest) async -> WatchAnswer {
        do {
            for path in try Publisher(store: store).relative(request.paths) {
                gatherer.note(.changed(path), at: .now)
            }
        } catch { return WatchAnswer(error: "\(error)") }
        if request.now || request.paths.isEmpty {
            await watch?.catchUp()
            absorb()
            // Nothing tells what changed.
            if watch == nil, request.paths.isEmpty { gatherer.noteEverything(at: .now) }
            gatherer.hurry()
        }
        guard !isStopping else { return WatchAnswer(error: Self.stopped) }
        wake.yield()
        guard request.wait else { return WatchAnswer() }
        return await withCheckedContinuation { waiters.append($0) }
    }

    // MARK: Watching

    private func absorb() {
        for event in watch?.take() ?? [] {
            if case .lost(let reason) = event {
                logger.warning("looking at the whole source, as events of it were lost: \(reason)")
                closeWatch()
            }
            gatherer.note(event, at: .now)
        }
    }

    private func closeWatch() {
        watch?.cancel()
        watch = nil
        forwarding?.cancel()
        isBlind = true
    }

    private func wakeUp() {
        absorb()
        wake.yield()
    }

    /// Watches the source, before everything is looked at. Throws what a look at everything would throw as well.
    private func openWatch() async throws {
        let configuration = store.configuration
        let filter = try PathFilter(exclude: configuration.exclude).compiled()
        let includes: @Sendable (String, Bool) -> Bool = { path, isDirectory in
            isDirectory ? filter.includesDirectory(path) : filter.includes(path)
        }
        do {
            let watch = try await offPool {
                try TreeWatch(configuration.source, includes: filter.isEverything ? nil : includes)
            }
            self.watch = watch
            isBlind = false
            limitReached = nil
            nextScan = settings.scanEvery.map { .now + $0 }
            logger.info("watching \(watch.directoryCount) directories of \(configuration.source)")
            forwarding = Task { [weak self] in
                for await _ in watch.signals { await self?.wakeUp() }
            }
        } catch let error as TreeWatch.LimitReached {
            let pause = settings.scanEvery ?? Self.scanPause
            nextScan = .now + pause
            if limitReached != error {
                logger.error(
                    "\(error). Until then, the whole source is looked at every \(Quantities.format(duration: pause))")
            }
            limitReached = error
        }
    }

    // MARK: Publishing

    private func nextMoment() -> ContinuousClock.Instant? {
        let due = gatherer.due(.now)
        guard let nextScan else { return due }
        return min(due ?? nextScan, nextScan)
    }

    private func publish() async {
        isPublishing = true
        defer { isPublishing = false }
        if let scan = nextScan, scan <= .now {
            gatherer.noteEverything(at: .now)
            nextScan = settings.scanEvery.map { .now + $0 }
        }
        await watch?.catchUp()
        absorb()
        var batch = gatherer.take(.now)
        let served = waiters
        waiters = []
        var answer = WatchAnswer()
        do {
            if try reopenStore() {
                closeWatch()
                isBlind = settings.watches
                batch = .everything
            }
            if isBlind, batch == .everything { try await openWatch() }
            let (report, newest) = try await snapshot(batch)
            gatherer.succeeded()
            answer.published = report?.published ?? false
            answer.snapshot = newest
            if let report { log(report) }
        } catch {
            let pause = gatherer.failed(batch, at: .now)
            // If it is so again, a file was written to by a name that is not watched, of which no event will ever tell.
            if (error as? PublishingError)?.code == .changing, gatherer.failures > 1 {
                gatherer.noteEverything(at: .now)
            }
            if !isStopping {
                logger.error(
                    """
                    nothing was published: \(error). Tried again in \(Quantities.format(duration: pause)), or when the \
                    source changes
                    """)
            }
            answer = WatchAnswer(error: isStopping ? Self.stopped : "nothing was published: \(error)")
        }
        for waiter in served { waiter.resume(returning: answer) }
    }

    /// Reads the configuration again. Returns whether it says otherwise what belongs to the tree.
    private func reopenStore() throws -> Bool {
        let old = store.configuration
        store = try SnapshotStore(directory)
        return store.configuration.source != old.source || store.configuration.exclude != old.exclude
    }

    /// Makes a snapshot as soon as nobody else does. Returns the newest one too, which there is none of at first.
    private func snapshot(_ batch: ChangeGatherer.Batch) async throws -> (Publisher.Report?, SnapshotID?) {
        var hasComplained = false
        while true {
            do {
                return try await offPool { [store, settings] in
                    let report = try Self.snapshot(batch, store, settings)
                    return (report, try report?.uuid ?? store.feed()?.feed.newest?.uuid)
                }
            } catch let error as FileLock.Held {
                if isStopping { throw error }
                if !hasComplained { logger.info("waiting for \(error.owner)") }
                hasComplained = true
                try await Task.sleep(for: Self.lockPause)
            }
        }
    }

    private static func snapshot(
        _ batch: ChangeGatherer.Batch, _ store: SnapshotStore, _ settings: Settings
    ) throws -> Publisher.Report? {
        var options = Publisher.Options()
        options.delay = settings.delay
        options.hold = settings.hold
        if case .paths(let paths) = batch {
            guard !paths.isEmpty else { return nil }
            options.changes = try SourceIndex.addingOtherNames(
                paths, source: store.configuration.source, index: store.indexPath
            ).sorted()
        }
        return try Publisher(store: store).snapshot(options)
    }

    private func log(_ report: Publisher.Report) {
        guard let uuid = report.uuid, let serial = report.serial else { return }
        let time = Quantities.format(duration: .milliseconds(Int64(report.seconds * 1000)))
        logger.info(
            """
            published snapshot \(uuid), serial \(serial), in \(time): \(report.filesChanged) new or changed, \
            \(report.filesRemoved) replaced or gone, \(Quantities.format(bytes: report.bytesRead)) read
            """)
        if let path = report.changedInPlace.first {
            logger.warning(
                """
                \(report.changedInPlace.count) files, such as \(path), were written to in place; earlier snapshots \
                lost \(report.lost) of them
                """)
        }
    }
}
