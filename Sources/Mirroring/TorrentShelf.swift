internal import Metainfo
internal import SwarmCore

/// The torrents on this node, opened one at a time: nobody keeps more of them than he works on.
struct TorrentShelf: Sendable {
    /// The `.torrent` of a shard, which was parsed before it came here, checked against its digest; throws when it is not there, or damaged. Blocking.
    let bytes: @Sendable (Manifest.Shard) throws -> [UInt8]

    /// The parsed torrent of a shard. Throws like `bytes`, and `MetainfoError`. Blocking.
    func torrent(_ shard: Manifest.Shard) throws -> Torrent {
        try Torrent(parsing: bytes(shard), isKnown: true)
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
