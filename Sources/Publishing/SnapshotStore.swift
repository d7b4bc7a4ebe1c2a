internal import FileTree
public import FoundationEssentials
public import Metainfo
public import SwarmCore

/// The master's directory: configuration, key, index, feed, manifests, torrents and trees of one set.
public struct SnapshotStore: Sendable {
    /// The store's directory, absolute.
    public let directory: String
    /// What `config.toml` says.
    public let configuration: StoreConfiguration
    /// Where things lie.
    public let layout: RootLayout
    let key: SigningKey

    /// What a node's configuration needs to believe this master.
    public var verifyingKey: VerifyingKey { key.verifyingKey }

    static func configurationPath(_ directory: String) -> String { "\(directory)/config.toml" }
    static func keyPath(_ directory: String) -> String { "\(directory)/key" }
    var indexPath: String { "\(layout.swarm)/index.sqlite" }
    /// What each snapshot changed in its parent.
    var recordsPath: String { "\(layout.swarm)/changes" }

    /// Throws when `directory` holds a store, or a part of one.
    public static func checkVacant(_ directory: String) throws {
        for path in [configurationPath(directory), keyPath(directory)] where FileSystem.exists(path) {
            throw PublishingError(.store, "\(path) exists already: this directory is a store; nothing was changed")
        }
    }

    /// Makes a store. Nothing is overwritten: a directory that holds one already is an error.
    @discardableResult
    public static func create(at directory: String, configuration: StoreConfiguration) throws -> SnapshotStore {
        try checkVacant(directory)
        guard try FileSystem.status(configuration.source)?.kind == .directory else {
            throw PublishingError(.store, "the source \(configuration.source) is no directory")
        }
        let layout = RootLayout(root: directory, set: configuration.set)
        guard !"\(layout.root)/".hasPrefix("\(configuration.source)/") else {
            throw PublishingError(
                .store,
                "the store \(layout.root) lies inside the source \(configuration.source) and would publish itself")
        }
        for path in [
            layout.trees, layout.snapshots, layout.masterTags, layout.manifests, layout.torrents, layout.deltas,
        ] {
            try FileSystem.makeDirectories(path)
        }
        let key = try SigningKey.generate(name: configuration.set.rawValue)
        let file = try Descriptor.create(keyPath(directory), mode: 0o600, exclusive: true)
        try file.write(Array(key.secretText.utf8) + [UInt8(ascii: "\n")])
        try file.sync()
        _ = try SourceIndex("\(layout.swarm)/index.sqlite")
        try FileSystem.writeAtomically(Array(configuration.text.utf8), to: configurationPath(directory))
        return try SnapshotStore(directory)
    }

    /// Opens a store.
    public init(_ directory: String) throws {
        let path = Self.configurationPath(directory)
        guard let text = try FileSystem.contents(path) else {
            throw PublishingError(
                .store, "\(directory) is no store: \(path) is missing; make one with swarm-publish init")
        }
        guard let secret = try FileSystem.contents(Self.keyPath(directory)) else {
            throw PublishingError(
                .store, "\(Self.keyPath(directory)) is missing: without the key nothing can be published")
        }
        configuration = try StoreConfiguration(text: String(decoding: text, as: UTF8.self), file: path)
        self.directory = directory
        layout = RootLayout(root: directory, set: configuration.set)
        key = try SigningKey(secretText: String(decoding: secret, as: UTF8.self))
    }

    // MARK: Feed

    /// The feed as nodes see it, with the text that was signed; nil before the first one.
    public func feed() throws -> (feed: Feed, note: [UInt8])? {
        guard let note = try FileSystem.contents(layout.feed) else { return nil }
        let (text, _) = try SignedNote.open(note, keys: [verifyingKey])
        return (try Documents.decode(Feed.self, from: text), note)
    }

    /// Changes the feed and signs it, unless `change` leaves it as it was. Waits for others who do the same.
    @discardableResult
    public func updateFeed(now: Date, _ change: (inout Feed) throws -> Void) throws -> Feed {
        let lock = try FileLock.acquire("\(layout.swarm)/feed.lock", owner: "signing the feed", waiting: true)
        defer { withExtendedLifetime(lock) {} }
        let lifetime = TimeInterval(configuration.feedLifetime.components.seconds)
        let issued = Date(timeIntervalSince1970: now.timeIntervalSince1970.rounded(.down))
        let old = try feed()?.feed
        var feed =
            old
            ?? Feed(set: configuration.set, version: 0, issued: issued, expires: issued.addingTimeInterval(lifetime))
        feed.urls = configuration.urls
        feed.trackers = configuration.trackers
        try change(&feed)
        if let old, old == feed, now < old.issued.addingTimeInterval(lifetime / 2) { return old }
        // A version that follows the clock stays ahead of what was signed before a store came back from a backup.
        feed.version = max(feed.version + 1, UInt64(max(0, issued.timeIntervalSince1970)))
        feed.issued = issued
        feed.expires = issued.addingTimeInterval(lifetime)
        feed.snapshots.sort { $0.serial < $1.serial }
        try FileSystem.writeAtomically(
            try SignedNote.sign(text: try Documents.encode(feed), keys: [key]), to: layout.feed)
        return feed
    }

    // MARK: Snapshots

    /// The manifest of a snapshot whose tree is still there.
    public func manifest(_ snapshot: SnapshotID) throws -> Manifest {
        guard let bytes = try FileSystem.contents(layout.manifest(snapshot)) else {
            throw PublishingError(.noSnapshot, "there is no snapshot \(snapshot) in \(directory)")
        }
        return try Documents.decode(Manifest.self, from: bytes)
    }

