internal import FileTree
public import FoundationEssentials
internal import Metainfo
public import SwarmCore
internal import Synchronization

/// Publishes states of the source as snapshots.
public struct Publisher: Sendable {
    /// What a snapshot is told.
    public struct Options: Sendable {
        /// The earliest moment of activation; nil for the configured delay from now.
        public var activateAt: Date?
        /// From publication to activation; nil for what the configuration says.
        public var delay: Duration?
        /// Whether the snapshot is under embargo.
        public var hold = false
        /// A tag for the snapshot, or for the newest one when nothing changed.
        public var tag: String?
        /// Paths that changed, relative to the source or absolute below it; nil to look at all.
        public var changes: [String]?
        /// Publish even when nothing changed.
        public var force = false
        /// Find out what would be published, and publish nothing.
        public var dryRun = false

        /// The options of a plain snapshot.
        public init() {}
    }

    /// How far a snapshot is.
    public enum Progress: Sendable {
        case scanning(names: Int)
        case hashing(bytes: Int64, of: Int64)
        case composing
        case linking(files: Int, of: Int)
    }

    /// What was published.
    public struct Report: Sendable, Codable {
        /// A torrent of the snapshot.
        public struct Torrent: Sendable, Codable {
            /// The name of its swarm.
            public let infoHash: InfoHash
            /// A name for people.
            public let label: String
            /// Files in it.
            public let files: Int
            /// Bytes of its files.
            public let bytes: Int64
            /// Whether the parent has it too.
            public let unchanged: Bool
        }

        /// Nil when nothing changed, or with a dry run.
        public let uuid: SnapshotID?
        /// Nil when nothing was published.
        public let serial: Serial?
        /// Whether there is a new snapshot.
        public let published: Bool
        /// Whether the source differs from the newest snapshot; a dry run publishes nothing all the same.
        public let changed: Bool
        /// Files in it.
        public let files: Int
        /// Bytes of its files.
        public let bytes: Int64
        /// Bytes of content that was read in the source.
        public let bytesRead: Int64
        /// Bytes that were read for the pieces that small files share: new ones once more, and those beside what changed.
        public let bytesReadForPieces: Int64
        /// Files that are new or changed.
        public let filesChanged: Int
        /// Files that are gone or were replaced.
        public let filesRemoved: Int
        /// Files that were written in place: the trees of earlier snapshots, which are hard links of them, had the new
        /// content too. Each was repaired from another file with the old content, or removed from those trees.
        public let changedInPlace: [String]
        /// How many files earlier snapshots lost that way: no other file had the old content.
        public let lost: Int
        /// The shards, in the manifest's order.
        public let torrents: [Torrent]
        /// Seconds.
        public let seconds: Double
    }

    let store: SnapshotStore
    let now: @Sendable () -> Date
    let progress: @Sendable (Progress) -> Void

    /// A publisher for `store`, with its clock. `progress` is called from any thread.
    public init(
        store: SnapshotStore, now: @escaping @Sendable () -> Date = { Date() },
        progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) {
        self.store = store
        self.now = now
        self.progress = progress
    }

