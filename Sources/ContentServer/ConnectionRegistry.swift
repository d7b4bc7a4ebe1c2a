internal import NIOCore
internal import Synchronization

/// Sent to every connection when the server shuts down: finish what is under way, then close.
struct DrainEvent: Sendable {}

/// The open connections, so that they can be counted and closed.
final class ConnectionRegistry: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        /// Succeeds when the last connection has gone; there once the server drains.
        var drained: EventLoopPromise<Void>?
    }

    private let state = Mutex(State())

    /// Adds a connection until it closes; answers how many there are now, or nil when the server shuts down.
    func add(_ channel: any Channel) -> Int? {
        let count = state.withLock { state -> Int? in
            guard state.drained == nil else { return nil }
            state.channels[ObjectIdentifier(channel)] = channel
            return state.channels.count
        }
        if count != nil { channel.closeFuture.whenComplete { _ in self.remove(channel) } }
        return count
    }

    private func remove(_ channel: any Channel) {
        let drained = state.withLock { state -> EventLoopPromise<Void>? in
            guard state.channels.removeValue(forKey: ObjectIdentifier(channel)) != nil else { return nil }
            return state.channels.isEmpty ? state.drained : nil
        }
        drained?.succeed()
    }

    /// Lets every connection finish its response, and closes those that take longer than `limit`.
    func drain(on eventLoop: any EventLoop, limit: TimeAmount) -> EventLoopFuture<Void> {
        let promise = eventLoop.makePromise(of: Void.self)
        let channels = state.withLock { state in
            state.drained = promise
            return Array(state.channels.values)
        }
        if channels.isEmpty { promise.succeed() }
        for channel in channels { channel.pipeline.fireUserInboundEventTriggered(DrainEvent()) }
        let deadline = eventLoop.scheduleTask(in: limit) {
            let late = self.state.withLock { Array($0.channels.values) }
            for channel in late { channel.close(promise: nil) }
        }
        promise.futureResult.whenComplete { _ in deadline.cancel() }
        return promise.futureResult
    }
}
