internal import Metainfo
internal import SwarmCore
internal import Synchronization
internal import TorrentEngine

/// The torrents on this node, opened one at a time: nobody keeps more of them than he works on.
struct TorrentShelf: Sendable {
    /// The `.torrent` of a shard, which was parsed before it came here, checked against its digest; throws when it is not there, or damaged. Blocking.
    let load: @Sendable (Manifest.Shard) throws -> [UInt8]
    /// The same without the check, where that is cheaper; nil where it is not.
    var peek: @Sendable (Manifest.Shard) -> [UInt8]? = { _ in nil }
    /// What was opened last, for whoever opens it again.
    var recent = RecentTorrents()

    /// The `.torrent` of a shard. Throws like `load`. Blocking.
    func bytes(_ shard: Manifest.Shard) throws -> [UInt8] { try recent[shard]?.bytes ?? load(shard) }

    /// The torrent of a shard as the engine reads it. Throws like `load`, and `EngineError`.
    func read(_ shard: Manifest.Shard) async throws -> TorrentEngine.ReadTorrent {
        try await TorrentEngine.read(offPool { try bytes(shard) })
    }

    /// The parsed torrent of a shard. Throws like `load`, and `MetainfoError`. Blocking.
    func torrent(_ shard: Manifest.Shard) throws -> Torrent {
        if let torrent = recent[shard] { return torrent }
        let torrent = try Torrent(parsing: load(shard), isKnown: true, infoHash: shard.infoHash)
        recent.add(torrent, of: shard)
        return torrent
    }

    /// The parsed torrent of a shard, if it may hold one of the contents; nil when it holds none. Throws like `torrent`.
    /// Blocking.
    func torrent(_ shard: Manifest.Shard, holding search: DigestSearch) throws -> Torrent? {
        search.finds(in: try glance(shard)) ? try torrent(shard) : nil
    }

    /// The contents that a torrent's files may have, without parsing it. Throws like `load`. Blocking.
    func found(_ search: DigestSearch, in shard: Manifest.Shard) throws -> [SHA256Digest] {
        search.found(in: try glance(shard))
    }

    /// The bytes of a torrent, not compared with their digest: what is damaged there may be overlooked, and is fetched then.
    private func glance(_ shard: Manifest.Shard) throws -> [UInt8] {
        try recent[shard]?.bytes ?? peek(shard) ?? load(shard)
    }
}

/// The torrents that were opened last, within a bound: a small set's are all here, for the next snapshot too, a large set's
/// pass through while an update is made.
final class RecentTorrents: Sendable {
    /// Bytes of `.torrent` files; their columns take half as much again.
    static let limit = 20 << 20

    private struct State {
        var kept: [(digest: SHA256Digest, torrent: Torrent)] = []
        /// Bytes that came since `settle`.
        var added = 0
    }

    private let state = Mutex(State())

    subscript(_ shard: Manifest.Shard) -> Torrent? {
        state.withLock { state in
            guard let index = state.kept.firstIndex(where: { $0.digest == shard.torrent.sha256 }) else { return nil }
            // The last one is the last to go.
            state.kept.append(state.kept.remove(at: index))
            return state.kept.last?.torrent
        }
    }

    /// Keeps a torrent whose bytes have the shard's digest.
    func add(_ torrent: Torrent, of shard: Manifest.Shard) {
        state.withLock { state in
            guard !state.kept.contains(where: { $0.digest == shard.torrent.sha256 }) else { return }
            state.kept.append((shard.torrent.sha256, torrent))
            state.added += torrent.bytes.count
            var size = state.kept.reduce(0) { $0 + $1.torrent.bytes.count }
            while size > Self.limit, !state.kept.isEmpty { size -= state.kept.removeFirst().torrent.bytes.count }
        }
    }

    /// An update has opened what it needs. The next one will be compared with it, hence it stays; but not of an update
    /// for which there was not room enough: for the next one there would not be either.
    func settle() {
        state.withLock { state in
            if state.added > Self.limit { state.kept = [] }
            state.added = 0
        }
    }
}

/// A tree on this machine whose files can be linked into a new one.
struct LocalTree: Sendable {
    let snapshot: SnapshotID
    /// Absolute path of the directory with the files.
    let files: String
    let shards: [Manifest.Shard]
    let shelf: TorrentShelf
    let filter: CompiledFilter
    /// Entries of each shard that are not there; shards that are whole are left out.
    let missing: [InfoHash: PieceSet]

    /// Whether the tree has the file of one of its torrents.
    func holds(_ torrent: Torrent, _ entry: Int) -> Bool {
        if let missing = missing[torrent.infoHash], missing[entry] { return false }
        return filter.isEverything || filter.includes(torrent.path(entry))
    }
}
