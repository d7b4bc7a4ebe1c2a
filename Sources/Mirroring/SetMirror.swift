internal import AsyncHTTPClient
internal import FileTree
internal import FoundationEssentials
internal import Logging
internal import Metainfo
public import SwarmCore
internal import Synchronization
internal import TorrentEngine

/// Mirrors one set: follows its feed, fetches what is new, activates, retains, seeds. The only owner of the set's root.
public actor SetMirror {
    let configuration: NodeConfiguration.MirroredSet
    let layout: RootLayout
    let engine: TorrentEngine
    let router: EventRouter
    let neighbourhood: Neighbourhood
    let upstreams: [Upstream]
    let documents: SnapshotSource
    let state: NodeState
    let logger: Logger
    let now: @Sendable () -> Date
    /// For how long after a switch a connection to this node may go on to read what was current until then.
    let readersTime: Duration
    /// What the tracker of this node is shown; nil for nothing.
    private let login: TrackerLogin?
    /// Called with each feed that is accepted, for those who read it from this node.
    let onFeed: @Sendable (UInt64, FeedBundle) -> Void

    var snapshots: [SnapshotID: NodeState.Snapshot] = [:] {
        didSet { readable.set(snapshots.values) }
    }
    var feed: Feed?
    /// The upstream that the feed came from: peers without a host are there.
    var feedHost: String?
    /// Torrents in the engine for seeding, and the snapshot whose tree they read.
    var seeding: [InfoHash: SnapshotID] = [:]
    /// Entries of each shard that were found to be lost from a snapshot's tree: nothing is linked from there.
    var damaged: [SnapshotID: [InfoHash: PieceSet]] = [:]
    /// The spare tree that a new one is being made from: it is not to be removed.
    var baseInUse: SnapshotID?
    /// Brings the spare tree up to date.
    var sparing: Task<Void, Never>?
    /// Lets go of what an update has opened.
    var settling: Task<Void, Never>?
    /// Whether every tree on the disk is in the state, or was removed.
    var hasAdopted = false
    /// Trees that are not in the state, and stay as long as they are current.
    var strays: Set<SnapshotID> = []
    var knownInodes: [TreeInspection.Inode: SHA256Digest] = [:]
    /// Torrents that are being fetched.
    var transferring: Set<InfoHash> = []
    var fetching: (snapshot: SnapshotID, task: Task<Void, Never>)?
    /// Whether an upstream has confirmed the feed since the start.
    var hasFreshFeed = false
    var feedError: String?
    var failures = 0
    /// How many upstreams in a row answered with a feed that is refused.
    private var refusals = 0
    private var feedPatience = Patience()
    var fetchPatience = Patience()
    /// For transfers in which nothing arrives.
    var transferPatience = Patience()
    /// Snapshots that readers may see, newest first.
    public nonisolated let readable = ReadableSnapshots()
    let wakeups: AsyncStream<Void>
    nonisolated let wake: AsyncStream<Void>.Continuation
    private let reseedings: AsyncStream<Void>
    /// Has what is whole offered, beside everything else: with many files it takes a while.
    let reseed: AsyncStream<Void>.Continuation
    let changed: AsyncStream<Void>.Continuation
    /// Yields after every change of the status.
    public nonisolated let changes: AsyncStream<Void>

    init(
        configuration: NodeConfiguration.MirroredSet, set: SetName, engine: TorrentEngine, router: EventRouter,
        client: HTTPClient, neighbourhood: Neighbourhood, logger: Logger, now: @escaping @Sendable () -> Date,
        readersTime: Duration = .zero,
        login: TrackerLogin? = nil, onFeed: @escaping @Sendable (UInt64, FeedBundle) -> Void
    ) throws {
        self.configuration = configuration
        self.engine = engine
        self.router = router
        self.neighbourhood = neighbourhood
        self.logger = logger
        self.now = now
        self.login = login
        self.readersTime = readersTime
        self.onFeed = onFeed
        layout = RootLayout(root: configuration.root, set: set)
        upstreams = configuration.upstreams.map { Upstream(base: $0, client: client) }
        documents = SnapshotSource(layout: layout, upstreams: upstreams, logger: logger)
        for path in [layout.trees, layout.snapshots, layout.swarm] { try FileSystem.makeDirectories(path) }
        state = try NodeState(layout.state)
        (wakeups, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (reseedings, reseed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        (changes, changed) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        for snapshot in try state.snapshots() { snapshots[snapshot.uuid] = snapshot }
    }

    // MARK: Status

    /// The set as it is now.
    public func status() async -> NodeStatus.SetStatus {
        var connections: [SnapshotID: (peers: Int, rate: Int)] = [:]
        for torrent in await engine.statuses() {
            guard let snapshot = seeding[torrent.infoHash] else { continue }
            connections[snapshot, default: (0, 0)].peers += torrent.peers
            connections[snapshot, default: (0, 0)].rate += torrent.uploadRate
        }
        var status = NodeState.status(
            set: layout.set, root: layout.root, upstream: configuration.upstreams.first ?? "",
            snapshots: Array(snapshots.values),
            feed: feed, error: feedError)
        if hasFreshFeed { status.newest = feed?.newest?.uuid }
        for index in status.snapshots.indices where status.snapshots[index].state != .fetching {
            let now = connections[status.snapshots[index].uuid] ?? (0, 0)
            status.snapshots[index].peers = now.peers
            status.snapshots[index].uploadRate = now.rate
        }
        return status
    }

    /// Why it is in vain to wait any longer for the newest snapshot; nil while it is not. The mirror itself goes on trying.
    public var reasonToGiveUp: String? {
        hasFreshFeed ? fetchPatience.end ?? transferPatience.end : feedPatience.end
    }

    var local: [LocalSnapshot] {
        snapshots.values.map { LocalSnapshot(uuid: $0.uuid, serial: $0.serial, state: $0.state) }
    }

    // MARK: Running

    /// Mirrors until it is cancelled.
    public func run() async throws {
        try await reconcileAfterRestart()
        reseed.yield()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in self.reseedings { await self.seed() } }
            group.addTask { await self.followFeed() }
            group.addTask { await self.work() }
            await group.waitForAll()
        }
        fetching?.task.cancel()
        await fetching?.task.value
        await endSparing()
        settling?.cancel()
    }

    /// Gets documents again that are missing on the disk: without them a tree can neither be seeded nor linked from.
    private func restoreDocuments() async {
        var isRestored = false
        for id in Set(snapshots.values.map(\.holds)) where !documents.isComplete(id) {
            guard let entry = feed?.entry(id) else { continue }
            do {
                _ = try await documents.documents(of: entry)
                logger.warning(
                    "the manifest or a torrent was missing and was fetched again", metadata: ["snapshot": "\(id)"])
                isRestored = true
            } catch { logger.error("\(error)", metadata: ["snapshot": "\(id)"]) }
        }
        await settle()
        if isRestored { reseed.yield() }
    }

    private func work() async {
        var failures = 0
        for await _ in merged() {
            if Task.isCancelled { return }
            do {
                try await step()
                failures = 0
            } catch {
                failures += 1
                let pause = backoff(failures)
                logger.error("\(error)")
                feedError = "\(error)"
                fetchPatience.failed("\(error)", at: .now, pause: pause, isHopeless: Patience.isHopeless(error))
                wakeAt(now().addingTimeInterval(Double(pause.components.seconds)))
            }
            changed.yield()
        }
    }

    /// The wake-ups, with a first one at once; ends when the task is cancelled.
    private func merged() -> AsyncStream<Void> {
        wake.yield()
        return wakeups
    }

    /// Performs what is due, until nothing is.
    private func step() async throws {
        do { try await adoptTrees() } catch { logger.error("\(error)") }
        while !Task.isCancelled {
            // A switch may have been made, and not been written down.
            try reconcileActive()
            let next = NextStep.decide(
                feed: feed, local: local, tagged: localTags(), keep: configuration.keep, now: now())
            switch next {
            case .activate(let snapshot): try await activate(snapshot)
            case .release(let released): try await release(released)
            case .fetch(let snapshot):
                wakeAt(NextStep.nextActivation(feed: feed, local: local, now: now()))
                guard fetching?.snapshot != snapshot else { return }
                if let fetching {
                    logger.info("superseded", metadata: ["snapshot": "\(fetching.snapshot)", "by": "\(snapshot)"])
                    fetching.task.cancel()
                    await fetching.task.value
                }
                let task = Task { await self.fetchUntilDone(snapshot) }
                fetching = (snapshot, task)
                return
            case .wait(let moment):
                wakeAt(moment)
                if let fetching, feed?.entry(fetching.snapshot) == nil {
                    logger.info("withdrawn by the master", metadata: ["snapshot": "\(fetching.snapshot)"])
                    fetching.task.cancel()
                    await fetching.task.value
                }
                if fetching == nil { startSparing() }
                return
            }
        }
    }

    private var timer: Task<Void, Never>?

    private func wakeAt(_ moment: Date?) {
        timer?.cancel()
        guard let moment else { return }
        let delay = max(0, moment.timeIntervalSince(now()))
        timer = Task { [wake] in
            // A little late rather than a little early: then the moment has come.
            try? await Task.sleep(for: .milliseconds(Int64(delay * 1000) + 5))
            wake.yield()
        }
    }

    /// Snapshots that the administrator's own tags protect.
    private func localTags() -> Set<SnapshotID> {
        let names = (try? FileSystem.names(in: layout.localTags)) ?? []
        return Set(
            names.compactMap { FileSystem.readLink("\(layout.localTags)/\($0)")?.split(separator: "/").last }.compactMap
            { SnapshotID(String($0)) })
    }

    // MARK: Feed

    /// Checks a feed. One that was stored may have expired meanwhile; it still says what is held.
    func accept(_ note: [UInt8], stored: Bool) throws -> Feed {
        let text: [UInt8]
        do { text = try SignedNote.open(note, keys: configuration.keys).text } catch {
            throw MirrorError(.untrusted, "the feed is refused: \(error)")
        }
        let feed: Feed
        do { feed = try Documents.decode(Feed.self, from: text) } catch {
            throw MirrorError(.untrusted, "the feed is signed, and is no feed that this version can read: \(error)")
        }
        do {
            try feed.check(
                expecting: layout.set, acceptedVersion: stored ? 0 : state.acceptedVersion(),
                now: stored ? feed.issued : now())
        } catch { throw MirrorError(.untrusted, "\(error)") }
        return feed
    }

    private static let restAfterNews = Duration.milliseconds(300)

    private func followFeed() async {
        var index = 0
        while !Task.isCancelled {
            let upstream = upstreams[index % upstreams.count]
            let asked = ContinuousClock.now
            do {
                let known = hasFreshFeed ? feed?.version : nil
                var isNews = false
                if case .note(let bundle) = try await upstream.feed(layout.set, after: known ?? 0, wait: 300) {
                    try await take(bundle, from: upstream)
                    isNews = feed?.version != known
                }
                feedError = nil
                failures = 0
                refusals = 0
                feedPatience.succeeded()
                if !hasFreshFeed {
                    await restoreDocuments()
                    hasFreshFeed = true
                    changed.yield()
                }
                if isNews {
                    // What the feed tells of is asked for over the same connection meanwhile, and not over another one, at
                    // the moment when an upstream has the most to do.
                    try await Task.sleep(for: Self.restAfterNews)
                } else if ContinuousClock.now - asked < .seconds(150) {
                    // An upstream that cannot hold the answer back, or that sends the same feed, is asked at intervals.
                    try await Task.sleep(for: configuration.pollInterval)
                }
            } catch {
                if Task.isCancelled { return }
                failures += 1
                index += 1
                refusals = (error as? MirrorError)?.code == .untrusted ? refusals + 1 : 0
                feedError = "\(error)"
                logger.warning("\(error)")
                // Another upstream is asked at once; they all rest when none could answer.
                let pause = failures % upstreams.count == 0 ? backoff(failures / upstreams.count) : .zero
                feedPatience.failed(
                    "\(error)", at: .now, pause: pause,
                    isHopeless: refusals >= upstreams.count || (error as? FileError)?.isFull ?? false)
                changed.yield()
                try? await Task.sleep(for: pause)
            }
        }
    }

    private func take(_ bundle: FeedBundle, from upstream: Upstream) async throws {
        let accepted = try accept(bundle.feed, stored: false)
        let known = Set(peers())
        feedHost = upstream.host
        defer { wake.yield() }
        guard accepted.version != feed?.version else {
            if Set(peers()) != known { await introduceAnew() }
            return
        }
        documents.offer(bundle.documents)
        try FileSystem.writeAtomically(bundle.feed, to: layout.feed)
        try state.setAcceptedVersion(accepted.version)
        feed = accepted
        onFeed(accepted.version, bundle)
        do { try linkTags() } catch { logger.error("\(error)") }
        logger.info(
            "new feed", metadata: ["version": "\(accepted.version)", "newest": "\(accepted.newest?.serial ?? 0)"])
        if Set(peers()) != known { await introduceAnew() }
    }

    /// One second, doubled with each failure, at most a minute.
    func backoff(_ failures: Int) -> Duration { .seconds(min(60, 1 << min(6, max(0, failures - 1)))) }

    /// Where the feed's peers and the configured ones are.
    func peers() -> [Endpoint] { listedPeers + configuration.peers }

    /// Where the master's seeds are, by the feed.
    var listedPeers: [Endpoint] {
        (feed?.peers ?? []).compactMap { peer in
            peer.isUnspecified ? feedHost.map { Endpoint(host: $0, port: peer.port) } : peer
        }
    }

    /// The announce URLs of the feed, with this node's token for its own tracker.
    var trackers: [String] {
        let listed = feed?.trackers ?? []
        return login.map { login in listed.map { login.url($0) } } ?? listed
    }
}

