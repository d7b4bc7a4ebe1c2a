internal import SwarmCore
internal import Synchronization
internal import TorrentEngine

/// Hands the engine's events to those who wait for a torrent's.
final class EventRouter: Sendable {
    private struct State {
        var streams: [Int: AsyncStream<EngineEvent>.Continuation] = [:]
        var owners: [InfoHash: Int] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    /// Events of these torrents from now on; of each torrent, only the latest subscriber gets them.
    func subscribe(to torrents: [InfoHash]) -> (events: AsyncStream<EngineEvent>, wake: @Sendable () -> Void) {
        let (stream, continuation) = AsyncStream<EngineEvent>.makeStream()
        let id = state.withLock { state in
            let id = state.next
            state.next += 1
            state.streams[id] = continuation
            for torrent in torrents { state.owners[torrent] = id }
            return id
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in
                state.streams[id] = nil
                state.owners = state.owners.filter { $0.value != id }
            }
        }
        return (stream, { continuation.yield(.resynchronized) })
    }

    /// Passes one event on. Returns whether it is for nobody: that of a torrent which is only seeded.
    func route(_ event: EngineEvent) -> Bool {
        switch event {
        case .pieces(let infoHash, _), .finished(let infoHash), .pieceRefused(let infoHash, _),
            .peerBanned(let infoHash, _), .fileError(let infoHash, _, _, _), .trackerError(let infoHash, _, _):
            return state.withLock { state in
                guard let id = state.owners[infoHash] else { return true }
                state.streams[id]?.yield(event)
                return false
            }
        case .resynchronized:
            state.withLock { for stream in $0.streams.values { stream.yield(event) } }
            return false
        case .listening, .listenFailed: return true
        }
    }
}
