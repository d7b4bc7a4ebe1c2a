internal import FileTree
internal import Metainfo
internal import SwarmCore

/// Finds and mends what a program did that wrote to a file of the source in place: trees of hard links share its inode.
struct TreeRepair {
    let store: SnapshotStore

    /// A file whose inode no longer holds the content that snapshots have it with.
    struct Damage {
        let path: String
        let inode: UInt64
        /// The content that it had.
        let digest: SHA256Digest
    }

    /// Looks at the parent's tree for what changed or went in the source: one status for each.
    func damage(_ changes: SourceChanges, _ read: FileTable, _ parent: Manifest?) throws -> [Damage] {
        guard let parent, let tree = try Directory.existing(store.layout.files(of: parent.uuid)) else { return [] }
        return try changes.removed.compactMap { path, row -> Damage? in
            guard row.kind == .file, let digest = row.sha256,
                let status = try tree.status(path), status.kind == .regular,
                status.inode == row.inode, !row.isCurrent(status)
            else { return nil }
            // Another time or mode alone is no damage.
            let content: SHA256Digest
            if let new = read.index(of: path), read.status(new).inode == row.inode, let digest = read.digest(new) {
                content = digest
            } else {
                content = try ContentHasher.digest(ofFileAt: tree.location(path))
            }
            return content == digest ? nil : Damage(path: path, inode: row.inode, digest: digest)
        }.sorted { $0.path < $1.path }
    }

    /// Takes the damaged inodes out of all trees, and puts files with the old content in their place where there are
    /// any; the rest is noted as lost. Returns how many files are. May be repeated after a crash.
    func repair(_ damage: [Damage]) throws -> Int {
        guard !damage.isEmpty else { return 0 }
        let inodes = Dictionary(grouping: damage, by: \.digest).mapValues { Set($0.map(\.inode)) }
        var bad: [(snapshot: SnapshotID, file: FileEntry)] = []
        var good: [SHA256Digest: [String]] = [:]
        for snapshot in try FileSystem.names(in: store.layout.trees).compactMap({ SnapshotID($0) }).sorted() {
            for file in try entries(of: snapshot, with: inodes) {
                let location = "\(store.layout.files(of: snapshot))/\(file.path)"
                guard let status = try FileSystem.status(location) else { continue }
                if inodes[file.sha256]?.contains(status.inode) == true {
                    bad.append((snapshot, file))
                } else {
                    good[file.sha256, default: []].append(location)
                }
            }
        }
        var lost: [(snapshot: SnapshotID, path: String)] = []
        for (snapshot, file) in bad where try !replace(file, of: snapshot, from: good[file.sha256] ?? []) {
            lost.append((snapshot, file.path))
        }
        try store.updateLost { record in
            for (snapshot, path) in lost { record.insert(path, of: snapshot) }
        }
        return lost.count
    }

    /// The files of a tree that have one of the contents. A tree without torrents is one that nobody needs.
    private func entries(of snapshot: SnapshotID, with contents: [SHA256Digest: Set<UInt64>]) throws -> [FileEntry] {
        guard let manifest = try? store.manifest(snapshot) else { return [] }
        return try manifest.shards.flatMap { shard -> [FileEntry] in
            guard store.hasTorrent(shard) else { return [] }
            let torrent = try store.torrent(shard)
            return torrent.files.filter { contents[torrent.sha256($0)] != nil }.map { torrent.file($0) }
        }
    }

    /// Returns whether there was a file to put in its place; otherwise the path is gone.
    private func replace(_ file: FileEntry, of snapshot: SnapshotID, from sources: [String]) throws -> Bool {
        let location = "\(store.layout.files(of: snapshot))/\(file.path)"
        for source in sources {
            guard try ContentHasher.digest(ofFileAt: source) == file.sha256 else { continue }
            // Beside the files, so that no reader of the tree sees it.
            let copy = "\(store.layout.tree(snapshot))/repaired"
            try FileSystem.remove(copy)
            try FileSystem.copy(source, to: copy, mode: file.executable ? 0o555 : 0o444)
            try FileSystem.setModificationTime(copy, seconds: file.mtime)
            try FileSystem.rename(copy, to: location)
            return true
        }
        try FileSystem.remove(location)
        return false
    }
}
