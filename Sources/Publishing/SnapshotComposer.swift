internal import FileTree
internal import Metainfo
internal import SwarmCore

/// What a snapshot changes, with contents known.
struct SnapshotChange: Sendable {
    /// New and changed files.
    var files = FileTable()
    /// Contents that nodes have from another name.
    var known: Set<SHA256Digest> = []
    /// SHA-1 of the pieces of large files, by content.
    var largeFileHashes: [SHA256Digest: [UInt8]] = [:]
    var removedFiles: [String] = []
    var addedLinks: [LinkEntry] = []
    var removedLinks: [String] = []
    var addedDirectories: [String] = []
    var removedDirectories: [String] = []
}

/// Turns the parent's shards and a change into the new snapshot's shards, one after the other. Shards that nothing touches
/// are not opened, and no more than three are in memory, but for those between which the cut moves: the next one is opened, and
/// the one before is written, while one is worked on.
struct SnapshotComposer {
    let set: SetName
    let rules: PriorityRules
    let layout: ShardLayout.Policy
    let cutPolicy: ShardCut.Policy
    let parent: Manifest?
    /// Whether the rules of priority are others than the parent's.
    let rulesChanged: Bool
    let load: @Sendable (Manifest.Shard) throws -> Torrent
    let pieceHasher: PieceHasher

    /// A shard of the new snapshot.
    enum Shard: Sendable {
        case unchanged(Manifest.Shard)
        /// With the shard that the parent has in its place.
        case changed(ShardCut.Key, EncodedShard, parent: (shard: Manifest.Shard, torrent: [UInt8])?)
    }

    /// Hands the shards to `emit` in the order of their keys; pieces are hashed here.
    func compose(_ change: SnapshotChange, emit: (Shard) throws -> Void) throws {
        var work = Composition(composer: self, change: change)
        try work.distribute()
        try work.recutIfDue()
        try work.finish(emit)
    }
}

private struct Composition {
    /// What changes in one shard.
    struct Part {
        /// Files of the change, by index.
        var files: [UInt32] = []
        var bytes: Int64 = 0
        /// All else; `added` has what comes from other shards.
        var change = ShardLayout.Change()
    }

    let composer: SnapshotComposer
    let change: SnapshotChange
    var cut: ShardCut
    var shards: [ShardCut.Key: Manifest.Shard] = [:]
    var parts: [ShardCut.Key: Part] = [:]
    /// Shards that were opened, and whose part is applied.
    var layouts: [ShardCut.Key: ShardLayout] = [:]
    var placed: Set<SHA256Digest> = []
    /// The parent's torrent that is being opened for the next shard.
    var ahead: (key: ShardCut.Key, torrent: Started<Torrent>)?

    init(composer: SnapshotComposer, change: SnapshotChange) {
        self.composer = composer
        self.change = change
        cut = composer.parent.map { ShardCut(shards: $0.shards) } ?? ShardCut()
        for shard in composer.parent?.shards ?? [] {
            shards[ShardCut.Key(start: shard.start, priority: shard.priority)] = shard
        }
    }

    /// Files of the new snapshot.
    private var total: Int {
        shards.values.reduce(0) { $0 + $1.totals.files } - change.removedFiles.count
            + change.files.indices.count { change.files.isChanged($0) }
    }

    private func key(_ path: String) -> ShardCut.Key { cut.key(path, composer.rules.priority(of: path)) }

    /// Finds the shard of each change.
    mutating func distribute() throws {
        let ordered = change.files.sortedByPath().filter { change.files.isChanged(Int($0)) }
        if shards.isEmpty, ordered.count > composer.cutPolicy.singleUpTo {
            let files = ordered.lazy.map { [files = change.files] index in
                (path: files.path(Int(index)), length: files.status(Int(index)).size)
            }
            cut = ShardCut(sorted: files, policy: composer.cutPolicy)
        }
        for index in ordered {
            let key = key(change.files.path(Int(index)))
            parts[key, default: Part()].files.append(index)
            parts[key]?.bytes += change.files.status(Int(index)).size
        }
        for path in change.removedFiles { parts[key(path), default: Part()].change.removed.insert(path) }
        for link in change.addedLinks { parts[key(link.path), default: Part()].change.addedLinks.append(link) }
        for path in change.removedLinks { parts[key(path), default: Part()].change.removedLinks.append(path) }
        for path in change.addedDirectories { parts[key(path), default: Part()].change.addedDirectories.append(path) }
        for path in change.removedDirectories {
            parts[key(path), default: Part()].change.removedDirectories.append(path)
        }
        if composer.rulesChanged { try reprioritize() }
    }

