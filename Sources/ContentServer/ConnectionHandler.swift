internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import SwarmCore

/// One HTTP/1 connection. Everything here happens on the connection's event loop.
///
/// NIO's pipelining handler before this one hands over a request only when the response before it has ended, and stops
/// reading meanwhile. A response ends here when its last byte has gone to the kernel, so a client that does not read
/// makes the server hold one response and no more.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum Phase {
        /// Between two requests.
        case idle
        /// The head is here, the end is not.
        case reading(HTTPRequestHead)
        /// A file thread or a task makes the answer.
        case working
        /// A poll of the feed is held.
        case polling(FeedBox, FeedBox.WaiterID, Scheduled<Void>)
        /// Bytes of the response are under way; so many were left at the last look.
        case writing(left: Int?)
        case closed
    }

    private let server: ServerContext
    private let isAdmin: Bool
    /// Whether there are too many connections: each request is answered 503.
    private let isSurplus: Bool
    private var phase = Phase.idle
    private var pins: SnapshotPins = [:]
    private var isDraining = false
    /// Since when the connection has had nothing to do.
    private var idleSince = NIODeadline.now()
    private var idleTimer: Scheduled<Void>?

    init(server: ServerContext, isAdmin: Bool, isSurplus: Bool) {
        self.server = server
        self.isAdmin = isAdmin
        self.isSurplus = isSurplus
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) { startIdleTimer(in: server.idleTimeout, context) }

    func channelInactive(context: ChannelHandlerContext) {
        let last = phase
        phase = .closed
        idleTimer?.cancel()
        if case .polling(let feed, let waiter, let timer) = last {
            timer.cancel()
            feed.endWait(waiter)
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        server.logger.debug("connection failed", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event is DrainEvent else {
            context.fireUserInboundEventTriggered(event)
            return
        }
        isDraining = true
        switch phase {
        case .idle, .reading: context.close(promise: nil)
        case .polling(let feed, let waiter, _): feed.endWait(waiter)
        case .working, .writing, .closed: break
        }
    }

    private func startIdleTimer(in delay: TimeAmount, _ context: ChannelHandlerContext) {
        idleTimer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.checkIdleness(context) }
    }

    private func checkIdleness(_ context: ChannelHandlerContext) {
        var next = server.idleTimeout
        switch phase {
        case .idle, .reading:
            let end = idleSince + server.idleTimeout
            guard NIODeadline.now() < end else {
                context.close(promise: nil)
                return
            }
            next = end - .now()
        case .writing(let before):
            let left = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
            guard before == nil || left != before else {
                context.close(promise: nil)
                return
            }
            phase = .writing(left: left)
        case .working, .polling: break
        case .closed: return
        }
        startIdleTimer(in: next, context)
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), phase) {
        case (.head(let head), .idle):
            let hasContent =
                head.headers.contains(name: "Transfer-Encoding")
                || head.headers.first(name: "Content-Length").map { $0 != "0" } ?? false
            if hasContent {
                // Content has no meaning here, whatever its length: answer without waiting for it, and close.
                let answer = Self.isReading(head) ? .unwantedContent : Answer.wrongMethod
                write(answer, for: head, closes: true, context)
            } else {
                phase = .reading(head)
            }
        case (.end, .reading(let head)):
            phase = .working
            start(head, context)
        default: break
        }
    }

    /// Nodes fetch from each other, and trackers probe; neither says what people want.
    private static func isReader(_ head: HTTPRequestHead) -> Bool {
        guard let agent = head.headers.first(name: "User-Agent") else { return true }
        return !["swarm-node/", "swarm-tracker/"].contains { agent.hasPrefix($0) }
    }

    private static func isReading(_ head: HTTPRequestHead) -> Bool { head.method == .GET || head.method == .HEAD }

    private func start(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        server.logger.trace("request", metadata: ["method": "\(head.method)", "target": "\(head.uri)"])
        guard !isSurplus else {
            return writeSoon(.surplus, for: head, closes: true, context)
        }
        guard Self.isReading(head) else { return writeSoon(.wrongMethod, for: head, context) }
        do throws(Route.Problem) {
            try start(Route(target: head.uri), head, context)
        } catch {
            writeSoon(.problem(error, target: head.uri), for: head, context)
        }
    }

    private func start(
        _ route: Route, _ head: HTTPRequestHead, _ context: ChannelHandlerContext
    ) throws(Route.Problem) {
        func site(_ set: SetName) throws(Route.Problem) -> Site {
            guard let site = server.sites[set] else { throw .unknown }
            return site
        }
        switch route {
        case .sets:
            let page = ByteBuffer(string: Listing.html(of: server.sites.names))
            writeSoon(Answer(type: "text/html; charset=utf-8", bytes: page), for: head, context)
        case .tree(let tree): fetch(request(.tree(tree), of: try site(tree.set), head), head, context)
        case .document(let set, let document):
            let site = try site(set)
            whenSeeded(document, of: site, context) { self.send(document, of: site, head, context) }
        case .feed(let set, let query): poll(try site(set), query, head, context)
        case .status:
            guard isAdmin else { throw .unknown }
            let status = server.status
            write(type: "application/json", for: head, context) { await ByteBuffer(bytes: status()) }
        case .metrics:
            guard isAdmin, let metrics = server.metrics else { throw .unknown }
            write(type: "text/plain; version=0.0.4; charset=utf-8", for: head, context) {
                await ByteBuffer(string: metrics())
            }
        }
    }

    /// Calls `body` once the torrent is seeded that a document is or makes, or when that takes too long.
    private func whenSeeded(
        _ document: Document, of site: Site, _ context: ChannelHandlerContext, _ body: @escaping () -> Void
    ) {
        let loop = context.eventLoop
        guard let pending = site.pendingSeeds, let torrent = document.torrent,
            let settled = pending.settled(torrent, on: loop)
        else { return body() }
        var isOver = false
        func end() {
            if !isOver { body() }
            isOver = true
        }
        let timer = loop.assumeIsolated().scheduleTask(in: TimeAmount(pending.limit)) { end() }
        settled.assumeIsolated().whenComplete { _ in
            timer.cancel()
            end()
        }
    }

    private func request(_ target: ContentRequest.Target, of site: Site, _ head: HTTPRequestHead) -> ContentRequest {
        ContentRequest(
            site: site, target: target, isHead: head.method == .HEAD,
            conditions: RequestConditions(headers: head.headers), isReader: Self.isReader(head))
    }

    /// A document, as others have just had it where that will do.
    private func send(
        _ document: Document, of site: Site, _ head: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        let request = request(.document(document), of: site, head)
        guard !request.isHead, request.conditions == RequestConditions() else { return fetch(request, head, context) }
        let key = RecentDocuments.Key(set: site.layout.set, document: document)
        switch server.documents.turn(for: key, at: server.responder.now(), on: context.eventLoop) {
        case .make(let promise): fetch(request, head, context) { promise.succeed($0?.isForAll == true ? $0 : nil) }
        case .wait(let answer):
            answer.hop(to: context.eventLoop).assumeIsolated().whenComplete { result in
                guard case .success(let answer?) = result else { return self.fetch(request, head, context) }
                self.writeSoon(answer, for: head, context)
            }
        }
    }

    /// - Parameter made: is told of the answer before it is written; nil when the server stops.
    private func fetch(
        _ request: ContentRequest, _ head: HTTPRequestHead, _ context: ChannelHandlerContext,
        made: @escaping (Answer?) -> Void = { _ in }
    ) {
        let responder = server.responder
        let pins = pins
        let work = server.files.runIfActive(eventLoop: context.eventLoop) { () -> (Answer, SnapshotPins) in
            var pins = pins
            let answer = responder.answer(request, pins: &pins)
            return (answer, pins)
        }
        work.assumeIsolated().whenComplete { result in
            switch result {
            case .success((let answer, let pins)):
                self.pins = pins
                made(answer)
                self.write(answer, for: head, context)
            case .failure:
                // The threads are gone: the server stops.
                made(nil)
                context.close(promise: nil)
            }
        }
    }

    private func write(
        type: String, for head: HTTPRequestHead, _ context: ChannelHandlerContext,
        content: @escaping @Sendable () async -> ByteBuffer
    ) {
        let promise = context.eventLoop.makePromise(of: ByteBuffer.self)
        promise.completeWithTask(content)
        promise.futureResult.assumeIsolated().whenSuccess { bytes in
            self.write(Answer(type: type, headers: ["Cache-Control": "no-cache"], bytes: bytes), for: head, context)
        }
    }

    // MARK: Feed

    private func poll(_ site: Site, _ query: FeedQuery, _ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let feed = site.feed
        let newest = feed.newest
        let known = EntityTagList(head.headers["If-None-Match"])
        let decision = FeedDecision(
            query: query, ifNoneMatch: known, newest: newest?.version, isIncomplete: feed.isIncomplete)
        switch decision {
        case .full, .notModified, .missing:
            let answer = Answer.feed(newest, query, isNew: decision == .full, set: site.layout.set)
            writeSoon(answer, for: head, context)
        case .hold(let version):
            let promise = context.eventLoop.makePromise(of: PublishedFeed?.self)
            let waiter = feed.wait(above: version, withDocuments: query.withDocuments, promise: promise)
            let timer = context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(query.wait)) {
                feed.endWait(waiter)
            }
            phase = .polling(feed, waiter, timer)
            promise.futureResult.assumeIsolated().whenSuccess { newer in
                timer.cancel()
                let answer = Answer.feed(newer ?? feed.newest, query, isNew: newer != nil, set: site.layout.set)
                self.writeSoon(answer, for: head, context)
            }
        }
    }

    // MARK: Responses

    /// Writes in another turn of the event loop: a client that sends thousands of such requests at once must not make
    /// the calls nest.
    private func writeSoon(
        _ answer: Answer, for head: HTTPRequestHead, closes: Bool = false, _ context: ChannelHandlerContext
    ) {
        context.eventLoop.assumeIsolated().execute { self.write(answer, for: head, closes: closes, context) }
    }

    private func write(
        _ answer: Answer, for head: HTTPRequestHead, closes: Bool = false, _ context: ChannelHandlerContext
    ) {
        if case .closed = phase { return answer.discard() }
        phase = .writing(left: nil)
        let keepsAlive = head.isKeepAlive && !closes && !isDraining
        var headers = answer.headers
        headers.add(name: "Server", value: "swarm-mirror")
        headers.add(name: "Date", value: server.date.text(at: server.responder.now()))
        if let length = answer.length { headers.add(name: "Content-Length", value: "\(length)") }
        if !keepsAlive {
            headers.add(name: "Connection", value: "close")
        } else if head.version.minor == 0 {
            headers.add(name: "Connection", value: "keep-alive")
        }
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { result in
            answer.discard()
            self.finish(keepsAlive: keepsAlive, result, context)
        }
        let first = HTTPResponseHead(version: .http1_1, status: answer.status, headers: headers)
        let content: IOData? =
            switch answer.body {
            case .none: nil
            case .bytes(let buffer): buffer.readableBytes > 0 && head.method != .HEAD ? .byteBuffer(buffer) : nil
            case .file(let handle, let range):
                .fileRegion(
                    FileRegion(
                        fileHandle: handle, readerIndex: Int(range.offset), endIndex: Int(range.offset + range.count)))
            }
        context.write(wrapOutboundOut(.head(first)), promise: content == nil ? sent : nil)
        if let content { context.write(wrapOutboundOut(.body(content)), promise: sent) }
        context.flush()
    }

    private func finish(keepsAlive: Bool, _ result: Result<Void, any Error>, _ context: ChannelHandlerContext) {
        if case .closed = phase { return }
        guard case .success = result else {
            context.close(promise: nil)
            return
        }
        let goesOn = keepsAlive && !isDraining
        // Before the end is written: that hands over the next request.
        idleSince = .now()
        phase = goesOn ? .idle : .closed
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        if !goesOn { context.close(promise: nil) }
    }
}
