public import SwarmCore
internal import Synchronization

/// Torrents that are read before they are added: while something else is done that is one thread's work for the most part, as
/// the making of a tree is.
public final class TorrentReadings: Sendable {
    /// Reads a torrent.
    public typealias Read = @Sendable () async throws -> TorrentEngine.ReadTorrent

    private typealias Reading = Task<TorrentEngine.ReadTorrent, any Error>

    private struct State {
        /// The next one last.
        var pending: [(infoHash: InfoHash, read: Read)] = []
        /// What was begun and nobody has taken.
        var begun: [InfoHash: Reading] = [:]
    }

    private let state = Mutex(State())
    private let width: Int

    /// - Parameter width: how many are read at a time.
    public init(width: Int) { self.width = max(1, width) }

    /// Begins to read torrents, in this order, instead of those before.
    public func begin(_ torrents: [(infoHash: InfoHash, read: Read)]) {
        state.withLock { $0 = State(pending: torrents.reversed()) }
        for _ in 0..<min(width, torrents.count) {
            Task { while let reading = next() { _ = await reading.result } }
        }
    }

    private func next() -> Reading? {
        state.withLock { state in
            guard let (infoHash, read) = state.pending.popLast() else { return nil }
            let reading = Task { try await read() }
            state.begun[infoHash] = reading
            return reading
        }
    }

    /// A torrent, once; nil when it was not begun to be read, and now will not be, or could not be read.
    public func take(_ infoHash: InfoHash) async -> TorrentEngine.ReadTorrent? {
        let reading = state.withLock { state -> Reading? in
            state.pending.removeAll { $0.infoHash == infoHash }
            return state.begun.removeValue(forKey: infoHash)
        }
        return try? await reading?.value
    }

    /// Lets go of what nobody has taken.
    public func end() { state.withLock { $0 = State() } }
}