extension NodeState {
    /// The status of a set, from what the state says.
    static func status(
        set: SetName, root: String, upstream: String, snapshots: [Snapshot], feed: Feed?, error: String?
    ) -> NodeStatus.SetStatus {
        let active = snapshots.first { $0.state == .active }
        let shown = snapshots.filter { $0.state != .spare }.sorted { $0.serial < $1.serial }.map { snapshot in
            var status = snapshot.status
            status.state =
                switch snapshot.state {
                case .building, .fetching, .spare: .fetching
                case .ready: .ready
                case .active: .active
                case .retained: .retained
                }
            if let activation = feed?.entry(snapshot.uuid)?.activation {
                status.hold = activation.hold
                status.notBefore = activation.notBefore
            }
            return status
        }
        return NodeStatus.SetStatus(
            set: set, root: root, upstream: upstream, current: active.map { .init(uuid: $0.uuid, serial: $0.serial) },
            snapshots: shown, feedVersion: feed?.version ?? 0,
            spare: snapshots.filter { $0.state == .spare }.max { $0.serial < $1.serial }?.holds, error: error)
    }
}

/// The snapshots of a set that readers may see. It is asked from any thread, for each path that the current one lacks.
public final class ReadableSnapshots: Sendable {
    private let list = Mutex<[SnapshotID]>([])

    /// Newest first.
    @Sendable
    public func snapshots() -> [SnapshotID] { list.withLock { $0 } }

    func set(_ rows: some Collection<NodeState.Snapshot>) {
        let readable = rows.filter { $0.state == .active || $0.state == .retained }.sorted { $0.serial > $1.serial }
        list.withLock { $0 = readable.map(\.uuid) }
    }
}
