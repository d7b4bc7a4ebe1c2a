internal import FileTree
internal import Metainfo
internal import SwarmCore

/// What a snapshot changes, with contents known.
struct SnapshotChange: Sendable {
    var added: [FileEntry] = []
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

/// Turns the parent's shards and a change into the new snapshot's shards. Shards that nothing touches are not opened.
struct SnapshotComposer {
    let set: SetName
    let rules: PriorityRules
    let layout: ShardLayout.Policy
    let cutPolicy: ShardCut.Policy
    let parent: Manifest?
    /// Whether the rules of priority are others than the parent's.
    let rulesChanged: Bool
    let load: (Manifest.Shard) throws -> Torrent
    let pieceHasher: PieceHasher

    /// A shard of the new snapshot.
    enum Shard {
        case unchanged(Manifest.Shard)
        case changed(ShardCut.Key, Torrent)
    }

    /// The shards, in the order of their keys; pieces are hashed here.
    func compose(_ change: SnapshotChange) throws -> [Shard] {
        var work = Composition(composer: self, change: change)
        try work.distribute()
        try work.recutIfDue()
        return try work.finish()
    }
}

private struct Composition {
    let composer: SnapshotComposer
    let change: SnapshotChange
    var cut: ShardCut
    var shards: [ShardCut.Key: Manifest.Shard] = [:]
    var layouts: [ShardCut.Key: ShardLayout] = [:]
    var placed: Set<SHA256Digest> = []

    init(composer: SnapshotComposer, change: SnapshotChange) {
        self.composer = composer
        self.change = change
        cut = composer.parent.map { ShardCut(shards: $0.shards) } ?? ShardCut()
        for shard in composer.parent?.shards ?? [] {
            shards[ShardCut.Key(start: shard.start, priority: shard.priority)] = shard
        }
    }

    /// Applies the change to the shards that it falls into.
    mutating func distribute() throws {
        var parts: [ShardCut.Key: ShardLayout.Change] = [:]
        func key(_ path: String) -> ShardCut.Key { cut.key(path, composer.rules.priority(of: path)) }
        for file in change.added { parts[cut.key(file.path, file.priority), default: .init()].added.append(file) }
        for path in change.removedFiles { parts[key(path), default: .init()].removed.insert(path) }
        for link in change.addedLinks { parts[key(link.path), default: .init()].addedLinks.append(link) }
        for path in change.removedLinks { parts[key(path), default: .init()].removedLinks.append(path) }
        for path in change.addedDirectories { parts[key(path), default: .init()].addedDirectories.append(path) }
        for path in change.removedDirectories { parts[key(path), default: .init()].removedDirectories.append(path) }
        if composer.rulesChanged { try reprioritize(&parts) }
        for (key, part) in parts.sorted(by: { $0.key < $1.key }) { try apply(part, to: key) }
    }

    /// Other rules: each file whose class is another one now leaves its place and gets a new one.
    private mutating func reprioritize(_ parts: inout [ShardCut.Key: ShardLayout.Change]) throws {
        let gone = Set(change.removedFiles)
        for key in shards.keys {
            for var file in try open(key).files {
                let priority = composer.rules.priority(of: file.path)
                if gone.contains(file.path) {
                    parts[key, default: .init()].removed.insert(file.path)
                } else if priority != file.priority {
                    parts[key, default: .init()].removed.insert(file.path)
                    file.priority = priority
                    parts[cut.key(file.path, priority), default: .init()].added.append(file)
                    placed.insert(file.sha256)
                }
            }
            try rehome(key, &parts)
        }
    }