    /// Other rules: each file whose class is another one now leaves its place and gets a new one.
    private mutating func reprioritize() throws {
        let gone = Set(change.removedFiles)
        for (key, shard) in shards {
            let layout = ShardLayout(try composer.load(shard), policy: composer.layout)
            for var file in layout.files {
                let priority = composer.rules.priority(of: file.path)
                if gone.contains(file.path) {
                    parts[key, default: Part()].change.removed.insert(file.path)
                } else if priority != file.priority {
                    parts[key, default: Part()].change.removed.insert(file.path)
                    file.priority = priority
                    parts[cut.key(file.path, priority), default: Part()].change.added.append(file)
                    placed.insert(file.sha256)
                }
            }
            rehome(key, layout)
        }
    }

    /// Links and empty directories of a shard that are of another class now.
    private mutating func rehome(_ key: ShardCut.Key, _ layout: ShardLayout) {
        let changedLinks = Set(change.removedLinks + change.addedLinks.map(\.path))
        for (path, target) in layout.links {
            let home = cut.key(path, composer.rules.priority(of: path))
            guard home != key else { continue }
            parts[key, default: .init()].change.removedLinks.append(path)
            if !changedLinks.contains(path) {
                parts[home, default: .init()].change.addedLinks.append(LinkEntry(path: path, target: target))
            }
        }
        let changedDirectories = Set(change.removedDirectories + change.addedDirectories)
        for path in layout.emptyDirectories {
            let home = cut.key(path, composer.rules.priority(of: path))
            guard home != key else { continue }
            parts[key, default: .init()].change.removedDirectories.append(path)
            if !changedDirectories.contains(path) { parts[home, default: .init()].change.addedDirectories.append(path) }
        }
    }

    /// The shard's layout with its part applied, and the parent's torrent when there is one.
    private mutating func apply(_ key: ShardCut.Key) throws -> (layout: ShardLayout, parent: Torrent?) {
        let parent = try opened(ahead: key) ?? shards[key].map { try composer.load($0) }
        var layout =
            parent.map { ShardLayout($0, policy: composer.layout) } ?? ShardLayout(policy: composer.layout)
        guard var part = parts.removeValue(forKey: key) else { return (layout, parent) }
        part.change.added += part.files.compactMap { index in
            change.files.entry(Int(index), composer.rules.priority(of: change.files.path(Int(index))))
        }
        layout.apply(part.change, largeFileHashes: change.largeFileHashes) { file in
            change.known.contains(file.sha256) || !placed.insert(file.sha256).inserted
        }
        return (layout, parent)
    }

    /// Begins to open what the next shard is made from.
    private mutating func openAhead(of key: ShardCut.Key) {
        guard layouts[key] == nil, parts[key] != nil, let shard = shards[key] else { return }
        ahead = (key, Started { [load = composer.load] in try load(shard) })
    }

    private mutating func opened(ahead key: ShardCut.Key) throws -> Torrent? {
        guard let ahead, ahead.key == key else { return nil }
        self.ahead = nil
        return try ahead.torrent.result()
    }

    /// The same, kept for the shards between which the cut may move.
    private mutating func opened(_ key: ShardCut.Key) throws -> ShardLayout {
        if let layout = layouts[key] { return layout }
        let layout = try apply(key).layout
        layouts[key] = layout
        return layout
    }

