internal import FileTree
internal import Metainfo
internal import SwarmCore

/// The trees of a store: the newest is made from an expired one where there is one, so that it costs the difference.
struct TreeKeeper {
    let store: SnapshotStore
    let progress: @Sendable (Publisher.Progress) -> Void

    /// Makes the tree of a snapshot, private still. `files` takes the status of each file that was linked from the source.
    ///
    /// - Parameter changes: what the snapshot changes in its parent.
    /// - Returns: what that did to files that have other names.
    func build(
        _ manifest: Manifest, _ changes: TreeChanges, contents: ContentPlaces, files: inout FileTable
    ) throws -> [Relinking] {
        let layout = store.layout
        let partial = "\(layout.tree(manifest.uuid)).partial"
        let spare = try spare(not: manifest.parent)
        if let spare {
            try FileSystem.rename(layout.tree(spare.uuid), to: partial)
            try FileSystem.remove(layout.snapshotLink(spare.uuid))
        } else {
            try FileSystem.makeDirectories(partial)
        }
        try FileSystem.setMode(partial, 0o700)
        let builder = try TreeBuilder(root: "\(partial)/\(manifest.set)")
        var placement = Placement(builder: builder, contents: contents)
        var relinkings: [Relinking] = []
        if let spare {
            relinkings = try change(spare, into: manifest, changes, &placement, &files)
        } else {
            try fill(manifest, &placement, &files)
        }
        // A name of an inode with several was given its status before the next one was linked.
        for index in files.indices where files.status(index).links > 2 {
            let status = try builder.status(files.path(index))
            guard let status, status.inode == files.status(index).inode else { continue }
            // Names of it that did not change are in no table.
            if let relinking = Relinking(before: contents.read.status(index), after: status) {
                relinkings.append(relinking)
            }
            files.setStatus(index, status)
        }
        // With what says of the snapshot what is in it.
        try FileSystem.syncAll(on: partial)
        if try FileSystem.status(store.layout.swarm)?.device != FileSystem.status(partial)?.device {
            try FileSystem.syncAll(on: store.layout.swarm)
        }
        try FileSystem.rename(partial, to: layout.tree(manifest.uuid))
        return relinkings
    }

    /// A new tree is filled range by range.
    private func fill(_ manifest: Manifest, _ placement: inout Placement, _ files: inout FileTable) throws {
        try compare(nil, manifest) { diff, target in
            for reference in diff.placed {
                try placement.place(TreeFile(target[reference.shard].file(reference.entry)), &files)
                report(placement.count, of: manifest.totals.files)
            }
            for directory in diff.addedDirectories { try placement.builder.makeDirectory(directory) }
            for link in diff.addedLinks { try placement.builder.symlink(link.target, at: link.path) }
        }
    }

    /// Over an older tree, all that goes has to go before anything comes. Returns what that did to files that were linked
    /// from the parent's tree.
    private func change(
        _ spare: Manifest, into manifest: Manifest, _ changes: TreeChanges, _ placement: inout Placement,
        _ files: inout FileTable
    ) throws -> [Relinking] {
        let lost = try store.lost().paths(of: spare.uuid)
        let recorded = lost.isEmpty ? try recorded(since: spare, before: manifest) : nil
        let difference: TreeChanges
        if var recorded {
            recorded.append(changes)
            difference = recorded
        } else {
            difference = try compared(spare, manifest)
        }
        let placed = difference.placedFiles.values.sorted { $0.path < $1.path }
        let contents = placement.contents
        let before = try placed.compactMap { file -> (path: String, status: FileStatus)? in
            let place = contents.place(file.path)
            return place.isInTree ? try place.status.map { (file.path, $0) } : nil
        }
        let builder = placement.builder
        // What it lost is gone already; the directories above may be empty now, unless something comes there.
        let filled = Set(placed.map { TreePath.directory(of: $0.path) })
        try builder.remove(
            files: lost.union(difference.removedFiles).sorted(), links: Array(difference.removedLinks),
            directories: difference.removedDirectories.sorted(by: >),
            adding: filled.union(difference.addedDirectories).sorted())
        for file in placed {
            try placement.place(file, &files)
            report(placement.count, of: placed.count)
        }
        for (path, target) in difference.addedLinks.sorted(by: { $0.key < $1.key }) {
            try builder.symlink(target, at: path)
        }
        return try before.compactMap { path, status in
            try builder.status(path).flatMap { Relinking(before: status, after: $0) }
        }
    }

