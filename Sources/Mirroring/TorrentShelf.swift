internal import FileTree
internal import Metainfo
internal import SwarmCore
internal import Synchronization
internal import TorrentEngine

/// The torrents on this node, opened one at a time: nobody keeps more of them than he works on.
struct TorrentShelf: Sendable {
    /// The `.torrent` of a shard, which was parsed before it came here, checked against its digest; throws when it is not there, or damaged. Blocking.
    let load: @Sendable (Manifest.Shard) throws -> [UInt8]
    /// The contents of a search that a torrent may hold, without the check and in little memory; nil where that is not
    /// possible. Blocking.
    var look: @Sendable (DigestSearch, Manifest.Shard) -> [SHA256Digest]? = { _, _ in nil }
    /// How a torrent differs from the one that it was made of; nil where nobody wrote it down. Blocking.
    var origin: @Sendable (InfoHash) -> TorrentOrigin? = { _ in nil }
    /// What was opened last, for whoever opens it again.
    var recent = RecentTorrents()
    /// What the engine reads before it is asked for.
    var readings = TorrentReadings(width: Parallel.width - 1)

    /// The `.torrent` of a shard. Throws like `load`. Blocking.
    func bytes(_ shard: Manifest.Shard) throws -> [UInt8] { try recent[shard]?.bytes ?? load(shard) }

    /// The torrent of a shard as the engine reads it. Throws like `load`, and `EngineError`.
    func read(_ shard: Manifest.Shard) async throws -> TorrentEngine.ReadTorrent {
        if let read = await readings.take(shard.infoHash) { return read }
        return try await readNow(shard)
    }

    private func readNow(_ shard: Manifest.Shard) async throws -> TorrentEngine.ReadTorrent {
        if let torrent = recent[shard] { return try await offPool { try TorrentEngine.read(TorrentOutline(torrent)) } }
        return try await TorrentEngine.read(offPool { try load(shard) })
    }

    /// Has the engine begin to read torrents that will be asked for.
    func readAhead(_ shards: [Manifest.Shard]) {
        readings.begin(shards.map { shard in (shard.infoHash, { try await readNow(shard) }) })
    }

    /// The parsed torrent of a shard. Throws like `load`, and `MetainfoError`. Blocking.
    func torrent(_ shard: Manifest.Shard) throws -> Torrent {
        if let torrent = recent[shard] { return torrent }
        let torrent = try Torrent(
            parsing: load(shard), isKnown: true, infoHash: shard.infoHash, columns: recent.columns(of: shard))
        recent.add(torrent, of: shard)
        return torrent
    }

    /// The parsed torrents of shards, opened several at a time. Throws like `torrent`. Blocking.
    func torrents(_ shards: [Manifest.Shard]) throws -> [Torrent] {
        try Parallel.map(chunks: shards) { try $0.map { try torrent($0) } }.flatMap { $0 }
    }

    /// The parsed torrent of a shard, if it may hold one of the contents; nil when it holds none. Throws like `torrent`.
    /// Blocking.
    func torrent(_ shard: Manifest.Shard, holding search: DigestSearch) throws -> Torrent? {
        try found(search, in: shard).isEmpty ? nil : try torrent(shard)
    }

    /// The contents that a torrent's files may have, without parsing it. Where its bytes are not compared with their digest,
    /// what is damaged may be overlooked, and is fetched then. Throws like `load`. Blocking.
    func found(_ search: DigestSearch, in shard: Manifest.Shard) throws -> [SHA256Digest] {
        let opened = recent[shard]?.bytes
        if opened == nil, let found = look(search, shard) { return found }
        let bytes = try opened ?? load(shard)
        return search.found(in: bytes.span)
    }
}

extension TorrentOutline {
    /// What was read of a torrent, which the parser has checked, but for its info-hash: that one is computed here, and
    /// compared when the torrent is added.
    init(_ torrent: Torrent) {
        self.init(
            infoHash: Digest.sha1(torrent.info.span), name: torrent.name, pieceLength: torrent.pieceLength,
            isPrivate: torrent.isPrivate, pieces: torrent.pieceHashes, lengths: torrent.lengths,
            isFile: (0..<torrent.entryCount).map { torrent.kind($0) == .file }, paths: torrent.paths,
            pathStarts: torrent.pathStarts)
    }
}