    /// A torrent of the store, checked against its digest.
    public func torrent(_ shard: Manifest.Shard) throws -> Torrent {
        try Torrent(parsing: torrentBytes(shard), isKnown: true, infoHash: shard.infoHash)
    }

    /// Whether a torrent is in the store, in one form or the other.
    func hasTorrent(_ shard: Manifest.Shard) -> Bool {
        FileSystem.exists(layout.torrent(shard.infoHash))
            || FileSystem.exists(layout.compressedTorrent(shard.infoHash))
    }

    /// The `.torrent` of a shard as it is for other clients, not checked; nil where it is not there.
    public func torrentFile(_ shard: Manifest.Shard) throws -> [UInt8]? {
        try FileSystem.contents(layout.torrent(shard.infoHash))
    }

    /// The bytes of a torrent of the store, checked against their digest.
    public func torrentBytes(_ shard: Manifest.Shard) throws -> [UInt8] {
        // The one for other clients has its trackers in front, and need not be decompressed.
        if let plain = try? torrentFile(shard),
            let bytes = EncodedShard.withoutTrackers(plain, size: shard.torrent.size),
            Digest.sha256(bytes) == shard.torrent.sha256
        {
            return bytes
        }
        guard let compressed = try FileSystem.contents(layout.compressedTorrent(shard.infoHash)) else {
            throw PublishingError(
                .store, "\(layout.torrent(shard.infoHash)) is missing or damaged; restore it from a backup")
        }
        let bytes = try Zstd.decompress(compressed, size: shard.torrent.size)
        guard Digest.sha256(bytes) == shard.torrent.sha256 else {
            throw PublishingError(
                .store, "\(layout.compressedTorrent(shard.infoHash)) is damaged; restore it from a backup")
        }
        return bytes
    }

    /// A snapshot by its UUID, a unique beginning of it, its tag, or `latest`.
    public func resolve(_ name: String) throws -> Feed.Entry {
        guard let feed = try feed()?.feed, let newest = feed.newest else {
            throw PublishingError(.noSnapshot, "\(directory) has no snapshot yet")
        }
        if name == "latest" { return newest }
        if let tagged = feed.tags[name].flatMap({ feed.entry($0) }) { return tagged }
        let matching = feed.snapshots.filter { $0.uuid.rawValue.hasPrefix(name.lowercased()) }
        guard let match = matching.first, matching.count == 1, !name.isEmpty else {
            throw PublishingError(
                .noSnapshot,
                matching.count > 1
                    ? "“\(name)” begins the UUIDs of \(matching.count) snapshots"
                    : "there is no live snapshot “\(name)”; see swarm-publish list")
        }
        return match
    }

    /// The snapshot that readers see.
    public var current: SnapshotID? {
        FileSystem.readLink(layout.current).flatMap { layout.snapshot(currentTarget: $0) }
    }

    /// Makes the newest snapshot current whose time has come, opens its tree, closes the trees of those on hold, and
    /// brings the links of tags in order. Returns the next moment at which another one may be due. Waits for others who
    /// do the same.
    @discardableResult
    public func activateDue(now: Date) throws -> Date? {
        let lock = try FileLock.acquire("\(layout.swarm)/feed.lock", owner: "activating", waiting: true)
        defer { withExtendedLifetime(lock) {} }
        guard let feed = try feed()?.feed else { return nil }
        let due = feed.snapshots.filter { !$0.activation.hold && $0.activation.notBefore <= now }
        // Each step is looked at on its own: a run may have ended between any two of them.
        for entry in due {
            try link(layout.snapshotLink(entry.uuid), to: "../\(layout.currentTarget(entry.uuid))")
            if try FileSystem.status(layout.tree(entry.uuid))?.mode == 0o700 {
                try FileSystem.setMode(layout.tree(entry.uuid), 0o755)
            }
        }
        if let newest = due.last {
            try link(layout.current, to: layout.currentTarget(newest.uuid))
            try link("\(layout.snapshots)/current", to: newest.uuid.rawValue)
        }
        // After the switch, so that `current` never leads into a closed tree while there is another.
        for entry in feed.snapshots where !due.contains(entry) && (due.last != nil || entry.uuid != current) {
            try FileSystem.remove(layout.snapshotLink(entry.uuid))
            if try FileSystem.status(layout.tree(entry.uuid))?.mode == 0o755 {
                try FileSystem.setMode(layout.tree(entry.uuid), 0o700)
            }
        }
        try linkTags(of: feed)
        return feed.snapshots.filter { !$0.activation.hold && $0.activation.notBefore > now }.map(
            \.activation.notBefore
        ).min()
    }

    private func link(_ path: String, to target: String) throws {
        if FileSystem.readLink(path) != target { try FileSystem.replaceLink(at: path, target: target) }
    }

    private func linkTags(of feed: Feed) throws {
        for (tag, snapshot) in feed.tags { try link("\(layout.masterTags)/\(tag)", to: "../snap/\(snapshot)") }
        for name in try FileSystem.names(in: layout.masterTags) where feed.tags[name] == nil {
            try FileSystem.remove("\(layout.masterTags)/\(name)")
        }
    }

    /// Live snapshots whose trees are open, newest first: where a path that the current one lacks is looked up.
    public func opened() -> [SnapshotID] {
        guard let feed = try? feed()?.feed else { return [] }
        return feed.snapshots.reversed().map(\.uuid).filter {
            (try? FileSystem.status(layout.tree($0))?.mode) == 0o755
        }
    }
}
