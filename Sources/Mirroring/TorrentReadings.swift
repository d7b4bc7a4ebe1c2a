internal import FileTree
internal import SwarmCore
internal import Synchronization
internal import TorrentEngine

/// Has the engine read the torrents of an update while the plan for them is made and carried out: that is one thread's work for
/// the most part, and so is this.
final class TorrentReadings: Sendable {
    typealias Reading = Task<TorrentEngine.ReadTorrent, any Error>

    private struct State {
        /// The next one last.
        var pending: [Manifest.Shard] = []
        /// What was begun and nobody has taken.
        var begun: [InfoHash: Reading] = [:]
    }

    private let state = Mutex(State())
    /// One core is left to others.
    private static let width = max(1, Parallel.width - 1)

    /// Begins to read the torrents of shards, in their order, instead of those before.
    func begin(
        _ shards: [Manifest.Shard],
        _ read: @escaping @Sendable (Manifest.Shard) async throws -> TorrentEngine.ReadTorrent
    ) {
        state.withLock { $0 = State(pending: shards.reversed()) }
        for _ in 0..<min(Self.width, shards.count) {
            Task { while let reading = next(read) { _ = await reading.result } }
        }
    }

    private func next(
        _ read: @escaping @Sendable (Manifest.Shard) async throws -> TorrentEngine.ReadTorrent
    ) -> Reading? {
        state.withLock { state in
            guard let shard = state.pending.popLast() else { return nil }
            let reading = Task { try await read(shard) }
            state.begun[shard.infoHash] = reading
            return reading
        }
    }

    /// The torrent of a shard, once; nil when it was not begun to be read, and now will not be, or could not be read.
    func take(_ shard: Manifest.Shard) async -> TorrentEngine.ReadTorrent? {
        let reading = state.withLock { state -> Reading? in
            state.pending.removeAll { $0.infoHash == shard.infoHash }
            return state.begun.removeValue(forKey: shard.infoHash)
        }
        return try? await reading?.value
    }

    /// Lets go of what nobody has taken.
    func end() { state.withLock { $0 = State() } }
}
