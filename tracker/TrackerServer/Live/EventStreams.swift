internal import NIOCore
internal import NIOHTTP1
internal import SwarmCore
internal import Synchronization
internal import TrackerCore

/// The pages that follow the state by server-sent events (HTML, 9.2). What they are sent is computed and encoded once for
/// all of them. Calls come from any thread.
final class EventStreams: Sendable {
    /// More at once are refused.
    static let limit = 256
    /// After so many seconds without an event, a comment shows both sides that the connection lives.
    static let heartbeat = 15
    /// A stream whose reader has taken nothing for so many seconds is closed.
    static let patience = 60

    private struct Stream {
        let channel: any Channel
        /// Whether it was sent nothing yet, or missed something.
        var needsAll = true
        /// Seconds for which it has not taken what it was sent.
        var stuck = 0
        var silent = 0
    }

    private struct State {
        var streams: [ObjectIdentifier: Stream] = [:]
        var last: LiveState?
    }

    private let state = Mutex(State())

    /// Whether somebody listens.
    var isEmpty: Bool { state.withLock { $0.streams.isEmpty } }
    /// How many listen.
    var count: Int { state.withLock { $0.streams.count } }

    /// Takes a connection whose request was answered with the head of a stream; false when there are too many.
    func add(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isAdded = state.withLock { state in
            guard state.streams.count < Self.limit else { return false }
            state.streams[id] = Stream(channel: channel)
            return true
        }
        if isAdded {
            channel.closeFuture.whenComplete { _ in self.state.withLock { _ = $0.streams.removeValue(forKey: id) } }
        }
        return isAdded
    }

    /// Sends what changed since the last call, which is to be made every second. Who is new, or missed something because
    /// it reads slowly, is sent all.
    func send(_ live: LiveState) {
        let (writes, closed) = state.withLock { state in
            var writes: [(any Channel, ByteBuffer)] = []
            var closed: [any Channel] = []
            let changes = state.last.flatMap { live.event(since: $0) }.map { ByteBuffer(bytes: $0) }
            var all: ByteBuffer?
            for id in Array(state.streams.keys) {
                guard var stream = state.streams[id] else { continue }
                if !stream.channel.isWritable {
                    stream.needsAll = stream.needsAll || changes != nil
                    stream.stuck += 1
                    if stream.stuck >= Self.patience { closed.append(stream.channel) }
                } else {
                    stream.stuck = 0
                    stream.silent += 1
                    if stream.needsAll || state.last == nil {
                        if all == nil { all = live.event(since: nil).map { ByteBuffer(bytes: $0) } }
                        if let all { writes.append((stream.channel, all)) }
                        (stream.needsAll, stream.silent) = (false, 0)
                    } else if let changes {
                        writes.append((stream.channel, changes))
                        stream.silent = 0
                    } else if stream.silent >= Self.heartbeat {
                        writes.append((stream.channel, Self.comment))
                        stream.silent = 0
                    }
                }
                state.streams[id] = stream
            }
            state.last = live
            return (writes, closed)
        }
        for (channel, bytes) in writes {
            channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(bytes)), promise: nil)
        }
        for channel in closed { channel.close(promise: nil) }
    }

    /// Closes all, at the end.
    func close() {
        for channel in state.withLock({ $0.streams.values.map(\.channel) }) { channel.close(promise: nil) }
    }

    private static let comment = ByteBuffer(string: ": still here\n\n")

    /// The answer that begins a stream. Proxies are told not to hold it back.
    static let head = HTTPResponseHead(
        version: .http1_1, status: .ok,
        headers: [
            "Content-Type": "text/event-stream", "Cache-Control": "no-cache", "X-Accel-Buffering": "no",
        ])
    /// What a stream begins with: after a break, browsers come again in three seconds.
    static let greeting = ByteBuffer(string: "retry: 3000\n\n")
}
