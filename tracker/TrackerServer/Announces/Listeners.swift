internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import SwarmCore
internal import Synchronization

/// The tracker's sockets: for each endpoint one for TCP and one for UDP, at the same port number.
struct Listeners {
    /// The sockets of one endpoint.
    private struct Pair {
        let tcp: any Channel
        let udp: UDPListener

        func close() async {
            try? await tcp.close()
            await udp.close()
        }
    }

    private let pairs: [Pair]
    /// Where they are, with the ports that the system chose.
    let endpoints: [Endpoint]

    /// An idle connection is closed after this time; so is one whose client sends or reads too slowly.
    private static let idleTime = TimeAmount.seconds(75)
    /// More connections than this at once are closed as they come.
    private static let connectionLimit = 20_000

    /// Listens at each endpoint; an empty host stands for every interface.
    init(_ endpoints: [Endpoint], tracker: Tracker) async throws {
        var pairs: [Pair] = []
        do {
            for endpoint in endpoints { pairs.append(try await Self.listen(endpoint, tracker)) }
        } catch {
            for pair in pairs { await pair.close() }
            throw error
        }
        self.pairs = pairs
        self.endpoints = zip(pairs, endpoints).map { pair, endpoint in
            let address = pair.tcp.localAddress
            return Endpoint(
                host: address?.ipAddress ?? endpoint.host, port: UInt16(address?.port ?? Int(endpoint.port)))
        }
    }

    private static func listen(_ endpoint: Endpoint, _ tracker: Tracker) async throws -> Pair {
        // An IPv6 socket takes IPv4 as well; without IPv6, IPv4 remains.
        let hosts = endpoint.host.isEmpty || endpoint.host == "*" ? ["::", "0.0.0.0"] : [endpoint.host]
        // A port that the system chose for TCP may be taken for UDP: then it chooses another.
        let attempts = endpoint.port == 0 ? 10 : 1
        var failure: any Error = ChannelError.unknownLocalAddress
        for host in hosts {
            for _ in 0..<attempts {
                do {
                    let tcp = try await http(tracker).bind(host: host, port: Int(endpoint.port)).get()
                    do {
                        guard let address = tcp.localAddress else { throw ChannelError.unknownLocalAddress }
                        return Pair(tcp: tcp, udp: try UDPListener(at: address, tracker: tracker))
                    } catch {
                        try await tcp.close()
                        throw error
                    }
                } catch {
                    failure = error
                }
            }
        }
        throw TrackerError(
            .listen, "cannot listen at \(endpoint) (\(failure)); free the port, or configure another in `listen`")
    }

    private static func http(_ tracker: Tracker) -> ServerBootstrap {
        let count = ConnectionCount()
        return ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard count.add(1) <= connectionLimit else {
                        count.add(-1)
                        throw ChannelError.ioOnClosedChannel
                    }
                    channel.closeFuture.whenComplete { _ in count.add(-1) }
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(IdleStateHandler(allTimeout: idleTime))
                    try pipeline.addHandler(
                        AnnounceHandler(tracker: tracker) { pipeline in
                            // Our header values hold no line breaks: numbers, fixed words and percent-encoded URLs.
                            try pipeline.configureHTTPServerPipeline(
                                withErrorHandling: true, withOutboundHeaderValidation: false)
                            try pipeline.addHandler(HTTPHandler(tracker: tracker))
                        })
                }
            }
    }

    /// Closes the sockets; connections that are open end by themselves.
    func close() async { for pair in pairs { await pair.close() } }
}

/// How many connections are open.
private final class ConnectionCount: Sendable {
    private let count = Mutex(0)

    @discardableResult
    func add(_ step: Int) -> Int {
        count.withLock { count in
            count += step
            return count
        }
    }
}

extension IPAddress {
    /// The address of a socket; nil for a Unix socket.
    init?(_ address: SocketAddress?) {
        guard let address else { return nil }
        let bytes = address.withSockAddr { pointer, size in Array(UnsafeRawBufferPointer(start: pointer, count: size)) }
        switch address {
        // After the family and the port of sockaddr_in(7); sockaddr_in6 has the flow's label between.
        case .v4: self.init(bytes: bytes[4..<8])
        case .v6: self.init(bytes: bytes[8..<24])
        case .unixDomainSocket: return nil
        }
    }
}
