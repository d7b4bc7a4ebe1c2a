internal import FileTree
public import FoundationEssentials
public import SwarmCore

/// What an operator changes about snapshots that are published already. Each call signs the feed and takes effect at
/// once.
extension SnapshotStore {
    /// The rule of tags' names, for error messages.
    public static let tagRule = Feed.tagRule

    /// Throws unless `tag` can name a link in `master-snap`.
    static func check(tag: String) throws {
        guard Feed.isTag(tag) else {
            throw PublishingError(.usage, "“\(printable(tag.utf8.prefix(80)))” is no name for a tag: \(tagRule)")
        }
    }

    /// Keeps a snapshot from being activated until it is lifted.
    @discardableResult
    public func hold(_ name: String, now: Date) throws -> Feed.Entry {
        try change(name, now: now) { $0.hold = true }
    }

    /// Ends a snapshot's hold. It may be activated from `activateAt` on; nil leaves the moment that it was published with.
    @discardableResult
    public func lift(_ name: String, activateAt: Date? = nil, now: Date) throws -> Feed.Entry {
        try change(name, now: now) { activation in
            activation.hold = false
            if let activateAt {
                activation.notBefore = Date(timeIntervalSince1970: activateAt.timeIntervalSince1970.rounded(.down))
            }
        }
    }

    /// Gives a snapshot a name that keeps it from expiring; the name leaves the snapshot that had it.
    @discardableResult
    public func tag(_ tag: String, _ name: String, now: Date) throws -> Feed.Entry {
        try Self.check(tag: tag)
        let entry = try resolve(name)
        try updateFeed(now: now) { feed in
            guard feed.entry(entry.uuid) != nil else { throw Self.expired(entry.uuid) }
            feed.tags[tag] = entry.uuid
        }
        try activateDue(now: now)
        return entry
    }

    /// Takes a name away. The snapshot expires with the next ones, as if it never had it.
    public func untag(_ tag: String, now: Date) throws {
        try updateFeed(now: now) { feed in
            guard feed.tags.removeValue(forKey: tag) != nil else {
                throw PublishingError(
                    .noSnapshot, "there is no tag “\(printable(tag.utf8.prefix(80)))”; see swarm-publish list")
            }
        }
        try activateDue(now: now)
    }

    private func change(_ name: String, now: Date, _ change: (inout Activation) -> Void) throws -> Feed.Entry {
        let uuid = try resolve(name).uuid
        let feed = try updateFeed(now: now) { feed in
            guard let index = feed.snapshots.firstIndex(where: { $0.uuid == uuid }) else { throw Self.expired(uuid) }
            change(&feed.snapshots[index].activation)
        }
        try activateDue(now: now)
        guard let entry = feed.entry(uuid) else { throw Self.expired(uuid) }
        return entry
    }

    private static func expired(_ snapshot: SnapshotID) -> PublishingError {
        PublishingError(.noSnapshot, "the snapshot \(snapshot) expired in this very moment; see swarm-publish list")
    }

    // MARK: Seeding

    /// A torrent that the store's daemon offers, with the newest tree that holds its files.
    public struct Seed: Hashable, Sendable {
        /// The shard's line in the manifest.
        public let shard: Manifest.Shard
        /// The snapshot whose tree the files are read from.
        public let snapshot: SnapshotID
    }

    /// The snapshot that is being published on top of a feed, whose torrents are there while its tree is made; nil when none is.
    /// It may never come to be.
    public func upcoming(after feed: Feed) throws -> Manifest? {
        guard let newest = feed.newest else { return nil }
        for name in try FileSystem.names(in: layout.manifests) {
            guard let snapshot = SnapshotID(String(name.prefix(36))), feed.entry(snapshot) == nil,
                let manifest = try? manifest(snapshot), manifest.parent == newest.uuid,
                manifest.serial == newest.serial + 1
            else { continue }
            return manifest
        }
        return nil
    }

    /// The shards of all live snapshots, each once; those that hold no content are left out. A manifest that cannot be
    /// read is handed to `failed`, and its snapshot is passed over.
    public func seeds(of feed: Feed, failed: (SnapshotID, any Error) -> Void = { _, _ in }) -> [InfoHash: Seed] {
        var seeds: [InfoHash: Seed] = [:]
        for entry in feed.snapshots.sorted(by: { $0.serial > $1.serial }) {
            do {
                for shard in try manifest(entry.uuid).shards
                where shard.totals.bytes > 0 && seeds[shard.infoHash] == nil {
                    seeds[shard.infoHash] = Seed(shard: shard, snapshot: entry.uuid)
                }
            } catch {
                failed(entry.uuid, error)
            }
        }
        return seeds
    }
}
