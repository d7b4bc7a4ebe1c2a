internal import NIOCore
internal import SwarmCore

/// Answers datagrams. Everything happens on the socket's event loop.
final class UDPHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let tracker: Tracker

    init(tracker: Tracker) { self.tracker = tracker }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = unwrapInboundIn(data)
        guard let address = IPAddress(envelope.remoteAddress),
            let answer = tracker.answer(datagram: Array(envelope.data.readableBytesView).span, from: address)
        else { return }
        let reply = AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: answer))
        context.write(wrapOutboundOut(reply), promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

    /// A datagram that could not be sent, or that came back, is no reason to close the socket.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
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