/// The torrents that were opened last, within a bound: a small set's are all here, for the next snapshot too, a large set's
/// pass through while an update is made. What the update is to is opened again at each of its steps, and stays until `settle`;
/// then what was read of it is put aside for the next one.
final class RecentTorrents: Sendable {
    /// Bytes of `.torrent` files; their columns take half as much again.
    static let limit = 32 << 20
    /// Bytes of those that the present update is to: of a million files.
    private static let targetLimit = 160 << 20

    private typealias Opened = (digest: SHA256Digest, torrent: Torrent)

    private struct State {
        var kept: [Opened] = []
        /// Bytes that came since `settle`.
        var added = 0
        var target: [Opened] = []
        var targetSize = 0
        /// What was read of the last updates' torrents that are not kept, the newest last.
        var columns: [ColumnFile] = []
    }

    /// An update need not be of the same shards as the one before it.
    private static let columnFiles = 4

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: bytes of the `.torrent` files that are kept between updates.
    init(limit: Int = RecentTorrents.limit) { self.limit = limit }

    subscript(_ shard: Manifest.Shard) -> Torrent? {
        state.withLock { state in
            if let held = state.target.first(where: { $0.digest == shard.torrent.sha256 }) { return held.torrent }
            guard let index = state.kept.firstIndex(where: { $0.digest == shard.torrent.sha256 }) else { return nil }
            // The last one is the last to go.
            state.kept.append(state.kept.remove(at: index))
            return state.kept.last?.torrent
        }
    }

    /// Keeps a torrent whose bytes have the shard's digest.
    ///
    /// - Parameter isTarget: whether it is one that the present update is to.
    func add(_ torrent: Torrent, of shard: Manifest.Shard, isTarget: Bool = false) {
        let opened = (shard.torrent.sha256, torrent)
        state.withLock { state in
            if isTarget, state.targetSize + torrent.bytes.count <= Self.targetLimit {
                state.target.append(opened)
                state.targetSize += torrent.bytes.count
            } else {
                keep(opened, &state)
            }
        }
    }

    private func keep(_ opened: Opened, _ state: inout State) {
        guard !state.kept.contains(where: { $0.digest == opened.digest }) else { return }
        state.kept.append(opened)
        state.added += opened.torrent.bytes.count
        var size = state.kept.reduce(0) { $0 + $1.torrent.bytes.count }
        while size > limit, !state.kept.isEmpty { size -= state.kept.removeFirst().torrent.bytes.count }
    }

    /// Lets go of a torrent that is not needed any more.
    func forget(_ shard: Manifest.Shard) {
        state.withLock { state in state.kept.removeAll { $0.digest == shard.torrent.sha256 } }
    }

    /// What was read of a torrent that is not here any more; nil when nothing is left of it. Blocking.
    func columns(of shard: Manifest.Shard) -> [UInt8]? {
        state.withLock { $0.columns }.reversed().lazy.compactMap { $0[shard.torrent.sha256] }.first
    }

    /// An update has opened what it needs, or goes no further. The next one will be compared with it, hence it stays; but
    /// not of an update for which there was not room enough: for the next one there would not be either. Of that, what was read
    /// of the torrents goes to a file in `directory`. Blocking.
    func settle(in directory: String) {
        let dropped = state.withLock { state -> [Opened] in
            let target = state.target
            for opened in target { keep(opened, &state) }
            let isKept = state.added <= limit
            if !isKept { state.kept = [] }
            (state.added, state.target, state.targetSize) = (0, [], 0)
            return isKept ? [] : target
        }
        guard !dropped.isEmpty, let file = ColumnFile(dropped, in: directory) else { return }
        state.withLock { $0.columns = $0.columns.suffix(Self.columnFiles - 1) + [file] }
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

    /// Whether the tree has every file of its torrents.
    var isWhole: Bool { filter.isEverything && missing.isEmpty }

    /// Whether the tree has the file of one of its torrents.
    func holds(_ torrent: Torrent, _ entry: Int) -> Bool {
        holds(torrent.infoHash, entry, path: torrent.path(entry))
    }

    /// Whether the tree has a file, by its number in one of its torrents.
    func holds(_ torrent: InfoHash, _ entry: Int, path: @autoclosure () -> String) -> Bool {
        if let missing = missing[torrent], missing[entry] { return false }
        return filter.isEverything || filter.includes(path())
    }
}
