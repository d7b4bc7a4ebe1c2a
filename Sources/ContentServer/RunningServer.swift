internal import Glibc
internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import SwarmCore
internal import Synchronization

/// The sockets and threads of a server between its start and its end.
final class RunningServer: Sendable {
    private struct State {
        var listeners: [any Channel] = []
        var endpoints: [Endpoint] = []
        var socketPaths: [String] = []
        var isStopping = false
    }

    private let context: ServerContext
    private let shutdownTimeout: TimeAmount
    private let group = MultiThreadedEventLoopGroup.singleton
    private let stopped: EventLoopPromise<Void>
    private let state = Mutex(State())

    init(context: ServerContext, shutdownTimeout: TimeAmount) {
        self.context = context
        self.shutdownTimeout = shutdownTimeout
        stopped = group.any().makePromise()
        context.files.start()
    }

    /// The TCP endpoints that are listened at.
    var endpoints: [Endpoint] { state.withLock { $0.endpoints } }

    /// All addresses, for people.
    var addresses: [String] { state.withLock { $0.endpoints.map(\.description) + $0.socketPaths } }

    // MARK: Listening

    func listen(at listener: ContentServerConfiguration.Listener) async throws {
        switch listener.address {
        case .tcp(let endpoint):
            let channel = try await bind(endpoint, isAdmin: listener.admin)
            let address = channel.localAddress
            let bound = Endpoint(
                host: address?.ipAddress ?? endpoint.host, port: UInt16(address?.port ?? Int(endpoint.port)))
            state.withLock {
                $0.listeners.append(channel)
                $0.endpoints.append(bound)
            }
        case .unix(let path):
            let descriptor = try UnixSocket.bind(path: path).release()
            state.withLock { $0.socketPaths.append(path) }
            do {
                let channel = try await bootstrap(isAdmin: listener.admin, isUnix: true).withBoundSocket(descriptor)
                    .get()
                state.withLock { $0.listeners.append(channel) }
            } catch {
                throw ContentServerError(.cannotListen, "Cannot listen at the socket \(path).", cause: error)
            }
        }
    }

    private func bind(_ endpoint: Endpoint, isAdmin: Bool) async throws -> any Channel {
        let bootstrap = bootstrap(isAdmin: isAdmin, isUnix: false)
        // An IPv6 socket takes IPv4 as well; without IPv6, IPv4 remains.
        let hosts = endpoint.host.isEmpty || endpoint.host == "*" ? ["::", "0.0.0.0"] : [endpoint.host]
        var failure: (any Error)?
        for host in hosts {
            do {
                return try await bootstrap.bind(host: host, port: Int(endpoint.port)).get()
            } catch {
                failure = error
            }
        }
        throw ContentServerError(
            .cannotListen, "Cannot listen at \(endpoint). Free the port, or configure another address.", cause: failure)
    }

    private func bootstrap(isAdmin: Bool, isUnix: Bool) -> ServerBootstrap {
        let context = context
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let count = context.registry.add(channel) else { throw ChannelError.ioOnClosedChannel }
                    // The administrator gets in even then.
                    let isSurplus = !isUnix && count > context.maxConnections
                    let pipeline = channel.pipeline.syncOperations
                    // Our header values hold no line breaks: numbers, dates and percent-encoded paths.
                    try pipeline.configureHTTPServerPipeline(
                        withErrorHandling: true, withOutboundHeaderValidation: false)
                    try pipeline.addHandler(
                        ConnectionHandler(server: context, isAdmin: isAdmin, isSurplus: isSurplus))
                }
            }
        guard !isUnix else { return bootstrap }
        return
            bootstrap
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            // A held poll of a client that has vanished must end some day.
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
    }

    // MARK: Stopping

    /// Begins to stop; returns at once, and does nothing the second time.
    func beginShutdown() {
        let listeners = state.withLock { state -> [any Channel]? in
            guard !state.isStopping else { return nil }
            state.isStopping = true
            for path in state.socketPaths { unlink(path) }
            return state.listeners
        }
        guard let listeners else { return }
        let eventLoop = stopped.futureResult.eventLoop
        let (context, shutdownTimeout, stopped) = (context, shutdownTimeout, stopped)
        EventLoopFuture.andAllComplete(listeners.map { $0.close() }, on: eventLoop)
            .flatMap { context.registry.drain(on: eventLoop, limit: shutdownTimeout) }
            .whenComplete { _ in
                context.files.shutdownGracefully { _ in stopped.succeed() }
            }
    }

    func waitUntilStopped() async {
        // The promise never fails, and a future's `get` does not end with the task's cancellation.
        try? await stopped.futureResult.get()
    }
}
