public import SwarmCore

/// A file of a snapshot, by the place of its torrent in the snapshot's list and its entry there.
public struct FileReference: Hashable, Sendable {
    /// The torrent's place in the list.
    public let shard: Int
    /// The entry's index in the torrent.
    public let entry: Int

    /// A reference to an entry of a torrent.
    public init(shard: Int, entry: Int) {
        self.shard = shard
        self.entry = entry
    }
}

/// What has to happen to a tree that holds one snapshot, or nothing, so that it holds another.
public struct TreeDiff: Sendable {
    /// Files to unlink: gone, or with other content, time or mode.
    public private(set) var removedFiles: [String] = []
    /// Files of the target that the tree does not hold as they should be.
    public private(set) var placed: [FileReference] = []
    /// Links to unlink: gone, or with another text.
    public private(set) var removedLinks: [String] = []
    /// Links to make, after `removedLinks` are gone.
    public private(set) var addedLinks: [LinkEntry] = []
    /// Directories that the base had empty and the target has not, the deepest first.
    public private(set) var removedDirectories: [String] = []
    /// Directories that the target has empty and the base has not.
    public private(set) var addedDirectories: [String] = []

    /// Nothing has to happen.
    public init() {}

    /// Adds what has to happen in another range of the same two trees; its `placed` stays where it is, as it counts
    /// torrents from that range's first.
    public mutating func formUnion(_ other: TreeDiff) {
        removedFiles += other.removedFiles
        removedLinks += other.removedLinks
        addedLinks += other.addedLinks
        removedDirectories += other.removedDirectories
        addedDirectories += other.addedDirectories
    }

    /// Compares shard by shard; shards with the same info-hash are not opened.
    ///
    /// - Parameters:
    ///   - base: the torrents of the snapshot that the tree holds.
    ///   - holds: whether the tree has a file of the base; nil when it has all of them.
    ///   - sharing: info-hashes of shards that are whole in both, under the same filter.
    public init(
        base: [Torrent], baseFilter: CompiledFilter, holds: ((FileReference) -> Bool)? = nil, target: [Torrent],
        targetFilter: CompiledFilter, sharing: Set<InfoHash>
    ) {
        let baseShards = base.indices.filter { !sharing.contains(base[$0].infoHash) }
        let targetShards = target.indices.filter { !sharing.contains(target[$0].infoHash) }
        var old = Self.sorted(base, baseShards, baseFilter)
        if let holds { old = old.filter(holds) }
        let new = Self.sorted(target, targetShards, targetFilter)
        mergeFiles(old, base, new, target)

        func links(_ torrents: [Torrent], _ shards: [Int], _ filter: CompiledFilter) -> Set<LinkEntry> {
            Set(shards.flatMap { torrents[$0].links }.filter { filter.includes($0.path) })
        }
        let (oldLinks, newLinks) = (links(base, baseShards, baseFilter), links(target, targetShards, targetFilter))
        removedLinks = oldLinks.subtracting(newLinks).map(\.path)
        addedLinks = newLinks.subtracting(oldLinks).sorted { $0.path < $1.path }

        func directories(_ torrents: [Torrent], _ shards: [Int], _ filter: CompiledFilter) -> Set<String> {
            Set(shards.flatMap { torrents[$0].emptyDirectories }.filter { filter.includesDirectory($0) })
        }
        let oldDirectories = directories(base, baseShards, baseFilter)
        let newDirectories = directories(target, targetShards, targetFilter)
        removedDirectories = oldDirectories.subtracting(newDirectories).sorted(by: >)
        addedDirectories = newDirectories.subtracting(oldDirectories).sorted()
    }

    private static func sorted(_ torrents: [Torrent], _ shards: [Int], _ filter: CompiledFilter) -> [FileReference] {
        var references: [FileReference] = []
        for shard in shards {
            for entry in torrents[shard].filesByPath() {
                if filter.isEverything || filter.includes(torrents[shard].path(Int(entry))) {
                    references.append(FileReference(shard: shard, entry: Int(entry)))
                }
            }
        }
        guard shards.count > 1 else { return references }
        // The parts are sorted already; the standard library's sort merges such runs.
        return references.sorted {
            TreePath.precedes(torrents[$0.shard].pathUTF8($0.entry), torrents[$1.shard].pathUTF8($1.entry))
        }
    }

    private mutating func mergeFiles(
        _ old: [FileReference], _ base: [Torrent], _ new: [FileReference], _ target: [Torrent]
    ) {
        var (left, right) = (0, 0)
        while left < old.count || right < new.count {
            if left == old.count {
                placed.append(new[right])
                right += 1
                continue
            }
            let before = old[left]
            let path = base[before.shard].pathUTF8(before.entry)
            if right == new.count {
                removedFiles.append(String(decoding: path, as: UTF8.self))
                left += 1
                continue
            }
            let after = new[right]
            let nextPath = target[after.shard].pathUTF8(after.entry)
            if path.elementsEqual(nextPath) {
                if base[before.shard].identity(before.entry) != target[after.shard].identity(after.entry) {
                    removedFiles.append(String(decoding: path, as: UTF8.self))
                    placed.append(after)
                }
                left += 1
                right += 1
            } else if TreePath.precedes(path, nextPath) {
                removedFiles.append(String(decoding: path, as: UTF8.self))
                left += 1
            } else {
                placed.append(after)
                right += 1
            }
        }
    }
}