    /// Links and empty directories of a shard that are of another class now.
    private mutating func rehome(_ key: ShardCut.Key, _ parts: inout [ShardCut.Key: ShardLayout.Change]) throws {
        let layout = try open(key)
        let changedLinks = Set(change.removedLinks + change.addedLinks.map(\.path))
        for (path, target) in layout.links {
            let home = cut.key(path, composer.rules.priority(of: path))
            guard home != key else { continue }
            parts[key, default: .init()].removedLinks.append(path)
            if !changedLinks.contains(path) {
                parts[home, default: .init()].addedLinks.append(LinkEntry(path: path, target: target))
            }
        }
        let changedDirectories = Set(change.removedDirectories + change.addedDirectories)
        for path in layout.emptyDirectories {
            let home = cut.key(path, composer.rules.priority(of: path))
            guard home != key else { continue }
            parts[key, default: .init()].removedDirectories.append(path)
            if !changedDirectories.contains(path) { parts[home, default: .init()].addedDirectories.append(path) }
        }
    }

    private mutating func open(_ key: ShardCut.Key) throws -> ShardLayout {
        if let layout = layouts[key] { return layout }
        let layout =
            try shards[key].map { ShardLayout(try composer.load($0), policy: composer.layout) }
            ?? ShardLayout(policy: composer.layout)
        layouts[key] = layout
        return layout
    }

    private mutating func apply(_ part: ShardLayout.Change, to key: ShardCut.Key) throws {
        var layout = try open(key)
        layout.apply(part, largeFileHashes: change.largeFileHashes) { file in
            change.known.contains(file.sha256) || !placed.insert(file.sha256).inserted
        }
        layouts[key] = layout
    }

    /// Moves the cut where a shard doubled or shrank, or where the whole set outgrew one torrent.
    mutating func recutIfDue() throws {
        let policy = composer.cutPolicy
        let untouched = shards.filter { layouts[$0.key] == nil }.values.reduce(0) { $0 + $1.totals.files }
        let total = layouts.values.reduce(untouched) { $0 + $1.fileCount }
        if cut.isSharded, total >= policy.singleUpTo / 4 {
            for start in Set(layouts.keys.map(\.start)).sorted() {
                let keys = Set(shards.keys).union(layouts.keys).filter { $0.start == start }
                var files: [(path: String, length: Int64)] = []
                for key in keys { files += try open(key).files.map { ($0.path, $0.length) } }
                let weight = files.reduce(0) { $0 + ShardCut.weight($1.length, policy) }
                let moved: Bool
                if weight < ShardCut.joinBelow, !start.isEmpty {
                    cut.join(start)
                    moved = true
                } else {
                    moved = cut.splitIfDoubled(start, files: files, policy: policy)
                }
                if moved { try redistribute(keys.sorted()) }
            }
        } else if cut.isSharded || total > policy.singleUpTo {
            for key in shards.keys { _ = try open(key) }
            cut =
                cut.isSharded
                ? ShardCut()
                : ShardCut(files: layouts.values.flatMap { $0.files.map { ($0.path, $0.length) } }, policy: policy)
            try redistribute(layouts.keys.sorted())
        }
    }

    /// Moves what lies in a shard that is no longer its own. Large files take their hashes along.
    private mutating func redistribute(_ keys: [ShardCut.Key]) throws {
        var arrivals: [ShardCut.Key: ShardLayout.Change] = [:]
        var hashes = change.largeFileHashes
        for key in keys {
            var layout = try open(key)
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
            var layout = try open(key)
            layout.apply(part, largeFileHashes: hashes) { _ in false }
            layouts[key] = layout
        }
    }

    /// Hashes what is missing and writes the torrents.
    mutating func finish() throws -> [SnapshotComposer.Shard] {
        var result: [(ShardCut.Key, SnapshotComposer.Shard)] = []
        for (key, shard) in shards where layouts[key] == nil { result.append((key, .unchanged(shard))) }
        for (key, layout) in layouts where !layout.isEmpty {
            var layout = layout
            layout.complete(try composer.pieceHasher.hash(layout.missingPieces))
            let torrent = try Torrent(parsing: layout.encode(name: composer.set.rawValue))
            if let shard = shards[key], shard.infoHash == torrent.infoHash {
                result.append((key, .unchanged(shard)))
            } else {
                result.append((key, .changed(key, torrent)))
            }
        }
        return result.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
