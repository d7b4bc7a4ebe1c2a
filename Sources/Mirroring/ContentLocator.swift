internal import FileTree
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

    /// A torrent that tells of what another one has in common with it.
    struct StandIn: Sendable {
        let shard: Manifest.Shard
        let shelf: TorrentShelf
        /// Its own entries that the other one has as well, and where.
        let shared: [SharedEntries]
    }

    private var found: [SHA256Digest: [Location]] = [:]
    /// What is looked for, and how many of it with each content were not found yet.
    private let wanted: Set<FileIdentity>
    private var sought: [SHA256Digest: Int] = [:]

    /// Looks for the files in `wanted` in the trees, the first tree's preferred. What costs is a pass over the torrents; those
    /// that hold nothing of what no tree before them had are not parsed, and no file is looked at.
    ///
    /// - Parameters:
    ///   - known: where something may be that is worth a look before all trees.
    ///   - standIns: what to look through instead of torrents of the first tree; what else these hold is in `known`.
    init(
        _ wanted: Set<FileIdentity>, in trees: [LocalTree], known: [Location] = [],
        standIns: [InfoHash: StandIn] = [:]
    ) throws {
        self.wanted = wanted
        for identity in wanted { sought[identity.sha256, default: 0] += 1 }
        for location in known where sought[location.identity.sha256] != nil { add(location) }
        // A shard that several trees have in full is looked through once.
        var seen: Set<InfoHash> = []
        for (number, tree) in trees.enumerated() where !sought.isEmpty {
            let search = DigestSearch(sought.keys)
            let shards = tree.shards.filter { !seen.contains($0.infoHash) }
            let parts = try Parallel.map(chunks: shards) { [sought] shards in
                try shards.flatMap { shard in
                    if number == 0, let standIn = standIns[shard.infoHash] {
                        let torrent = try standIn.shelf.torrent(standIn.shard, holding: search)
                        return torrent.map { torrent in
                            Self.locations(torrent, of: tree, sought) { entry in
                                standIn.shared.place(of: entry).map { place in
                                    tree.holds(shard.infoHash, place, path: torrent.path(entry))
                                } ?? false
                            }
                        } ?? []
                    }
                    let torrent = try tree.shelf.torrent(shard, holding: search)
                    return torrent.map { torrent in
                        Self.locations(torrent, of: tree, sought) { tree.holds(torrent, $0) }
                    } ?? []
                }
            }
            for location in parts.joined() { add(location) }
            guard tree.filter.isEverything else { continue }
            seen.formUnion(shards.map(\.infoHash).filter { tree.missing[$0] == nil })
        }
    }

    /// Where a tree has what is sought of the files of a torrent.
    private static func locations(
        _ torrent: Torrent, of tree: LocalTree, _ sought: [SHA256Digest: Int], _ isHeld: (Int) -> Bool
    ) -> [Location] {
        torrent.files.compactMap { entry in
            guard torrent.length(entry) > 0, sought[torrent.sha256(entry)] != nil, isHeld(entry) else { return nil }
            return Location(
                tree: tree.snapshot, files: tree.files, path: torrent.path(entry), identity: torrent.identity(entry))
        }
    }

    private mutating func add(_ location: Location) {
        let identity = location.identity
        // One of each kind will do.
        guard found[identity.sha256]?.contains(where: { $0.identity == identity }) != true else { return }
        found[identity.sha256, default: []].append(location)
        guard wanted.contains(identity), let others = sought[identity.sha256].map({ $0 - 1 }) else { return }
        sought[identity.sha256] = others > 0 ? others : nil
    }

    /// The best place of a file's content: one with the same time and mode, which can be linked, else any.
    func location(of file: FileIdentity) -> Location? {
        guard let candidates = found[file.sha256] else { return nil }
        return candidates.first { $0.identity == file } ?? candidates.first
    }
}
