public import Logging
internal import NIOCore
internal import NIOPosix
public import ServiceLifecycle
public import SwarmCore
internal import Synchronization

/// The HTTP front end over plain files: the current snapshot of each set, the snapshots and tags, the documents that
/// describe them, and the feed. It never writes.
public final class ContentServer: Service {
    private enum State {
        case new
        case starting
        case running(RunningServer)
        case stopped
    }

    private let configuration: ContentServerConfiguration
    private let sites: SiteTable
    private let status: @Sendable () async -> [UInt8]
    private let metrics: (@Sendable () async -> String)?
    private let logger: Logger
    private let now: @Sendable () -> Int64
    private let state = Mutex(State.new)

    /// - Parameters:
    ///   - sites: the sets to show; of two with one name, the last.
    ///   - configuration: where to listen and what to bear.
    ///   - status: the JSON of `/.swarm/status`, for admin listeners.
    ///   - metrics: the text of `/.swarm/metrics`, for admin listeners; nil when there are none.
    public convenience init(
        sites: [Site], configuration: ContentServerConfiguration, status: @escaping @Sendable () async -> [UInt8],
        metrics: (@Sendable () async -> String)? = nil, logger: Logger = Logger(label: "content-server")
    ) {
        self.init(
            sites: sites, configuration: configuration, status: status, metrics: metrics, logger: logger,
            now: SystemClock.now)
    }

    /// With a clock: the present time in seconds since 1970.
    init(
        sites: [Site], configuration: ContentServerConfiguration, status: @escaping @Sendable () async -> [UInt8],
        metrics: (@Sendable () async -> String)?, logger: Logger = Logger(label: "content-server"),
        now: @escaping @Sendable () -> Int64
    ) {
        self.configuration = configuration
        self.sites = SiteTable(sites)
        self.status = status
        self.metrics = metrics
        self.logger = logger
        self.now = now
    }

    /// Shows `sites` from the next request on; open connections stay.
    public func replaceSites(_ sites: [Site]) { self.sites.replace(with: sites) }

    /// Begins to listen, once. Returns the TCP endpoints in the order of the configuration, with their real ports.
    ///
    /// - Throws: `ContentServerError` when an address cannot be listened at; then none is.
    @discardableResult
    public func start() async throws -> [Endpoint] {
        let isFirst = state.withLock { state in
            guard case .new = state else { return false }
            state = .starting
            return true
        }
        guard isFirst else { throw ContentServerError(.alreadyStarted, "The content server was started already.") }
        let context = ServerContext(
            sites: sites, responder: ContentResponder(now: now),
            files: NIOThreadPool(numberOfThreads: configuration.fileThreads), registry: ConnectionRegistry(),
            date: DateHeader(), status: status, metrics: metrics,
            idleTimeout: TimeAmount(configuration.idleTimeout), maxConnections: configuration.maxConnections,
            logger: logger)
        let server = RunningServer(context: context, shutdownTimeout: TimeAmount(configuration.shutdownTimeout))
        do {
            for listener in configuration.listeners { try await server.listen(at: listener) }
        } catch {
            state.withLock { $0 = .stopped }
            server.beginShutdown()
            await server.waitUntilStopped()
            throw error
        }
        // A shutdown may have come in between.
        let goesOn = state.withLock { state in
            guard case .starting = state else { return false }
            state = .running(server)
            return true
        }
        if !goesOn {
            server.beginShutdown()
            await server.waitUntilStopped()
        }
        logger.info("serving", metadata: ["addresses": "\(server.addresses.joined(separator: " "))"])
        return server.endpoints
    }

    /// Serves until a graceful shutdown, a cancellation, or `shutdown()`. Starts when that was not done yet.
    public func run() async throws {
        if state.withLock({ if case .new = $0 { true } else { false } }) { try await start() }
        guard let server = running else { return }
        await withTaskCancellationOrGracefulShutdownHandler {
            await server.waitUntilStopped()
        } onCancelOrGracefulShutdown: {
            server.beginShutdown()
        }
        state.withLock { $0 = .stopped }
    }

    /// Closes the listeners, lets the responses under way finish, answers the held polls, and closes everything. A
    /// server that was shut down cannot be started again.
    public func shutdown() async {
        let server = running
        state.withLock { $0 = .stopped }
        server?.beginShutdown()
        await server?.waitUntilStopped()
    }

    private var running: RunningServer? {
        state.withLock { if case .running(let server) = $0 { server } else { nil } }
    }
}
