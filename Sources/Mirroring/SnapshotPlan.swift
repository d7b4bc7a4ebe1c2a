internal import Metainfo
internal import SwarmCore

/// What has to be done so that a tree holds a snapshot: what to unlink, link, copy and fetch. It is made from torrents
/// alone, without a look at the tree, and holds no name of a file that stays where it is.
struct SnapshotPlan: Sendable {
    /// Where an entry of a torrent is to come from.
    enum Source: UInt8, Sendable {
        /// In the tree already, or linked or copied into it.
        case here
        /// In the tree, with an inode of its own, in a piece that is written again because of what is fetched beside it.
        /// Until that piece has come and the file was checked, nobody may count on it: it stands in the journal.
        case rewritten
        /// To be fetched.
        case fetch
        /// Has the content of another file that is fetched or copied: linked or copied from that one at the end.
        case twin
        /// Not of this node's interest.
        case excluded
        /// A pad or a symbolic link.
        case none
    }

    /// One torrent of the snapshot.
    struct Shard: Sendable {
        let shard: Manifest.Shard
        /// Of each entry; empty when the tree holds the shard as it is.
        var sources: [Source] = []
        /// For each entry, whether the file is linked from `SnapshotPlan.beside`, where it has the same path; empty when
        /// none is.
        var linked: [Bool] = []
    }

    /// A torrent of which something is fetched.
    struct Transfer: Sendable {
        let shard: Manifest.Shard
        /// What concerns the pieces that hold what the tree lacked: nothing else is asked for while it is fetched.
        let torrent: TorrentExcerpt
        /// Of each entry.
        var sources: [Source]
        /// Pieces of which everything is here.
        var have: PieceSet
        /// Pieces to fetch, by class.
        var wanted: [Priority: PieceSet] = [:]
        /// Entries that are rewritten and have a name that is not, which is linked to them at the end. Until then they stand
        /// in the journal: after a crash they are linked to that name again.
        var named: Set<Int> = []

        /// All pieces to fetch.
        var allWanted: PieceSet { wanted(downTo: .lowest) }

        /// All pieces to fetch in classes from the highest down to `phase`.
        func wanted(downTo phase: Priority) -> PieceSet {
            wanted.filter { $0.key >= phase }.values.reduce(into: PieceSet(pieceCount: torrent.pieceCount)) {
                $0.formUnion($1)
            }
        }

        /// Entries that come from one of these.
        func entries(_ wanted: Source...) -> some Sequence<Int> {
            sources.indices.lazy.filter { wanted.contains(sources[$0]) }
        }
    }

    /// A file to link or copy before anything is fetched.
    struct Placement: Sendable {
        let file: FileEntry
        let location: ContentLocator.Location
        /// With the same time and mode a link does; otherwise a copy is made.
        var copies: Bool
        /// A piece of it is written again: it is a copy that the owner may write, until it was checked.
        var isRewritten = false
    }

    /// What goes, and links and directories.
    var diff = TreeDiff()
    var shards: [Shard]
    var transfers: [Transfer] = []
    /// The tree that files are linked from under the paths that they have there as well.
    var beside: LocalTree?
    /// Files that come from another path, or another time of theirs.
    var placements: [Placement] = []
    /// Files that were being fetched for a snapshot that nobody needs any more, and that this one has not.
    var leftovers: [String] = []
    /// Files without content, to be created.
    var empty: [FileEntry] = []
    /// Files of the tree that share a piece with one that is fetched: each gets an inode of its own.
    var detached: [String] = []
    /// Files that are linked to, or copied from, another one at the end.
    var twins: [(file: FileEntry, of: FileEntry)] = []
    var filesTotal = 0
    var bytesTotal: Int64 = 0
    var filesWanted = 0
    var bytesWanted: Int64 = 0
    var bytesCopied: Int64 = 0

    /// Entries of each shard that the tree does not hold as they should be before something was fetched.
    var missing: [InfoHash: PieceSet] {
        var result: [InfoHash: PieceSet] = [:]
        for shard in shards {
            var missing = PieceSet(pieceCount: shard.sources.count)
            for (entry, source) in shard.sources.enumerated() {
                switch source {
                case .fetch, .twin, .rewritten: missing[entry] = true
                case .here, .excluded, .none: break
                }
            }
            if !missing.isEmpty { result[shard.shard.infoHash] = missing }
        }
        return result
    }

    /// The classes that have something to fetch, highest first.
    var phases: [Priority] {
        Set(transfers.flatMap { $0.wanted.filter { !$0.value.isEmpty }.keys }).sorted(by: >)
    }
}