    private func report(_ count: Int, of total: Int) {
        if count.isMultiple(of: 1000) { progress(.linking(files: count, of: total)) }
    }

    /// What changed between a snapshot and the parent of another one; nil when not all of it is on record.
    private func recorded(since old: Manifest, before new: Manifest) throws -> TreeChanges? {
        var records: [ChangeRecord] = []
        var snapshot = new.parent
        while let id = snapshot, id != old.uuid {
            guard let bytes = try FileSystem.contents(recordPath(id)),
                let record = ChangeRecord(bytes)
            else { return nil }
            records.append(record)
            snapshot = record.parent
        }
        guard snapshot != nil else { return nil }
        return records.reversed().reduce(into: TreeChanges()) { $0.append($1.changes) }
    }

    /// Puts on record what a snapshot changes in its parent. It is on the disk once the tree is built.
    func record(_ changes: TreeChanges, of manifest: Manifest) throws {
        guard let parent = manifest.parent else { return }
        try FileSystem.makeDirectories(store.recordsPath)
        try FileSystem.writeAtomically(
            ChangeRecord(parent: parent, changes: changes).encoded, to: recordPath(manifest.uuid), syncing: false)
    }

    private func recordPath(_ snapshot: SnapshotID) -> String { "\(store.recordsPath)/\(snapshot).changes" }

    /// What differs between two snapshots, from their torrents: where it is not on record, or the tree lacks files.
    private func compared(_ spare: Manifest, _ manifest: Manifest) throws -> TreeChanges {
        var changes = TreeChanges()
        try compare(spare, manifest) { diff, target in
            changes.removedFiles.formUnion(diff.removedFiles)
            for reference in diff.placed {
                let file = target[reference.shard].file(reference.entry)
                changes.placedFiles[file.path] = TreeFile(file)
            }
            changes.removedLinks.formUnion(diff.removedLinks)
            for link in diff.addedLinks { changes.addedLinks[link.path] = link.target }
            changes.removedDirectories.formUnion(diff.removedDirectories)
            changes.addedDirectories.formUnion(diff.addedDirectories)
        }
        return changes
    }

    /// Compares two snapshots, of which no more than one range is in memory.
    private func compare(_ spare: Manifest?, _ manifest: Manifest, _ body: (TreeDiff, [Torrent]) throws -> Void) throws
    {
        let all = try PathFilter.everything.compiled()
        let lost = try spare.map { try store.lost().paths(of: $0.uuid) } ?? []
        let old = spare?.shards ?? []
        // A tree that lacks files may lack them in shards that did not change.
        let sharing = lost.isEmpty ? Set(old.map(\.infoHash)).intersection(manifest.shards.map(\.infoHash)) : []
        for range in Manifest.ranges(old, manifest.shards, sharing: sharing) {
            let base = try range.base.map { try store.torrent($0) }
            let target = try range.target.map { try store.torrent($0) }
            let diff = TreeDiff(
                base: base, baseFilter: all,
                holds: lost.isEmpty ? nil : { !lost.contains(base[$0.shard].path($0.entry)) }, target: target,
                targetFilter: all, sharing: [])
            try body(diff, target)
        }
    }

    /// The newest tree that no live snapshot needs, with the manifest and the torrents that say what is in it.
    private func spare(not parent: SnapshotID?) throws -> Manifest? {
        try expired().lazy.filter { $0 != parent }.compactMap { try? store.manifest($0) }.filter { manifest in
            manifest.shards.allSatisfy { store.hasTorrent($0) }
        }.max { $0.serial < $1.serial }
    }

    private func expired() throws -> [SnapshotID] {
        let live = Set(try store.feed()?.feed.snapshots.map(\.uuid) ?? [])
        return try FileSystem.names(in: store.layout.trees).compactMap { SnapshotID($0) }.filter { !live.contains($0) }
    }

