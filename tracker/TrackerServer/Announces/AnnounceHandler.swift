internal import NIOCore
internal import SwarmCore
internal import TrackerCore

/// The first handler of a connection: it answers announces and scrapes by itself, from the bytes as they come. With the
/// first request that is for something else it makes place for a full parser of HTTP, for the rest of the connection.
/// Everything happens on the connection's event loop.
final class AnnounceHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case answering
        /// Another handler has the connection.
        case handedOver
        /// The last answer was given.
        case closing
    }

    private let tracker: Tracker
    /// Adds the handlers for everything else.
    private let makePlace: (ChannelPipeline.SynchronousOperations) throws -> Void
    private var state = State.answering
    private var address: IPAddress?
    /// What was received and not answered.
    private var requests = ByteBuffer()
    /// Whether more is to be read once the client has taken its answers.
    private var isReadingHeld = false

    /// So many bytes of answers are written at once.
    private static let portion = 1 << 15

    init(tracker: Tracker, makePlace: @escaping (ChannelPipeline.SynchronousOperations) throws -> Void) {
        self.tracker = tracker
        self.makePlace = makePlace
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .handedOver: context.fireChannelRead(data)
        case .closing: break
        case .answering:
            var bytes = unwrapInboundIn(data)
            if requests.readableBytes == 0 {
                requests = bytes
            } else {
                // Else the buffer would grow by all that a connection ever brings.
                requests.discardReadBytes()
                requests.writeBuffer(&bytes)
            }
            answer(context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
        context.fireChannelReadComplete()
    }

    /// Answers the requests that are complete, as long as the client takes the answers.
    private func answer(_ context: ChannelHandlerContext) {
        guard let address = address ?? IPAddress(context.remoteAddress) else { return }
        self.address = address
        var answers = ByteBuffer()
        while state == .answering, context.channel.isWritable, requests.readableBytes > 0 {
            switch next(requests.readableBytesUInt8Span, from: address) {
            case .incomplete:
                send(&answers, context)
                return
            case .other: state = .handedOver
            case .request(let head, let body):
                requests.moveReaderIndex(forwardBy: head.length)
                answers.writeStaticString("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ")
                answers.writeString(String(body.count))
                answers.writeStaticString(head.isKeptAlive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n")
                answers.writeBytes(body)
                if !head.isKeptAlive { state = .closing }
                if answers.readableBytes >= Self.portion { send(&answers, context) }
            }
        }
        send(&answers, context)
        switch state {
        case .answering: break
        case .closing:
            requests = ByteBuffer()
            context.flush()
            // Nothing is behind the answers, so when this is written they are.
            let isWritten = context.writeAndFlush(wrapOutboundOut(ByteBuffer()))
            isWritten.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        case .handedOver: handOver(context)
        }
    }

    private enum Next {
        /// Its end has not come yet.
        case incomplete
        /// It is for another handler.
        case other
        /// One of a BitTorrent client, with the body of its answer.
        case request(HTTPTrackerHead, [UInt8])
    }

    /// The first request, answered.
    private func next(_ bytes: borrowing Span<UInt8>, from address: IPAddress) -> Next {
        switch HTTPTrackerHead.read(bytes) {
        case .incomplete: return .incomplete
        case .other: return .other
        case .head(let head):
            let body = tracker.answer(bytes.extracting(head.target), from: address)
            return body.map { .request(head, $0) } ?? .other
        }
    }

    private func send(_ answers: inout ByteBuffer, _ context: ChannelHandlerContext) {
        guard answers.readableBytes > 0 else { return }
        context.write(wrapOutboundOut(answers), promise: nil)
        answers = ByteBuffer()
    }

    private func handOver(_ context: ChannelHandlerContext) {
        do { try makePlace(context.pipeline.syncOperations) } catch { return context.close(promise: nil) }
        let rest = requests
        requests = ByteBuffer()
        context.fireChannelRead(wrapInboundOut(rest))
    }

    /// A client that does not take its answers is not asked for more.
    func read(context: ChannelHandlerContext) {
        if state == .answering, !context.channel.isWritable { isReadingHeld = true } else { context.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if state == .answering, context.channel.isWritable {
            answer(context)
            context.flush()
            if isReadingHeld, state != .answering || context.channel.isWritable {
                isReadingHeld = false
                context.read()
            }
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if state != .handedOver, event is IdleStateHandler.IdleStateEvent { return context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if state == .handedOver { context.fireErrorCaught(error) } else { context.close(promise: nil) }
    }
}
