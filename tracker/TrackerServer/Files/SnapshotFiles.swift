internal import FoundationEssentials
internal import Metainfo
internal import SwarmCore
internal import TrackerCore

/// What is known of a file in a snapshot, by the signed feed.
struct KnownFile: Hashable, Sendable {
    /// In bytes.
    var size: Int64
    var sha256: SHA256Digest
    /// Seconds since 1970.
    var mtime: Int64
}

/// Finds files in the live snapshots: in the one torrent that can have a path, which is fetched from the set's upstream,
/// checked against the manifest, and kept for a while.
actor SnapshotFiles {
    /// Reads a document of a set, `torrents/…`, of at most so many bytes.
    typealias Fetch = @Sendable (_ path: String, _ limit: Int) async throws -> [UInt8]

    /// Bytes of torrents that are kept.
    private static let keptBytes = 128 << 20
    /// Torrents that are fetched at the same time, at most.
    private static let fetchLimit = 4
    /// As many links are followed in one path.
    private static let linkLimit = 8

    private var lookups: [SnapshotKey: ShardLookup] = [:]
    private var fetches: [SwarmCore.SetName: Fetch] = [:]
    /// The last one that was used comes last.
    private var kept: [Torrent] = []
    private var underWay: [InfoHash: Task<Torrent, any Error>] = [:]

    /// Takes the live snapshots of a set in place of those before.
    func follow(_ set: SwarmCore.SetName, _ snapshots: [SnapshotID: [Manifest.Shard]], fetch: @escaping Fetch) {
        for key in lookups.keys where key.set == set && snapshots[key.snapshot] == nil { lookups[key] = nil }
        for (snapshot, shards) in snapshots where lookups[SnapshotKey(set, snapshot)] == nil {
            lookups[SnapshotKey(set, snapshot)] = ShardLookup(shards)
        }
        fetches[set] = fetch
    }

    /// Whether a snapshot is live, by the feed that was read last.
    func knows(_ key: SnapshotKey) -> Bool { lookups[key] != nil }

    /// The file at a path, links in the tree followed; nil when there is none, or the snapshot is not live.
    func file(_ path: String, in key: SnapshotKey) async throws -> KnownFile? {
        var path = path
        for _ in 0..<Self.linkLimit {
            guard TreePath.fault(in: path) == nil else { return nil }
            switch try await entry(path, in: key) {
            case .file(let file): return file
            case .link(let target):
                guard let next = TreePath.resolve(link: path, target: target) else { return nil }
                path = next
            case nil:
                guard let next = try await throughLinkedDirectory(path, in: key) else { return nil }
                path = next
            }
        }
        return nil
    }

    private enum Entry {
        case file(KnownFile)
        case link(String)
    }

    private func entry(_ path: String, in key: SnapshotKey) async throws -> Entry? {
        let wanted = Array(path.utf8)
        for shard in lookups[key]?.candidates(path) ?? [] {
            let torrent = try await torrent(shard, of: key.set)
            for index in torrent.files where torrent.pathUTF8(index).elementsEqual(wanted) {
                return .file(
                    KnownFile(
                        size: torrent.length(index), sha256: torrent.sha256(index), mtime: torrent.mtime(index)))
            }
            if let link = torrent.links.first(where: { $0.path.utf8.elementsEqual(wanted) }) {
                return .link(link.target)
            }
        }
        return nil
    }

    /// Where a path leads of which the beginning is a link; nil when none is.
    private func throughLinkedDirectory(_ path: String, in key: SnapshotKey) async throws -> String? {
        let parts = path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
        for count in 1..<max(1, parts.count) {
            let directory = parts[..<count].joined(separator: "/")
            guard case .link(let target) = try await entry(directory, in: key) else { continue }
            return TreePath.resolve(link: directory, target: target).map { resolved in
                ((resolved.isEmpty ? [] : [resolved]) + parts[count...]).joined(separator: "/")
            }
        }
        return nil
    }

    // MARK: Torrents

    private func torrent(_ shard: Manifest.Shard, of set: SwarmCore.SetName) async throws -> Torrent {
        if let index = kept.firstIndex(where: { $0.infoHash == shard.infoHash }) {
            let torrent = kept.remove(at: index)
            kept.append(torrent)
            return torrent
        }
        if let task = underWay[shard.infoHash] { return try await task.value }
        guard let fetch = fetches[set] else { throw TrackerError(.upstream, "the set \(set) is not followed") }
        guard underWay.count < Self.fetchLimit else {
            throw TrackerError(.upstream, "\(Self.fetchLimit) torrents are being fetched already; try again")
        }
        let task = Task { try await Self.read(shard, set, fetch) }
        underWay[shard.infoHash] = task
        let result = await task.result
        underWay[shard.infoHash] = nil
        let torrent = try result.get()
        kept.append(torrent)
        while kept.count > 1, kept.reduce(0, { $0 + $1.bytes.count }) > Self.keptBytes { kept.removeFirst() }
        return torrent
    }

    @concurrent
    private static func read(
        _ shard: Manifest.Shard, _ set: SwarmCore.SetName, _ fetch: Fetch
    ) async throws -> Torrent {
        try await FeedSource.torrent(shard, of: set, fetch: fetch)
    }
}