    /// Removes what no live snapshot needs, apart from one tree for the next snapshot to be made from.
    func removeExpired() throws {
        let layout = store.layout
        let spare = try spare(not: nil)
        for snapshot in try expired() {
            try FileSystem.remove(layout.snapshotLink(snapshot))
            if snapshot != spare?.uuid { try FileSystem.removeTree(layout.tree(snapshot)) }
        }
        let live = try store.feed()?.feed.snapshots.map(\.uuid) ?? []
        let kept = Set(live).union(spare.map { [$0.uuid] } ?? [])
        try store.updateLost { $0.keepOnly(kept) }
        var needed = Set<InfoHash>()
        var deltas = Set<String>()
        for snapshot in kept {
            for shard in try store.manifest(snapshot).shards {
                needed.insert(shard.infoHash)
                deltas.formUnion(shard.deltas.map { layout.delta(from: $0.from, to: $0.to) })
            }
        }
        for directory in [layout.manifests, store.recordsPath] where FileSystem.exists(directory) {
            for name in try FileSystem.names(in: directory) {
                guard let snapshot = SnapshotID(String(name.prefix(36))), !kept.contains(snapshot) else { continue }
                try FileSystem.remove("\(directory)/\(name)")
            }
        }
        for name in try FileSystem.names(in: layout.torrents) {
            guard let infoHash = InfoHash(hex: name.prefix(40)), !needed.contains(infoHash) else { continue }
            try FileSystem.remove("\(layout.torrents)/\(name)")
        }
        for name in try FileSystem.names(in: layout.deltas) where !deltas.contains("\(layout.deltas)/\(name)") {
            try FileSystem.remove("\(layout.deltas)/\(name)")
        }
    }
}

/// Puts the files of a new snapshot in their places: a reflink of the source where the file system can, so that a write in
/// place to the source does not reach the tree; else a hard link; else a copy.
private struct Placement {
    let builder: TreeBuilder
    let contents: ContentPlaces
    /// Files that were placed.
    private(set) var count = 0
    private var clones = true
    /// Where contents lie in the tree that were cloned: names of one inode stay that.
    private var cloned: [FileIdentity: String] = [:]

    init(builder: TreeBuilder, contents: ContentPlaces) {
        self.builder = builder
        self.contents = contents
    }

    /// `files` takes the status of a file that shares its inode with the source.
    mutating func place(_ file: TreeFile, _ files: inout FileTable) throws {
        count += 1
        let place = contents.place(file.path)
        guard place.isInTree else {
            if try !clone(file) { try linkFromSource(file, &files) }
            return
        }
        do { try link(file, place) } catch let error as FileError {
            // Somebody removed it from the parent's tree; the source has it as it was.
            guard error.isMissing else { throw error }
            try linkFromSource(file, &files)
        }
    }

    private mutating func clone(_ file: TreeFile) throws -> Bool {
        guard clones else { return false }
        let place = contents.sourcePlace(file.path)
        if let twin = cloned[file.identity], (try? builder.link(builder.location(twin), at: file.path)) != nil {
            return true
        }
        clones = try builder.clone(place.location, at: file.path, mtime: file.mtime, mode: file.mode)
        guard clones else { return false }
        try contents.check(place, try place.status, isLinked: true)
        cloned[file.identity] = file.path
        return true
    }

    private func linkFromSource(_ file: TreeFile, _ files: inout FileTable) throws {
        let place = contents.sourcePlace(file.path)
        guard try link(file, place) else { return }
        let status = try builder.status(file.path)
        try contents.check(place, status, isLinked: true)
        if let index = contents.read.index(of: file.path), let status { files.setStatus(index, status) }
    }

    /// Returns false when a copy had to do: on another file system, or one without hard links, or too many of them.
    @discardableResult
    private func link(_ file: TreeFile, _ place: ContentPlaces.Place) throws -> Bool {
        do {
            try builder.link(place.path, in: place.directory, at: file.path)
            return true
        } catch {
            guard Self.linkless.contains(error.errno) else { throw error }
            try builder.copy(place.location, at: file.path, mtime: file.mtime, mode: file.mode)
            try contents.check(place, try place.status, isLinked: true)
            return false
        }
    }

    /// EXDEV, EPERM, EMLINK, EOPNOTSUPP.
    private static let linkless: Set<Int32> = [18, 1, 31, 95]
}

/// A file before and after our own trees gave it names, or took names from it.
struct Relinking: Sendable {
    let before: FileStatus
    let after: FileStatus

    /// Nil when more than that happened to it.
    init?(before: FileStatus, after: FileStatus) {
        guard
            after.inode == before.inode, after.device == before.device, after.kind == before.kind,
            after.size == before.size, after.mtime == before.mtime, after.mode == before.mode
        else { return nil }
        self.before = before
        self.after = after
    }
}
