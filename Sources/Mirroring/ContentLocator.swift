internal import Metainfo
internal import SwarmCore

/// A tree on this machine whose files can be linked into a new one.
struct LocalTree: Sendable {
    let snapshot: SnapshotID
    /// Absolute path of the directory with the files.
    let files: String
    let torrents: [Torrent]
    let filter: CompiledFilter
    /// Entries of each shard that are not there; shards that are whole are left out.
    let missing: [InfoHash: PieceSet]

    /// Whether the tree has the file.
    func holds(_ shard: Int, _ entry: Int) -> Bool {
        if let missing = missing[torrents[shard].infoHash], missing[entry] { return false }
        return filter.isEverything || filter.includes(torrents[shard].path(entry))
    }
}

/// Finds contents among local trees by their SHA-256: a file that was renamed, moved or copied need not be fetched.
struct ContentLocator {
    /// Where a content is.
    struct Location: Hashable, Sendable {
        let tree: SnapshotID
        /// Absolute path of the directory with the tree's files.
        let files: String
        /// Relative to the tree's files.
        let path: String
        let identity: FileIdentity
    }

    private var found: [SHA256Digest: [Location]] = [:]

    /// Looks the contents in `wanted` up in the trees, the first tree's files preferred. What costs is a pass over the
    /// digests in the torrents, no system call.
    init(_ wanted: Set<SHA256Digest>, in trees: [LocalTree]) {
        guard !wanted.isEmpty else { return }
        for tree in trees {
            for (shard, torrent) in tree.torrents.enumerated() {
                for entry in torrent.files where torrent.length(entry) > 0 {
                    let digest = torrent.sha256(entry)
                    guard wanted.contains(digest), tree.holds(shard, entry) else { continue }
                    found[digest, default: []].append(
                        Location(
                            tree: tree.snapshot, files: tree.files, path: torrent.path(entry),
                            identity: torrent.identity(entry)))
                }
            }
        }
    }

    /// The best place of a file's content: one with the same time and mode, which can be linked, else any.
    func location(of file: FileIdentity) -> Location? {
        guard let candidates = found[file.sha256] else { return nil }
        return candidates.first { $0.identity == file } ?? candidates.first
    }
}
