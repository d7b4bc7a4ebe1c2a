internal import Metainfo
internal import SwarmCore

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
    /// torrents; those that hold nothing of it are not parsed, and no file is looked at.
    init(_ wanted: Set<SHA256Digest>, in trees: [LocalTree]) throws {
        guard !wanted.isEmpty, !trees.isEmpty else { return }
        let search = DigestSearch(wanted)
        // A shard that several trees have in full is looked through once.
        var seen: Set<InfoHash> = []
        for tree in trees {
            for shard in tree.shards where !seen.contains(shard.infoHash) {
                if tree.filter.isEverything, tree.missing[shard.infoHash] == nil { seen.insert(shard.infoHash) }
                if let torrent = try tree.shelf.torrent(shard, holding: search) { add(torrent, of: tree, wanted) }
            }
        }
    }

    private mutating func add(_ torrent: Torrent, of tree: LocalTree, _ wanted: Set<SHA256Digest>) {
        for entry in torrent.files where torrent.length(entry) > 0 {
            let identity = torrent.identity(entry)
            guard wanted.contains(identity.sha256), tree.holds(torrent, entry),
                // One of each kind will do.
                found[identity.sha256]?.contains(where: { $0.identity == identity }) != true
            else { continue }
            found[identity.sha256, default: []].append(
                Location(tree: tree.snapshot, files: tree.files, path: torrent.path(entry), identity: identity))
        }
    }

    /// The best place of a file's content: one with the same time and mode, which can be linked, else any.
    func location(of file: FileIdentity) -> Location? {
        guard let candidates = found[file.sha256] else { return nil }
        return candidates.first { $0.identity == file } ?? candidates.first
    }
}
