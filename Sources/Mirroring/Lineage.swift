internal import Metainfo
internal import SwarmCore

/// How the torrents of a snapshot differ from those of earlier ones, as far as the torrents that were patched tell it.
struct Lineage {
    /// Snapshots that are kept are few; what is older than so many patches is compared anew.
    private static let depth = 8

    private let shelf: TorrentShelf
    private var noted: [InfoHash: TorrentOrigin] = [:]

    /// - Parameter shelf: knows how the torrents on this node differ from those that they were made of.
    init(_ shelf: TorrentShelf) { self.shelf = shelf }

    /// Notes what a torrent that is open tells, so that it need not be read again.
    mutating func note(_ torrent: Torrent) { noted[torrent.infoHash] = torrent.origin }

    /// How a torrent differs from the one of some others that it goes back to; nil where that is not known, and for one of
    /// these itself.
    ///
    /// - Parameter middle: torrents that it must go back to by way of, unless it is one of them; nil for any.
    func origin(of infoHash: InfoHash, in wanted: Set<InfoHash>, by middle: Set<InfoHash>? = nil) -> TorrentOrigin? {
        guard var origin = noted[infoHash] ?? shelf.origin(infoHash), !wanted.contains(infoHash) else { return nil }
        if let middle, !middle.contains(infoHash), !middle.contains(origin.infoHash) { return nil }
        for _ in 0..<Self.depth where !wanted.contains(origin.infoHash) {
            guard let older = shelf.origin(origin.infoHash) else { return nil }
            origin = origin.following(older)
        }
        return wanted.contains(origin.infoHash) ? origin : nil
    }
}
