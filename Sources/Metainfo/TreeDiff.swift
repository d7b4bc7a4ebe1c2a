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

    /// Takes what is known of the torrents for a comparison: neither the torrents of the base nor all of the target's entries
    /// are looked at.
    ///
    /// - Parameters:
    ///   - target: torrents of a snapshot of which the tree is to have all files.
    ///   - origins: how each of them differs from one of the snapshot that the tree holds in full; those are all that it has
    ///     in this range of paths.
    public init(target: [Torrent], origins: [TorrentOrigin]) {
        // By bytes: two forms of one text are two names.
        var departed: [[UInt8]: FileIdentity] = [:]
        for file in origins.flatMap(\.departed).map(\.file) { departed[Array(file.path.utf8)] = file.identity }
        for (shard, (torrent, origin)) in zip(target, origins).enumerated() {
            for entry in torrent.files(outside: origin.shared.map(\.first)) {
                // What only stands in another place is not touched.
                let path = Array(torrent.pathUTF8(entry))
                if departed[path] == torrent.identity(entry) {
                    departed[path] = nil
                } else {
                    placed.append(FileReference(shard: shard, entry: entry))
                }
            }
        }
        removedFiles = departed.keys.sorted { TreePath.precedes($0, $1) }.map { String(decoding: $0, as: UTF8.self) }
        placed.sort { TreePath.precedes(target[$0.shard].pathUTF8($0.entry), target[$1.shard].pathUTF8($1.entry)) }
        func all<Value>(_ part: (TorrentOrigin) -> Set<Value>) -> Set<Value> { Set(origins.flatMap(part)) }
        takeLinks(from: all(\.removedLinks), to: all(\.addedLinks))
        takeDirectories(from: all(\.removedDirectories), to: all(\.addedDirectories))
    }

    private mutating func takeLinks(from old: Set<LinkEntry>, to new: Set<LinkEntry>) {
        removedLinks = old.subtracting(new).map(\.path)
        addedLinks = new.subtracting(old).sorted { $0.path < $1.path }
    }

    private mutating func takeDirectories(from old: Set<DirectoryEntry>, to new: Set<DirectoryEntry>) {
        removedDirectories = old.subtracting(new).map(\.path).sorted(by: >)
        addedDirectories = new.subtracting(old).map(\.path).sorted()
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
        var old = baseShards.map { Inclusion(base[$0], baseFilter) }
        if let holds {
            for (shard, inclusion) in zip(baseShards, old.indices) {
                for entry in base[shard].files where old[inclusion].entries[entry] {
                    old[inclusion].entries[entry] = holds(FileReference(shard: shard, entry: entry))
                }
            }
        }
        var new = targetShards.map { Inclusion(target[$0], targetFilter) }
        // What stands in both as it did needs no comparison by path. (Where a range is cut otherwise than it was, torrents
        // that have little in common may meet here, and what they do not share is left to that comparison.)
        for (left, right) in zip(old.indices, new.indices) {
            Inclusion.subtractShared(&old[left], base[baseShards[left]], &new[right], target[targetShards[right]])
        }
        mergeFiles(Self.sorted(base, baseShards, old), base, Self.sorted(target, targetShards, new), target)

        func links(_ torrents: [Torrent], _ shards: [Int], _ filter: CompiledFilter) -> Set<LinkEntry> {
            Set(shards.flatMap { torrents[$0].links }.filter { filter.includes($0.path) })
        }
        takeLinks(
            from: links(base, baseShards, baseFilter), to: links(target, targetShards, targetFilter))

        func directories(_ torrents: [Torrent], _ shards: [Int], _ filter: CompiledFilter) -> Set<DirectoryEntry> {
            Set(
                shards.flatMap { torrents[$0].emptyDirectories }.filter { filter.includesDirectory($0) }.map {
                    DirectoryEntry(path: $0)
                })
        }
        takeDirectories(
            from: directories(base, baseShards, baseFilter), to: directories(target, targetShards, targetFilter))
    }

    /// Which entries of a torrent are to be compared.
    private struct Inclusion {
        var entries: [Bool]

        /// The files that a filter includes.
        init(_ torrent: Torrent, _ filter: CompiledFilter) {
            entries = (0..<torrent.entryCount).map { torrent.kind($0) == .file }
            guard !filter.isEverything else { return }
            for entry in torrent.files where !filter.includes(torrent.path(entry)) { entries[entry] = false }
        }

        /// Takes out what is included on both sides and the same.
        static func subtractShared(_ old: inout Self, _ base: Torrent, _ new: inout Self, _ target: Torrent) {
            for shared in base.sharedEntries(with: target) {
                for (before, after) in zip(shared.first, shared.secondRange)
                where old.entries[before] && new.entries[after] {
                    old.entries[before] = false
                    new.entries[after] = false
                }
            }
        }
    }

    private static func sorted(_ torrents: [Torrent], _ shards: [Int], _ inclusions: [Inclusion]) -> [FileReference] {
        var references: [FileReference] = []
        for (shard, inclusion) in zip(shards, inclusions) {
            for (entry, isIncluded) in inclusion.entries.enumerated() where isIncluded {
                references.append(FileReference(shard: shard, entry: entry))
            }
        }
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