    /// Looks for changes and publishes them. Blocking. When it throws, nothing of the new snapshot is visible.
    public func snapshot(_ options: Options) throws -> Report {
        let started = ContinuousClock.now
        if let tag = options.tag { try SnapshotStore.check(tag: tag) }
        let lock = try FileLock.acquire(store.layout.lock, owner: "swarm-publish snapshot")
        defer { withExtendedLifetime(lock) {} }
        try removeLeftovers()
        let configuration = store.configuration
        let index = try SourceIndex(store.indexPath, readers: options.changes == nil ? 8 : 1)
        let (rules, fingerprint) = try configuration.rules()
        let parent = try store.feed()?.feed.newest.map { try store.manifest($0.uuid) }
        if let parent, parent.pieceLength != configuration.pieceLength {
            throw PublishingError(
                .usage,
                "config.toml says piece-length = \(configuration.pieceLength), but the set was begun with "
                    + "\(parent.pieceLength): put that back; it is fixed for the life of a set")
        }
        try index.reconcile(with: parent, load: store.torrent)
        let rulesChanged = try parent != nil && index.meta("rules") != fingerprint

        let scanner = SourceScanner(
            source: configuration.source, index: index,
            exclude: try PathFilter(exclude: configuration.exclude).compiled(),
            progress: { [progress] in progress(.scanning(names: $0)) })
        let scanned = try options.changes == nil ? FileSystem.status(store.layout.lock) : nil
        let changes = try options.changes.map { try scanner.look(at: try relative($0)) } ?? scanner.scan()

        let before = Set(parent?.shards.map(\.infoHash) ?? [])
        var (bytesRead, bytesReadForPieces): (Int64, Int64) = (0, 0)
        func report(
            _ manifest: Manifest?, changed: Bool, published: Bool = false, inPlace: [String] = [], lost: Int = 0
        ) -> Report {
            let shards = manifest?.shards ?? []
            return Report(
                uuid: published ? manifest?.uuid : nil, serial: published ? manifest?.serial : nil,
                published: published,
                changed: changed, files: manifest?.totals.files ?? 0, bytes: manifest?.totals.bytes ?? 0,
                bytesRead: bytesRead, bytesReadForPieces: bytesReadForPieces,
                filesChanged: changes.files.count, filesRemoved: changes.removed.count { $0.row.kind == .file },
                changedInPlace: inPlace, lost: lost,
                torrents: shards.map {
                    .init(
                        infoHash: $0.infoHash, label: $0.label, files: $0.totals.files, bytes: $0.totals.bytes,
                        unchanged: before.contains($0.infoHash))
                },
                seconds: Double((ContinuousClock.now - started) / .milliseconds(1)) / 1000)
        }

        if parent != nil, changes.isEmpty, !rulesChanged, !options.force {
            if !options.dryRun {
                try commit(changes, FileTable(), index, fingerprint, parent)
                try tagAndActivate(options.tag, parent?.uuid)
            }
            return report(parent, changed: false)
        }

        if !options.force { try checkShrinkage(changes, parent) }
        let change: SnapshotChange
        (change, bytesRead) = try examine(changes, index)
        let damage = try TreeRepair(store: store).damage(changes, change.files, parent)
        progress(.composing)
        let contents = try ContentPlaces(
            source: configuration.source, tree: parent.map { store.layout.files(of: $0.uuid) },
            lost: try parent.map { try store.lost().paths(of: $0.uuid) } ?? [], read: change.files, index: index,
            scanned: scanned)
        let pieceHasher = PieceHasher(contents: contents)
        let composer = SnapshotComposer(
            set: configuration.set, rules: rules, layout: layoutPolicy, cutPolicy: configuration.cutPolicy,
            parent: parent, rulesChanged: rulesChanged, load: store.torrent, pieceHasher: pieceHasher)
        let writer = Mutex(try TorrentWriter(store: store, parent: parent, isDry: options.dryRun))
        let relay = Relay<SnapshotComposer.Shard> { shard in try writer.withLock { try $0.add(shard) } }
        do { try composer.compose(change) { try relay.add($0) } } catch {
            // What is being written is of no use, but comes to its end first.
            try? relay.finish()
            throw error
        }
        try relay.finish()
        let entries = writer.withLock { $0.entries }
        bytesReadForPieces = pieceHasher.bytesRead.sum
        if let parent, Set(entries.map(\.infoHash)) == before, !options.force {
            // Touched, or as it was before: the content is the parent's.
            if !options.dryRun {
                try commit(changes, change.files, index, fingerprint, parent)
                try tagAndActivate(options.tag, parent.uuid)
            }
            return report(parent, changed: false)
        }

        var generator = SystemRandomNumberGenerator()
        let created = Date(timeIntervalSince1970: now().timeIntervalSince1970.rounded(.down))
        let manifest = Manifest(
            set: configuration.set, uuid: .random(using: &generator), serial: (parent?.serial ?? 0) + 1,
            parent: parent?.uuid, created: created, pieceLength: configuration.pieceLength, shards: entries,
            deleted: deletions(changes, added: change.files))
        guard !options.dryRun else {
            return report(manifest, changed: true, inPlace: damage.map(\.path))
        }

        // Before a tree is made from an older one: what that one lost must not be taken for what it had.
        let lost = try TreeRepair(store: store).repair(damage)
        var files = change.files
        let keeper = TreeKeeper(store: store, progress: progress)
        // A first tree is filled from the torrents: it needs no list of a million paths.
        let treeChanges = parent == nil ? TreeChanges() : TreeChanges(change)
        let bytes = try Documents.encode(manifest)
        try FileSystem.writeAtomically(bytes, to: store.layout.manifest(manifest.uuid), syncing: false)
        try keeper.record(treeChanges, of: manifest)
        let relinked = try keeper.build(manifest, treeChanges, contents: contents, files: &files)
        try publish(manifest, bytes, options)
        // Nodes and the seeder are at work now, and what they do is waited for.
        try Parallel.last { [files] in
            try commit(changes, files, relinked: relinked, index, fingerprint, manifest)
        }
        return report(manifest, changed: true, published: true, inPlace: damage.map(\.path), lost: lost)
    }

