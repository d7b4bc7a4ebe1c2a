public import FoundationEssentials
internal import Metainfo
public import SwarmCore

// Which files nodes are to fetch first. Each change signs the feed and takes effect with the next snapshot that a node
// begins to fetch.

extension SnapshotStore {
    /// What became of paths that were to be suggested.
    public struct Suggestion: Hashable, Sendable {
        /// What the feed suggests now.
        public let list: PrefetchList
        /// Paths that the newest snapshot has no file at.
        public let absent: [String]
        /// Paths beyond the limits of the list.
        public let surplus: Int
    }

    /// What the feed suggests.
    public func suggested() throws -> PrefetchList { try feed()?.feed.prefetch ?? PrefetchList() }

    /// Has the feed suggest files of the newest snapshot, in place of those before; none ends it. With `strictly`, a path
    /// that is no file there, and a list that is too long, are errors and nothing changes; without it such paths are left
    /// out.
    ///
    /// Only torrents are opened that can have one of the paths, one after the other.
    public func suggest(_ paths: [String], strictly: Bool, now: Date) throws -> Suggestion {
        let known = try paths.isEmpty ? [] : files(among: paths, of: resolve("latest"))
        let absent = paths.filter { !known.contains($0) }
        if strictly, let first = absent.first {
            let others = absent.count > 1 ? ", and \(absent.count - 1) of the other paths are neither" : ""
            throw PublishingError(
                .usage,
                "“\(printable(first.utf8))” is no file of the newest snapshot\(others): give paths from the set's root, as "
                    + "in pool/main/a/a.deb; nothing was changed")
        }
        var seen: Set<String> = []
        let wanted = paths.filter { known.contains($0) && seen.insert($0).inserted }
        let list = PrefetchList(wanted)
        let surplus = wanted.count - list.paths.count
        if strictly, surplus > 0 {
            throw PublishingError(
                .usage,
                "\(wanted.count) paths are too many: \(PrefetchList.countLimit) with "
                    + "\(PrefetchList.sizeLimit >> 10) KiB together can be suggested; nothing was changed")
        }
        let feed = try updateFeed(now: now) { $0.prefetch = list }
        return Suggestion(list: feed.prefetch, absent: absent, surplus: surplus)
    }

    /// Those of the paths at which a snapshot has a file.
    private func files(among paths: [String], of entry: Feed.Entry) throws -> Set<String> {
        let lookup = ShardLookup(try manifest(entry.uuid).shards)
        var wanted: [InfoHash: (shard: Manifest.Shard, paths: [ArraySlice<UInt8>: String])] = [:]
        for path in Set(paths) where TreePath.fault(in: path) == nil {
            for shard in lookup.candidates(path) {
                wanted[shard.infoHash, default: (shard, [:])].paths[ArraySlice(Array(path.utf8))] = path
            }
        }
        var found: Set<String> = []
        for (shard, paths) in wanted.values {
            let torrent = try torrent(shard)
            for entry in torrent.files {
                if let path = paths[torrent.pathUTF8(entry)] { found.insert(path) }
            }
        }
        return found
    }
}
