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
        /// Files that are new or changed.
        public let filesChanged: Int
        /// Files that are gone or were replaced.
        public let filesRemoved: Int
        /// Files whose content changed under the same inode: the trees of earlier snapshots, which are hard links of it,
        /// hold the new content too.
        public let changedInPlace: [String]
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
        let index = try SourceIndex(store.indexPath)
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
        let changes = try options.changes.map { try scanner.look(at: try relative($0)) } ?? scanner.scan()

        let before = Set(parent?.shards.map(\.infoHash) ?? [])
        func report(
            _ manifest: Manifest?, changed: Bool, published: Bool = false, read: Int64 = 0, inPlace: [String] = []
        ) -> Report {
            let shards = manifest?.shards ?? []
            return Report(
                uuid: published ? manifest?.uuid : nil, serial: published ? manifest?.serial : nil,
                published: published,
                changed: changed, files: manifest?.totals.files ?? 0, bytes: manifest?.totals.bytes ?? 0,
                bytesRead: read,
                filesChanged: changes.files.count, filesRemoved: changes.removed.count { $0.row.kind == .file },
                changedInPlace: inPlace,
                torrents: shards.map {
                    .init(
                        infoHash: $0.infoHash, label: $0.label, files: $0.totals.files, bytes: $0.totals.bytes,
                        unchanged: before.contains($0.infoHash))
                },
                seconds: Double((ContinuousClock.now - started) / .milliseconds(1)) / 1000)
        }

        if parent != nil, changes.isEmpty, !rulesChanged, !options.force {
            if !options.dryRun {
                try commit(changes, [:], [:], index, fingerprint, parent)
                try tagAndActivate(options.tag, parent?.uuid)
            }
            return report(parent, changed: false)
        }

        let read = Mutex<Int64>(0)
        let (hashed, change) = try examine(changes, rules, index, read: read)
        let inPlace = inPlace(changes, hashed)
        progress(.composing)
        let parentTree = parent.map { store.layout.files(of: $0.uuid) }
        let added = Set(change.added.map(\.path))
        let locate: @Sendable (String) -> String = { path in
            added.contains(path) ? "\(configuration.source)/\(path)" : "\(parentTree ?? configuration.source)/\(path)"
        }
        var cutPolicy = ShardCut.Policy()
        cutPolicy.singleUpTo = configuration.singleUpTo
        cutPolicy.shardFiles = configuration.shardFiles
        let composer = SnapshotComposer(
            set: configuration.set, rules: rules,
            layout: .init(pieceLength: configuration.pieceLength, alignFrom: configuration.alignFrom),
            cutPolicy: cutPolicy, parent: parent, rulesChanged: rulesChanged, load: store.torrent,
            pieceHasher: PieceHasher(locate: locate))
        let shards = try composer.compose(change)

        var torrents: [InfoHash: Torrent] = [:]
        var entries: [Manifest.Shard] = []
        var compressed: [InfoHash: [UInt8]] = [:]
        for shard in shards {
            switch shard {
            case .unchanged(let entry): entries.append(entry)
            case .changed(let key, let torrent):
                let bytes = try Zstd.compress(torrent.bytes, level: 6)
                compressed[torrent.infoHash] = bytes
                torrents[torrent.infoHash] = torrent
                entries.append(
                    Manifest.Shard(
                        start: key.start, priority: key.priority, infoHash: torrent.infoHash,
                        torrent: Pinned(size: torrent.bytes.count, sha256: Digest.sha256(torrent.bytes)),
                        compressedSize: bytes.count, classes: torrent.classes))
            }
        }
        let total = read.withLock { $0 }
        if let parent, Set(entries.map(\.infoHash)) == before, !options.force {
            // Touched, or as it was before: the content is the parent's.
            if !options.dryRun {
                try commit(changes, hashed, [:], index, fingerprint, parent)
                try tagAndActivate(options.tag, parent.uuid)
            }
            return report(parent, changed: false, read: total)
        }

        var generator = SystemRandomNumberGenerator()
        let created = Date(timeIntervalSince1970: now().timeIntervalSince1970.rounded(.down))
        let manifest = Manifest(
            set: configuration.set, uuid: .random(using: &generator), serial: (parent?.serial ?? 0) + 1,
            parent: parent?.uuid, created: created, pieceLength: configuration.pieceLength, shards: entries,
            deleted: deletions(changes, added: added))
        guard !options.dryRun else { return report(manifest, changed: true, read: total, inPlace: inPlace) }

        let tree = try TreeKeeper(store: store, progress: progress).build(
            manifest, torrents: torrents, added: hashed, locate: locate)
        try write(manifest, torrents, compressed)
        try publish(manifest, options)
        try commit(changes, hashed, tree, index, fingerprint, manifest)
        return report(manifest, changed: true, published: true, read: total, inPlace: inPlace)
    }

    /// Reads what is not known from another name, and says what the change is.
    private func examine(
        _ changes: SourceChanges, _ rules: PriorityRules, _ index: SourceIndex, read: borrowing Mutex<Int64>
    ) throws -> ([String: HashedFile], SnapshotChange) {
        // What the parent's tree links to keeps its inode; on another file system, an inode's number may be another file's.
        let device = try FileSystem.status(store.layout.trees)?.device
        var known: [HashedFile] = []
        var unread: [SourceChanges.File] = []
        var twins: [UInt64: [SourceChanges.File]] = [:]
        for file in changes.files {
            let isNew = file.previous == nil || file.previous?.inode != file.status.inode
            if isNew, file.status.device == device,
                let digest = try index.digest(
                    inode: file.status.inode, size: file.status.size, mtime: file.status.mtime)
            {
                known.append(
                    HashedFile(path: file.path, status: file.status, sha256: digest, pieces: [], isKnown: true))
            } else if file.status.links > 1, twins[file.status.inode] != nil {
                twins[file.status.inode]?.append(file)
            } else {
                twins[file.status.inode] = []
                unread.append(file)
            }
        }
        let total = unread.reduce(0) { $0 + $1.status.size }
        let counter = SharedCounter()
        let hasher = ContentHasher(
            source: store.configuration.source,
            layout: .init(pieceLength: store.configuration.pieceLength, alignFrom: store.configuration.alignFrom),
            progress: { [progress] in progress(.hashing(bytes: counter.add($0), of: total)) })
        var hashed = try hasher.hash(unread)
        read.withLock { $0 = counter.add(0) }
        for file in hashed {
            for twin in twins[file.status.inode] ?? []
            where twin.status.size == file.status.size && twin.status.mtime == file.status.mtime {
                known.append(
                    HashedFile(
                        path: twin.path, status: twin.status, sha256: file.sha256, pieces: file.pieces, isKnown: true))
            }
        }
        hashed += known

        var change = SnapshotChange()
        for file in hashed {
            change.added.append(
                FileEntry(
                    path: file.path, length: file.status.size, mtime: file.status.mtimeSeconds,
                    executable: file.status.isExecutable, priority: rules.priority(of: file.path), sha256: file.sha256))
            if file.isKnown { change.known.insert(file.sha256) }
            if !file.pieces.isEmpty { change.largeFileHashes[file.sha256] = file.pieces }
        }
        for (path, row) in changes.removed {
            switch row.kind {
            case .file:
                change.removedFiles.append(path)
                if let digest = row.sha256 { change.known.insert(digest) }
            case .symlink: change.removedLinks.append(path)
            case .directory: if row.size == 0 { change.removedDirectories.append(path) }
            }
        }
        change.addedLinks = changes.links.map(\.entry)
        for directory in changes.directories {
            if directory.isEmpty { change.addedDirectories.append(directory.path) }
            if directory.wasEmpty, !directory.isEmpty { change.removedDirectories.append(directory.path) }
        }
        return (Dictionary(hashed.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first }), change)
    }

    private func inPlace(_ changes: SourceChanges, _ hashed: [String: HashedFile]) -> [String] {
        changes.files.compactMap { file in
            guard let previous = file.previous, previous.kind == .file, previous.inode == file.status.inode,
                previous.links > 1, let new = hashed[file.path], new.sha256 != previous.sha256
            else { return nil }
            return file.path
        }.sorted()
    }

    private func relative(_ paths: [String]) throws -> [String] {
        let source = store.configuration.source
        return try paths.map { path in
            var path = path
            if path == source { return "" }
            if path.utf8.starts(with: "\(source)/".utf8) {
                path = String(path.utf8.dropFirst(source.utf8.count + 1)) ?? ""
            }
            while path.utf8.starts(with: "./".utf8) { path = String(path.utf8.dropFirst(2)) ?? "" }
            while path.utf8.last == UInt8(ascii: "/") { path = String(path.utf8.dropLast()) ?? "" }
            if path.isEmpty || path == "." { return "" }
            if let fault = TreePath.fault(in: path) {
                throw PublishingError(.usage, "--changes: “\(path)” is \(fault), or not below \(source)")
            }
            return path
        }
    }

    private func deletions(_ changes: SourceChanges, added: Set<String>) -> Manifest.Totals {
        changes.removed.reduce(into: Manifest.Totals()) { totals, item in
            guard item.row.kind == .file else { return }
            if !added.contains(item.path) { totals.files += 1 }
            totals.bytes += item.row.size
        }
    }

    private func write(_ manifest: Manifest, _ torrents: [InfoHash: Torrent], _ compressed: [InfoHash: [UInt8]]) throws
    {
        let layout = store.layout
        for (infoHash, torrent) in torrents {
            try FileSystem.writeAtomically(
                torrent.withTrackers(store.configuration.trackers), to: layout.torrent(infoHash))
            try FileSystem.writeAtomically(compressed[infoHash] ?? [], to: layout.compressedTorrent(infoHash))
        }
        try FileSystem.writeAtomically(try Documents.encode(manifest), to: layout.manifest(manifest.uuid))
    }

    /// The moment from which the snapshot exists: the feed with it is signed.
    private func publish(_ manifest: Manifest, _ options: Options) throws {
        let bytes = try Documents.encode(manifest)
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
        _ changes: SourceChanges, _ hashed: [String: HashedFile], _ linked: [String: FileStatus], _ index: SourceIndex,
        _ fingerprint: String, _ snapshot: Manifest?
    ) throws {
        var rows = changes.refreshed.map { ($0.path, $0.row) }
        for (path, file) in hashed {
            rows.append((path, SourceIndex.Row(file: linked[path] ?? file.status, sha256: file.sha256)))
        }
        rows += changes.links.map { ($0.entry.path, SourceIndex.Row(link: $0.entry.target, status: $0.status)) }
        rows += changes.directories.map { ($0.path, SourceIndex.Row(directoryIsEmpty: $0.isEmpty)) }
        var meta = ["rules": fingerprint]
        meta["snapshot"] = snapshot?.uuid.rawValue
        let isNew = try meta.contains { try index.meta($0.key) != $0.value }
        guard !rows.isEmpty || !changes.removed.isEmpty || isNew else { return }
        try index.apply(removed: changes.removed.map(\.path), set: rows, meta: meta)
    }

    private func removeLeftovers() throws {
        for name in try FileSystem.names(in: store.layout.trees) where name.hasSuffix(".partial") {
            try FileSystem.removeTree("\(store.layout.trees)/\(name)")
        }
    }
}

/// A sum that several threads add to.
final class SharedCounter: Sendable {
    private let value = Mutex<Int64>(0)

    /// The sum with `amount`.
    func add(_ amount: Int64) -> Int64 {
        value.withLock {
            $0 += amount
            return $0
        }
    }
}