    /// The moment from which the snapshot exists: the feed with it is signed.
    private func publish(_ manifest: Manifest, _ bytes: [UInt8], _ options: Options) throws {
        let delay = TimeInterval((options.delay ?? store.configuration.delay).components.seconds)
        let notBefore = options.activateAt ?? manifest.created.addingTimeInterval(delay)
        let entry = Feed.Entry(
            uuid: manifest.uuid, serial: manifest.serial, created: manifest.created,
            manifest: Pinned(size: bytes.count, sha256: Digest.sha256(bytes)), files: manifest.totals.files,
            bytes: manifest.totals.bytes,
            activation: Activation(
                hold: options.hold,
                notBefore: Date(timeIntervalSince1970: notBefore.timeIntervalSince1970.rounded(.down))))
        let keep = store.configuration.keep
        let now = now()
        try store.updateFeed(now: now) { feed in
            feed.snapshots.append(entry)
            if let tag = options.tag { feed.tags[tag] = manifest.uuid }
            let current = feed.snapshots.last { !$0.activation.hold && $0.activation.notBefore <= now }?.uuid
            // The next one to become due stays as well: with a delay longer than what `keep` spans, none ever would be.
            let next = feed.snapshots.first { !$0.activation.hold && $0.activation.notBefore > now }?.uuid
            // An embargoed snapshot stays, however many follow it before its lift.
            let held = feed.snapshots.filter(\.activation.hold).map(\.uuid)
            let protected = Set(feed.tags.values).union(held).union(feed.snapshots.suffix(keep).map(\.uuid))
                .union([current, next].compactMap { $0 })
            feed.snapshots.removeAll { !protected.contains($0.uuid) }
        }
        try store.activateDue(now: now)
        try TreeKeeper(store: store, progress: progress).removeExpired()
    }

    private func tagAndActivate(_ tag: String?, _ snapshot: SnapshotID?) throws {
        try store.updateFeed(now: now()) { feed in
            if let tag, let snapshot { feed.tags[tag] = snapshot }
        }
        try store.activateDue(now: now())
    }

    /// The index follows the feed: after a crash between the two, the next run finds the same change again.
    private func commit(
        _ changes: SourceChanges, _ files: FileTable, relinked: [Relinking] = [], _ index: SourceIndex,
        _ fingerprint: String, _ snapshot: Manifest?
    ) throws {
        var meta = ["rules": fingerprint]
        meta["snapshot"] = snapshot?.uuid.rawValue
        let isNew = try meta.contains { try index.meta($0.key) != $0.value }
        let others =
            changes.links.map { ($0.entry.path, SourceIndex.Row(link: $0.entry.target, status: $0.status)) }
            + changes.directories.map { ($0.path, SourceIndex.Row(directoryIsEmpty: $0.isEmpty)) }
        guard !files.isEmpty || !others.isEmpty || !changes.removed.isEmpty || !changes.refreshed.isEmpty || isNew
        else {
            return
        }
        let rows = files.sortedByPath().lazy.filter { files.digest(Int($0)) != nil }.map { file in
            (
                files.path(Int(file)),
                SourceIndex.Row(file: files.status(Int(file)), sha256: files.digest(Int(file)))
            )
        }
        // A row that is written takes the place of the one before.
        let removed = changes.removed.lazy.map(\.path).filter { path in
            files.index(of: path).map { files.digest($0) == nil } ?? true
        }
        try index.apply(
            refreshed: changes.refreshed, removed: removed,
            set: [AnySequence(rows), AnySequence(others)].joined(), relinked: relinked, meta: meta)
    }

    var layoutPolicy: ShardLayout.Policy {
        ShardLayout.Policy(
            pieceLength: store.configuration.pieceLength, alignFrom: store.configuration.alignFrom)
    }

    private func removeLeftovers() throws {
        for name in try FileSystem.names(in: store.layout.trees) where name.hasSuffix(".partial") {
            try FileSystem.removeTree("\(store.layout.trees)/\(name)")
        }
    }
}
