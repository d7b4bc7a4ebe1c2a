internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import SwarmCore
internal import Synchronization

/// The tracker's sockets: for each endpoint one for TCP and one for UDP, at the same port number.
struct Listeners {
    private let channels: [any Channel]
    /// Where they are, with the ports that the system chose.
    let endpoints: [Endpoint]

    /// An idle connection is closed after this time; so is one whose client sends or reads too slowly.
    private static let idleTime = TimeAmount.seconds(75)
    /// More connections than this at once are closed as they come.
    private static let connectionLimit = 20_000

    /// Listens at each endpoint; an empty host stands for every interface.
    init(_ endpoints: [Endpoint], tracker: Tracker) async throws {
        var channels: [any Channel] = []
        var bound: [Endpoint] = []
        do {
            for endpoint in endpoints {
                let pair = try await Self.listen(endpoint, tracker)
                channels += pair
                bound.append(
                    Endpoint(
                        host: pair[0].localAddress?.ipAddress ?? endpoint.host,
                        port: UInt16(pair[0].localAddress?.port ?? Int(endpoint.port))))
            }
        } catch {
            for channel in channels { try? await channel.close() }
            throw error
        }
        self.channels = channels
        self.endpoints = bound
    }

    private static func listen(_ endpoint: Endpoint, _ tracker: Tracker) async throws -> [any Channel] {
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
                        let udp = try await udp(tracker).bind(host: host, port: tcp.localAddress?.port ?? 0).get()
                        return [tcp, udp]
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
                    // Our header values hold no line breaks: numbers, fixed words and percent-encoded URLs.
                    try pipeline.configureHTTPServerPipeline(
                        withErrorHandling: true, withOutboundHeaderValidation: false)
                    try pipeline.addHandler(HTTPHandler(tracker: tracker))
                }
            }
    }

    private static func udp(_ tracker: Tracker) -> DatagramBootstrap {
        // Many datagrams for each system call; a longer one than 2 KiB is none of this protocol.
        let vector = 64
        return DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.datagramVectorReadMessageCount, value: vector)
            .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: vector * 2048))
            .channelOption(.maxMessagesPerRead, value: 16)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(UDPHandler(tracker: tracker))
                }
            }
    }

    /// Closes the sockets; connections that are open end by themselves.
    func close() async { for channel in channels { try? await channel.close() } }
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
