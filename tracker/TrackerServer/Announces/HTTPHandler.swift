internal import NIOCore
internal import NIOHTTP1
internal import SwarmCore

/// One HTTP/1 connection of a node or a reader, and of a BitTorrent client whose requests are unusual. Everything happens on
/// its event loop; NIO's pipelining handler before this one hands over one request after the other.
final class HTTPHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let tracker: Tracker
    private let site: Site
    private var address: IPAddress?
    private var head: HTTPRequestHead?
    private var body: [UInt8] = []
    /// Whether the request was answered before its end, so that the rest is passed over.
    private var isRefused = false

    init(tracker: Tracker) {
        self.tracker = tracker
        site = Site(tracker: tracker)
    }

    func channelActive(context: ChannelHandlerContext) {
        address = IPAddress(context.remoteAddress)
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body = []
        case .body(let part):
            guard !isRefused else { return }
            guard body.count + part.readableBytes <= NodeReport.sizeLimit else {
                isRefused = true
                body = []
                let reply = Reply.text(.payloadTooLarge, "A report has at most \(NodeReport.sizeLimit) bytes.\n")
                return write(reply, isKeptAlive: false, context)
            }
            body += part.readableBytesView
        case .end:
            guard !isRefused, let head, let address = address ?? IPAddress(context.remoteAddress) else { return }
            if head.method == .GET, head.uri == "/events" { return follow(from: address, context) }
            let (isKeptAlive, isHead) = (head.isKeepAlive, head.method == .HEAD)
            switch answer(to: head, from: address) {
            case .now(let reply): write(reply, isKeptAlive: isKeptAlive, isHead: isHead, context)
            case .later(let work):
                // The next request of this connection is handed over only once this one is answered.
                let loop = context.eventLoop
                let bound = NIOLoopBound((self, context), eventLoop: loop)
                loop.makeFutureWithTask { await work() }.whenSuccess { reply in
                    let (handler, context) = bound.value
                    handler.write(reply, isKeptAlive: isKeptAlive, isHead: isHead, context)
                }
            }
        }
    }

    /// Answers with a stream of events, which others write to from now on.
    private func follow(from address: IPAddress, _ context: ChannelHandlerContext) {
        guard tracker.isWithinLimits(address) else { return write(Self.tooMany, isKeptAlive: false, context) }
        // What others write comes to this event loop, so after the head.
        guard tracker.streams.add(context.channel) else {
            let reply = Reply.text(
                .serviceUnavailable, "Too many pages are open; this one can be loaded anew.\n",
                headers: ["Retry-After": "60"])
            return write(reply, isKeptAlive: false, context)
        }
        context.write(wrapOutboundOut(.head(EventStreams.head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(EventStreams.greeting))), promise: nil)
    }

    private enum Answer {
        case now(Reply)
        case later(@Sendable () async -> Reply)
    }

    private func answer(to head: HTTPRequestHead, from address: IPAddress) -> Answer {
        switch head.method {
        case .GET, .HEAD:
            if let body = tracker.answer(head.uri.utf8.span, from: address) { return .now(.bencoded(body)) }
            guard tracker.isWithinLimits(address) else { return .now(Self.tooMany) }
            guard let target = RequestTarget(head.uri) else { return .now(Self.malformed) }
            let accept = head.headers["Accept"].joined(separator: ",")
            return site.later(target, from: address, accept: accept).map { .later($0) }
                ?? .now(site.get(target, from: address))
        case .POST:
            guard let target = RequestTarget(head.uri) else { return .now(Self.malformed) }
            return .now(
                site.post(
                    target, authorization: head.headers.first(name: "Authorization"), body: body, from: address))
        default:
            return .now(
                .text(.methodNotAllowed, "Only GET, HEAD and POST.\n", headers: ["Allow": "GET, HEAD, POST"]))
        }
    }

    private static let tooMany = Reply.text(
        .tooManyRequests, "Too many requests from your address; try again in a minute.\n",
        headers: ["Retry-After": "60"])
    private static let malformed = Reply.text(.badRequest, "The path is not proper percent-encoding.\n")

    private func write(_ reply: Reply, isKeptAlive: Bool, isHead: Bool = false, _ context: ChannelHandlerContext) {
        var headers = reply.headers
        if reply.status != .noContent { headers.add(name: "Content-Length", value: "\(reply.body.count)") }
        if !isKeptAlive { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(version: .http1_1, status: reply.status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if !reply.body.isEmpty, !isHead {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: reply.body)))), promise: nil)
        }
        let isWritten = context.writeAndFlush(wrapOutboundOut(.end(nil)))
        if !isKeptAlive { isWritten.assumeIsolated().whenComplete { _ in context.close(promise: nil) } }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
