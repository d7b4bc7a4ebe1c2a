internal import AsyncHTTPClient
internal import FileTree
public import FoundationEssentials
public import Logging
public import Metainfo
internal import NIOCore
public import SwarmCore
internal import Synchronization
internal import TorrentEngine

/// A node: one BitTorrent session, and a mirror for each set.
public final class MirrorNode: Sendable {
    /// One set of the node, for those who serve it to others.
    public struct Member: Sendable {
        /// Where its files lie, for a server that reads them by itself.
        public let layout: RootLayout
        /// Runs with the node: nobody else calls its `run()`.
        public let mirror: SetMirror
        /// Snapshots that readers may see.
        public var readable: ReadableSnapshots { mirror.readable }
    }

    /// In the order of the configuration; the same for the whole life of the node.
    public let members: [Member]
    private let engine: TorrentEngine
    private let router: EventRouter
    private let client: HTTPClient
    private let logger: Logger
    private let reporter: StatusReporter?
    private let login: TrackerLogin?
    /// Whether the configuration tells near peers from far ones.
    private let knowsDistances: Bool
    /// Files of seeded trees that the log has named.
    private let unreadable = Mutex<Set<String>>([])
    /// Held until the node is gone; one per root.
    private let locks: [LockHolder]

    /// Takes the roots' locks and opens the session. `onFeed` is called with each feed that a set accepts.
    ///
    /// - Throws: `FileLock.Held` when another process has one of the roots, `MirrorError`, `FileError`.
    public init(
        configuration: NodeConfiguration, logger: Logger, now: @escaping @Sendable () -> Date = { Date() },
        onFeed: @escaping @Sendable (SwarmCore.SetName, UInt64, FeedBundle) -> Void = { _, _, _ in },
        reads: @escaping @Sendable (SwarmCore.SetName, Int) -> NodeReport.ReadCounts? = { _, _ in nil }
    ) throws {
        var locks: [LockHolder] = []
        for set in configuration.sets {
            try FileSystem.makeDirectories("\(set.root)/.swarm")
            locks.append(LockHolder(try FileLock.acquire("\(set.root)/.swarm/lock", owner: "swarm-node")))
        }
        self.locks = locks
        self.logger = logger
        engine = try TorrentEngine(
            settings: EngineSettings(
                role: .node, listen: configuration.peerListen, uploadLimit: Int(configuration.uploadLimit),
                downloadLimit: Int(configuration.downloadLimit), connectionsLimit: configuration.connections,
                peers: configuration.peers))
        knowsDistances = configuration.peers.knowsDistances
        for networks in configuration.peers.networks {
            logger.info(
                "peers by what a database knows",
                metadata: ["of": "\(networks.name)", "blocks": "\(networks.prefixes.count)"])
        }
        router = EventRouter()
        var http = HTTPClient.Configuration()
        http.timeout = .init(connect: .seconds(10))
        // There may be another upstream; when there is not, the pauses between attempts are ours to choose.
        http.connectionPool.retryConnectionEstablishment = false
        http.redirectConfiguration = .follow(max: 3, allowCycles: false)
        client = HTTPClient(configuration: http)
        let neighbourhood = Neighbourhood()
        var members: [Member] = []
        do {
            for set in configuration.sets {
                guard let name = set.name ?? set.keys.first.flatMap({ SwarmCore.SetName($0.name) }) else {
                    throw MirrorError(
                        .untrusted, "the key of \(set.root) does not say which set it is for: name the set")
                }
                var logger = logger
                logger[metadataKey: "set"] = "\(name)"
                let mirror = try SetMirror(
                    configuration: set, set: name, engine: engine, router: router, client: client,
                    neighbourhood: neighbourhood, logger: logger, now: now,
                    readersTime: configuration.httpListen.isEmpty ? .zero : ReadersTime.afterSwitch,
                    login: configuration.reporting?.login,
                    onFeed: { onFeed(name, $0, $1) })
                neighbourhood.add(mirror)
                members.append(Member(layout: RootLayout(root: set.root, set: name), mirror: mirror))
            }
        } catch {
            client.shutdown { _ in }
            throw error
        }
        self.members = members
        login = configuration.reporting?.login
        reporter = configuration.reporting.map { [client, engine, knowsDistances] reporting in
            StatusReporter(
                configuration: reporting, sets: configuration.sets, mirrors: members.map(\.mirror), client: client,
                logger: logger, now: now, reads: reads,
                traffic: { knowsDistances ? await engine.totalTraffic().byDistance : nil })
        }
    }