    /// Moves the cut where a shard doubled or shrank, or where the whole set outgrew one torrent.
    mutating func recutIfDue() throws {
        let policy = composer.cutPolicy
        guard !shards.isEmpty else { return }
        if cut.isSharded, total >= policy.singleUpTo / 4 {
            for start in Set(parts.keys.map(\.start)).sorted() where mayMove(start) {
                let keys = Set(shards.keys).union(layouts.keys).union(parts.keys).filter { $0.start == start }.sorted()
                var files: [(path: String, length: Int64)] = []
                for key in keys { try files.append(contentsOf: opened(key).files.map { ($0.path, $0.length) }) }
                let weight = files.reduce(0) { $0 + ShardCut.weight($1.length, policy) }
                let moved: Bool
                if weight < ShardCut.joinBelow, !start.isEmpty {
                    cut.join(start)
                    moved = true
                } else {
                    moved = cut.splitIfDoubled(start, files: files, policy: policy)
                }
                if moved { try redistribute(keys) }
            }
        } else if cut.isSharded || total > policy.singleUpTo {
            let keys = Set(shards.keys).union(parts.keys).sorted()
            for key in keys { _ = try opened(key) }
            cut =
                cut.isSharded
                ? ShardCut()
                : ShardCut(files: layouts.values.flatMap { $0.files.map { ($0.path, $0.length) } }, policy: policy)
            try redistribute(layouts.keys.sorted())
        }
    }

    /// Whether a stretch may have doubled or shrunk, as far as can be said without opening it.
    private func mayMove(_ start: String) -> Bool {
        let policy = composer.cutPolicy
        var (files, bytes) = (0, Int64(0))
        for (key, shard) in shards where key.start == start {
            files += shard.totals.files
            bytes += shard.totals.bytes
        }
        for (key, part) in parts where key.start == start {
            files += part.files.count + part.change.added.count - part.change.removed.count
            bytes += part.bytes + part.change.added.reduce(0) { $0 + $1.length }
        }
        let least = Double(files) / Double(policy.shardFiles)
        return least + Double(bytes) / Double(policy.shardBytes) >= 2 || (least < ShardCut.joinBelow && !start.isEmpty)
    }

    /// Moves what lies in a shard that is no longer its own. Large files take their hashes along.
    private mutating func redistribute(_ keys: [ShardCut.Key]) throws {
        var arrivals: [ShardCut.Key: ShardLayout.Change] = [:]
        var hashes = change.largeFileHashes
        for key in keys {
            var layout = try opened(key)
            var departure = ShardLayout.Change()
            for file in layout.files {
                let home = cut.key(file.path, file.priority)
                if home != key {
                    departure.removed.insert(file.path)
                    arrivals[home, default: .init()].added.append(file)
                }
            }
            for (path, target) in layout.links {
                let home = cut.key(path, composer.rules.priority(of: path))
                if home != key {
                    departure.removedLinks.append(path)
                    arrivals[home, default: .init()].addedLinks.append(LinkEntry(path: path, target: target))
                }
            }
            for path in layout.emptyDirectories {
                let home = cut.key(path, composer.rules.priority(of: path))
                if home != key {
                    departure.removedDirectories.append(path)
                    arrivals[home, default: .init()].addedDirectories.append(path)
                }
            }
            for (digest, pieces) in layout.largeFileHashes(of: departure.removed) { hashes[digest] = pieces }
            layout.apply(departure, largeFileHashes: [:]) { _ in false }
            layouts[key] = layout
        }
        for (key, part) in arrivals.sorted(by: { $0.key < $1.key }) {
            var layout = try opened(key)
            layout.apply(part, largeFileHashes: hashes) { _ in false }
            layouts[key] = layout
        }
    }

    /// Hashes what is missing and writes the torrents.
    mutating func finish(_ emit: (SnapshotComposer.Shard) throws -> Void) throws {
        let keys = Set(shards.keys).union(parts.keys).union(layouts.keys).sorted()
        for (place, key) in keys.enumerated() {
            var parent: Torrent?
            var layout: ShardLayout
            if let opened = layouts.removeValue(forKey: key) {
                layout = opened
            } else if parts[key] != nil {
                (layout, parent) = try apply(key)
                if let next = keys[(place + 1)...].first(where: { parts[$0] != nil }) { openAhead(of: next) }
            } else {
                if let shard = shards[key] { try emit(.unchanged(shard)) }
                continue
            }
            guard !layout.isEmpty else { continue }
            layout.complete(try composer.pieceHasher.hash(layout.missingPieces))
            let torrent = layout.encoded(name: composer.set.rawValue)
            guard let shard = shards[key] else {
                try emit(.changed(key, torrent, parent: nil))
                continue
            }
            if shard.infoHash == torrent.infoHash {
                try emit(.unchanged(shard))
            } else {
                try emit(.changed(key, torrent, parent: (shard, try (parent ?? composer.load(shard)).bytes)))
            }
        }
    }
}
