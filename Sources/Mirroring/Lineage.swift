internal import Metainfo
internal import SwarmCore

/// How the torrents of a snapshot differ from those of earlier ones, as far as the torrents that were patched tell it.
struct Lineage {
    /// Snapshots that are kept are few; what is older than so many patches is compared anew.
    private static let depth = 8

    private let shelf: TorrentShelf
    private var noted: [InfoHash: TorrentOrigin] = [:]
    /// Torrents of which nothing is known.
    private var unknown: Set<InfoHash> = []

    /// - Parameter shelf: knows how the torrents on this node differ from those that they were made of.
    init(_ shelf: TorrentShelf) { self.shelf = shelf }

    /// Notes what a torrent that is open tells, so that it need not be read again.
    mutating func note(_ torrent: Torrent) { noted[torrent.infoHash] = torrent.origin }

    /// How a torrent differs from the one of some others that it goes back to; nil where that is not known, and for one of
    /// these itself.
    ///
    /// - Parameter middle: torrents that it must go back to by way of, unless it is one of them; nil for any.
    mutating func origin(
        of infoHash: InfoHash, in wanted: Set<InfoHash>, by middle: Set<InfoHash>? = nil
    ) -> TorrentOrigin? {
        guard !wanted.contains(infoHash), var origin = origin(of: infoHash) else { return nil }
        if let middle, !middle.contains(infoHash), !middle.contains(origin.infoHash) { return nil }
        for _ in 0..<Self.depth where !wanted.contains(origin.infoHash) {
            guard let older = self.origin(of: origin.infoHash) else { return nil }
            origin = origin.following(older)
        }
        return wanted.contains(origin.infoHash) ? origin : nil
    }

    /// How a torrent differs from the one that it was made of. Several trees go back to the same ones.
    private mutating func origin(of infoHash: InfoHash) -> TorrentOrigin? {
        if let origin = noted[infoHash] { return origin }
        guard !unknown.contains(infoHash) else { return nil }
        noted[infoHash] = shelf.origin(infoHash)
        if noted[infoHash] == nil { unknown.insert(infoHash) }
        return noted[infoHash]
    }
}
