public import SwarmCore

/// A way in which the `.torrent` of a shard is offered over HTTP.
public enum TorrentForm: CaseIterable, Sendable {
    /// As a master and nodes offer it: without trackers, and compressed. It is to be asked for first.
    case compressed
    /// As it lies on the disk, perhaps with trackers in front: a plain web server that shows a master's files compresses
    /// nothing.
    case plain

    /// Its place below `.swarm/SET/`.
    public func path(_ infoHash: InfoHash) -> String {
        switch self {
        case .compressed: "torrents/\(infoHash).torrent.zst"
        case .plain: "torrents/\(infoHash).torrent"
        }
    }

    /// The most bytes that it may have for a torrent of `size` bytes: the size that a manifest names for the compressed form
    /// is the master's, and another version of zstd may have made more of it.
    public func limit(size: Int) -> Int {
        switch self {
        case .compressed: size + 1024
        case .plain: size + EncodedShard.trackersLimit
        }
    }

    /// The torrent of `size` bytes that was offered as `bytes`, not yet compared with its digest. Throws `MetainfoError`
    /// and `ZstdError`.
    public func content(of bytes: [UInt8], size: Int) throws -> [UInt8] {
        switch self {
        case .compressed: return try Zstd.decompress(bytes, size: size)
        case .plain:
            guard let content = EncodedShard.withoutTrackers(bytes, size: size) else {
                throw MetainfoError(.invalid, "it has \(bytes.count) bytes, and is no torrent of \(size)")
            }
            return content
        }
    }
}
