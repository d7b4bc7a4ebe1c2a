internal import Metainfo
internal import SwarmCore

/// What a tree has in the place of some torrents of another snapshot: the entries that they share, and the files that only
/// the tree has. Torrents that were read beside the tree's tell it themselves; otherwise the tree's are opened.
struct Counterparts {
    /// A file of the tree that none of the torrents shares with it, or of several one does not.
    struct Departed {
        /// The tree's torrent.
        let infoHash: InfoHash
        /// Its number in that torrent.
        let entry: Int
        let length: Int64
        /// As `Torrent.fingerprint`.
        let fingerprint: Int
        private let read: () -> FileEntry

        init(_ torrent: Torrent, _ entry: Int) {
            (infoHash, self.entry) = (torrent.infoHash, entry)
            (length, fingerprint) = (torrent.length(entry), torrent.fingerprint(entry))
            read = { torrent.file(entry) }
        }

        init(_ departed: TorrentOrigin.Departed, of infoHash: InfoHash) {
            (self.infoHash, entry) = (infoHash, departed.entry)
            (length, fingerprint) = (departed.file.length, departed.file.fingerprint)
            read = { departed.file }
        }

        /// The file, as the tree has it.
        var file: FileEntry { read() }
    }

    /// By the number of the torrent, a torrent of the tree, and what both have.
    private(set) var shared: [(infoHash: InfoHash, entries: [SharedEntries])?] = []
    /// By the number of the torrent, the torrent of the tree of which, with what departed, it tells all.
    private(set) var told: [InfoHash?] = []
    private var opened: [(torrent: Torrent, isKnown: [Bool])] = []
    private var departed: [(infoHash: InfoHash, files: [TorrentOrigin.Departed])] = []

    /// - Parameter shards: the tree's, of the same range of paths as the torrents.
    init(of torrents: [Torrent], _ shards: [Manifest.Shard], in tree: LocalTree) throws {
        let theirs = Set(shards.map(\.infoHash))
        let found = torrents.map { torrent in
            theirs.contains(torrent.infoHash)
                ? torrent.infoHash : torrent.origin.flatMap { theirs.contains($0.infoHash) ? $0.infoHash : nil }
        }
        guard theirs.isSubset(of: found.compactMap { $0 }) else {
            try compare(torrents, shards, in: tree)
            return
        }
        told = found
        for (torrent, infoHash) in zip(torrents, found) {
            guard let infoHash else {
                shared.append(nil)
                continue
            }
            if let origin = torrent.origin, origin.infoHash == infoHash {
                shared.append((infoHash, origin.shared))
                departed.append((infoHash, origin.departed))
            } else {
                shared.append((infoHash, [SharedEntries(first: 0..<torrent.entryCount, second: 0)]))
            }
        }
    }

    private mutating func compare(_ torrents: [Torrent], _ shards: [Manifest.Shard], in tree: LocalTree) throws {
        let others = try tree.shelf.torrents(shards)
        // What a torrent shares with the one of the same place there; elsewhere files are sought one by one.
        let partners = torrents.enumerated().map { place, torrent in
            others.firstIndex { $0.infoHash == torrent.infoHash } ?? (place < others.count ? place : nil)
        }
        shared = zip(torrents, partners).map { torrent, other in
            other.map { (others[$0].infoHash, torrent.sharedEntries(with: others[$0])) }
        }
        told = torrents.map { _ in nil }
        for (number, other) in others.enumerated() {
            var isKnown = [Bool](repeating: false, count: other.entryCount)
            for (shard, partner) in partners.enumerated() where partner == number {
                for stretch in shared[shard]?.entries ?? [] {
                    for entry in stretch.secondRange { isKnown[entry] = true }
                }
            }
            opened.append((other, isKnown))
        }
    }

    func forEachDeparted(_ body: (Departed) -> Void) {
        for (infoHash, files) in departed { for file in files { body(Departed(file, of: infoHash)) } }
        for (torrent, isKnown) in opened {
            for entry in torrent.files where !isKnown[entry] { body(Departed(torrent, entry)) }
        }
    }
}
