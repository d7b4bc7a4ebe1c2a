internal import FileTree
internal import Metainfo
internal import SwarmCore

/// The trees of a store: the newest is made from an expired one where there is one, so that it costs the difference.
struct TreeKeeper {
    let store: SnapshotStore
    let progress: @Sendable (Publisher.Progress) -> Void

    /// Makes the tree of a snapshot, private still. Returns the status of each file that was linked from the source.
    func build(
        _ manifest: Manifest, torrents: [InfoHash: Torrent], added: [String: HashedFile],
        locate: (String) -> String
    ) throws -> [String: FileStatus] {
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
        let diff = try difference(from: spare, to: manifest, torrents)
        for path in diff.diff.removedLinks + diff.diff.removedFiles { try builder.remove(path) }
        for path in diff.diff.removedDirectories { try FileSystem.removeEmptyDirectory(builder.location(path)) }
        try builder.prune(
            Set(
                (diff.diff.removedFiles + diff.diff.removedLinks + diff.diff.removedDirectories).map {
                    TreePath.directory(of: $0)
                }),
            keeping: Set(diff.diff.addedDirectories))
        for path in diff.diff.addedDirectories { try builder.makeDirectory(path) }
        var statuses: [String: FileStatus] = [:]
        for (count, reference) in diff.diff.placed.enumerated() {
            let file = diff.target[reference.shard].file(reference.entry)
            if let status = try place(file, builder, locate(file.path), added[file.path]) {
                statuses[file.path] = status
            }
            if count.isMultiple(of: 1000) { progress(.linking(files: count, of: diff.diff.placed.count)) }
        }
        for link in diff.diff.addedLinks { try builder.symlink(link.target, at: link.path) }
        try FileSystem.syncAll(on: partial)
        try FileSystem.rename(partial, to: layout.tree(manifest.uuid))
        return statuses
    }

    private func place(
        _ file: FileEntry, _ builder: TreeBuilder, _ location: String, _ hashed: HashedFile?
    ) throws -> FileStatus? {
        do {
            try builder.link(location, at: file.path)
        } catch {
            // Another file system, or one without hard links (or too many of them): a copy serves as well.
            guard Self.linkless.contains(error.errno) else { throw error }
            try builder.copy(location, at: file.path, mtime: file.mtime, mode: file.executable ? 0o555 : 0o444)
            if let hashed { try check(hashed, try FileSystem.status(location), at: location) }
            return nil
        }
        guard let hashed, let status = try FileSystem.status(builder.location(file.path)) else { return nil }
        try check(hashed, status, at: location)
        return status
    }

    private func check(_ hashed: HashedFile, _ status: FileStatus?, at location: String) throws {
        guard let status, status.inode == hashed.status.inode, status.size == hashed.status.size,
            status.mtime == hashed.status.mtime
        else {
            throw PublishingError(
                .changing,
                "\(location) changed after it was read; nothing was published. Run it again when the source holds still"
            )
        }
    }

    /// EXDEV, EPERM, EMLINK, EOPNOTSUPP.
    private static let linkless: Set<Int32> = [18, 1, 31, 95]

    private func difference(
        from spare: Manifest?, to manifest: Manifest, _ torrents: [InfoHash: Torrent]
    ) throws -> (diff: TreeDiff, target: [Torrent]) {
        let (old, new) = (Set(spare?.shards.map(\.infoHash) ?? []), Set(manifest.shards.map(\.infoHash)))
        let base = try (spare?.shards ?? []).filter { !new.contains($0.infoHash) }.map { try store.torrent($0) }
        let target = try manifest.shards.filter { !old.contains($0.infoHash) }
            .map { try torrents[$0.infoHash] ?? store.torrent($0) }
        let all = try PathFilter.everything.compiled()
        return (TreeDiff(base: base, baseFilter: all, target: target, targetFilter: all, sharing: []), target)
    }

    /// A tree that no live snapshot needs, with the manifest and the torrents that say what is in it.
    private func spare(not parent: SnapshotID?) throws -> Manifest? {
        for snapshot in try expired() where snapshot != parent {
            guard let manifest = try? store.manifest(snapshot) else { continue }
            if manifest.shards.allSatisfy({ FileSystem.exists(store.layout.compressedTorrent($0.infoHash)) }) {
                return manifest
            }
        }
        return nil
    }

    private func expired() throws -> [SnapshotID] {
        let live = Set(try store.feed()?.feed.snapshots.map(\.uuid) ?? [])
        return try FileSystem.names(in: store.layout.trees).compactMap { SnapshotID($0) }.filter { !live.contains($0) }
            .sorted()
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
        var needed = Set<InfoHash>()
        for snapshot in kept { needed.formUnion(try store.manifest(snapshot).shards.map(\.infoHash)) }
        for name in try FileSystem.names(in: layout.manifests) {
            guard let snapshot = SnapshotID(String(name.prefix(36))), !kept.contains(snapshot) else { continue }
            try FileSystem.remove("\(layout.manifests)/\(name)")
        }
        for name in try FileSystem.names(in: layout.torrents) {
            guard let infoHash = InfoHash(hex: name.prefix(40)), !needed.contains(infoHash) else { continue }
            try FileSystem.remove("\(layout.torrents)/\(name)")
        }
    }
}
