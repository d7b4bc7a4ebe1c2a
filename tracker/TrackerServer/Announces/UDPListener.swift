internal import Datagrams
internal import NIOCore
internal import NIOPosix
internal import SwarmCore

/// The tracker's datagrams at one address, which a thread answers that does nothing else.
final class UDPListener: Sendable {
    private let socket: DatagramSocket
    private let thread = NIOThreadPool(numberOfThreads: 1)
    private let isDone: EventLoopFuture<Void>

    /// Binds a socket and begins to answer.
    init(at address: SocketAddress, tracker: Tracker) throws {
        let bytes = address.withSockAddr { pointer, size in Array(UnsafeRawBufferPointer(start: pointer, count: size)) }
        let socket = try DatagramSocket(boundTo: bytes)
        self.socket = socket
        thread.start()
        isDone = thread.runIfActive(eventLoop: MultiThreadedEventLoopGroup.singleton.next()) {
            socket.serve { tracker.answer(datagram: $0, from: $1, to: &$2) }
        }
    }

    /// Ends the thread; then the socket is closed.
    func close() async {
        socket.stop()
        try? await isDone.get()
        try? await thread.shutdownGracefully()
    }
}