    /// Where peers can reach this node.
    public func peerEndpoints() async -> [Endpoint] { await engine.listenEndpoints() }

    /// Mirrors until it is cancelled, then stops in order.
    public func run() async throws {
        let result = await withTaskGroup(of: Result<Void, any Error>.self) { group -> Result<Void, any Error> in
            group.addTask {
                for await event in self.engine.events {
                    // What is logged of a URL must not tell the token.
                    let event = self.login?.redacted(event) ?? event
                    if self.router.route(event) { self.report(event) }
                }
                return .success(())
            }
            if let reporter {
                group.addTask {
                    await reporter.run()
                    return .success(())
                }
            }
            for member in members {
                group.addTask {
                    do {
                        try await member.mirror.run()
                        return .success(())
                    } catch { return .failure(error) }
                }
            }
            var first: Result<Void, any Error> = .success(())
            for _ in members {
                if case .failure(let error)? = await group.next() {
                    first = .failure(error)
                    break
                }
            }
            group.cancelAll()
            await engine.stop()
            return first
        }
        try await client.shutdown()
        try result.get()
    }

    /// Tells the administrator what no fetch takes note of.
    private func report(_ event: EngineEvent) {
        switch event {
        case .listenFailed(let endpoint, let reason):
            logger.error("cannot listen for peers at \(endpoint): \(reason)")
        case .fileError(let infoHash, let path, let reason, _):
            // Each request of each peer fails alike.
            guard unreadable.withLock({ $0.insert(path).inserted }) else { return }
            let advice =
                "peers must get it elsewhere. To have the newest tree checked, and only what is damaged fetched again, stop "
                + "the daemon, move state.sqlite* in .swarm away, and start it"
            logger.error(
                "a file of a mirrored tree cannot be read: \(path): \(reason); \(advice)",
                metadata: ["torrent": "\(infoHash)"])
        case .trackerError(_, let url, let message):
            logger.warning(
                "the tracker does not answer as it should", metadata: ["url": "\(url)", "reason": "\(message)"])
        case .pieces, .finished, .pieceRefused, .peerBanned, .listening, .resynchronized: break
        }
    }

    /// Ends a node that does not come to run.
    public func close() async {
        await engine.stop()
        do { try await client.shutdown() } catch { logger.warning("the HTTP client did not end in order: \(error)") }
    }

    /// What the node tells of itself.
    public func status() async -> NodeStatus {
        var sets: [NodeStatus.SetStatus] = []
        for member in members { sets.append(await member.mirror.status()) }
        return NodeStatus(
            version: Version.current, pid: ProcessInfo.processInfo.processIdentifier, sets: sets,
            traffic: knowsDistances ? await engine.totalTraffic().byDistance : nil)
    }

    /// The status of a root from what is on disk, when no daemon runs.
    public static func storedStatus(root: String) throws -> NodeStatus {
        let path = "\(root)/.swarm/state.sqlite"
        guard FileSystem.exists(path) else {
            throw MirrorError(.file, "\(root) is no root of a node: \(path) is missing")
        }
        guard let note = try FileSystem.contents("\(root)/.swarm/feed") else {
            return NodeStatus(version: Version.current, pid: nil, sets: [])
        }
        // Shown, not believed: the signature was checked when the feed was taken.
        let text = note.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).prefix { !$0.isEmpty }
        let feed = try Documents.decode(Feed.self, from: Array(text.joined(separator: [UInt8(ascii: "\n")])))
        let set = NodeState.status(
            set: feed.set, root: root, upstream: "", snapshots: try NodeState(path).snapshots(), feed: feed, error: nil)
        return NodeStatus(version: Version.current, pid: nil, sets: [set])
    }

    /// An array cannot hold what cannot be copied.
    private final class LockHolder: Sendable {
        let lock: FileLock
        init(_ lock: consuming FileLock) { self.lock = lock }
    }
}

extension Traffic {
    /// As the status and the reports have it.
    fileprivate var byDistance: NodeStatus.PeerTraffic {
        NodeStatus.PeerTraffic(
            received: fromMaster + fromPeers, sent: uploaded, receivedNear: fromNear, receivedFar: fromFar,
            sentNear: toNear, sentFar: toFar)
    }
}
