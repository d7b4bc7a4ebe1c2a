internal import FileTree
internal import Metainfo
internal import SwarmCore
internal import Synchronization

extension Publisher {
    /// Reads what is not known from another name, and says what the change is. Returns the bytes that were read as well.
    func examine(_ changes: SourceChanges, _ index: SourceIndex) throws -> (SnapshotChange, bytesRead: Int64) {
        var change = SnapshotChange()
        change.files = changes.files
        let bytesRead = try findContents(&change, index)
        change.files.makeIndex()
        for (path, row) in changes.removed {
            switch row.kind {
            case .file:
                if let index = change.files.index(of: path), row.isPublished(as: change.files, index) {
                    change.files.set(index, .same)
                    continue
                }
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
        return (change, bytesRead)
    }

    private struct Inode: Hashable {
        let device: UInt64
        let number: UInt64

        init(_ status: FileStatus) {
            device = status.device
            number = status.inode
        }
    }

    /// Finds the contents of the files: in the index, by reading them, or by another name that was read.
    private func findContents(_ change: inout SnapshotChange, _ index: SourceIndex) throws -> Int64 {
        // What a tree links to keeps its inode; on another file system, an inode's number may be another file's.
        let device = try FileSystem.status(store.layout.trees)?.device
        var unread: [UInt32] = []
        var twins: [Inode: [UInt32]] = [:]
        for file in change.files.indices {
            let status = change.files.status(file)
            guard status.links > 1 else {
                unread.append(UInt32(file))
                continue
            }
            if !change.files.keepsInode(file), status.device == device,
                let digest = try index.digest(inode: status.inode, size: status.size, mtime: status.mtime)
            {
                change.files.set(file, .changed, digest)
                change.known.insert(digest)
            } else if twins[Inode(status)] != nil {
                twins[Inode(status)]?.append(UInt32(file))
            } else {
                twins[Inode(status)] = []
                unread.append(UInt32(file))
            }
        }
        let total = unread.reduce(0) { $0 + change.files.status(Int($1)).size }
        let counter = SharedCounter()
        let hasher = ContentHasher(
            source: store.configuration.source, layout: layoutPolicy,
            progress: { [progress] in progress(.hashing(bytes: counter.add($0), of: total)) })
        try read(unread, hasher, &change) { change, content in
            twins[Inode(content.status)]?.removeAll { twin in
                let status = change.files.status(Int(twin))
                guard status.size == content.status.size, status.mtime == content.status.mtime else { return false }
                change.files.set(Int(twin), .changed, content.sha256)
                change.known.insert(content.sha256)
                return true
            }
        }
        // The first name went, or was written to, after the scan: the others are read themselves.
        try read(twins.values.flatMap { $0 }, hasher, &change) { _, _ in }
        return counter.add(0)
    }

    private func read(
        _ files: [UInt32], _ hasher: ContentHasher, _ change: inout SnapshotChange,
        then: (inout SnapshotChange, HashedContent) -> Void
    ) throws {
        try hasher.hash(files, of: change.files) { file, content in
            guard let content else { return change.files.set(Int(file), .gone) }
            change.files.set(Int(file), .changed, content.sha256, status: content.status)
            if !content.pieces.isEmpty { change.largeFileHashes[content.sha256] = content.pieces }
            then(&change, content)
        }
    }

    /// An empty mount point, or a directory that was emptied by mistake, is not to become what all mirrors hold.
    func checkShrinkage(_ changes: SourceChanges, _ parent: Manifest?) throws {
        guard let before = parent?.totals.files, before > 0 else { return }
        let gone = changes.removed.count { $0.row.kind == .file }
        let after = before - gone + changes.files.count
        let limit = store.configuration.maxShrinkage
        guard after > 0, (before - after) * 100 <= before * limit || before < Self.smallTree else {
            throw PublishingError(
                .shrunk,
                "\(store.configuration.source) has \(after) files, and the newest snapshot has \(before): nothing was "
                    + "published. Is it mounted, and complete? If so, run it again with --force"
                    + (after > 0 ? ", or raise max-shrinkage = \(limit) in config.toml" : ""))
        }
    }

    /// Below this many files, a loss of some is nothing unusual.
    private static let smallTree = 20

    func deletions(_ changes: SourceChanges, added: FileTable) -> Manifest.Totals {
        changes.removed.reduce(into: Manifest.Totals()) { totals, item in
            guard item.row.kind == .file else { return }
            if added.index(of: item.path) == nil { totals.files += 1 }
            totals.bytes += item.row.size
        }
    }

    /// The paths that `--changes` or `notify` names, relative to the source.
    func relative(_ paths: [String]) throws -> [String] {
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
                throw PublishingError(.usage, "the path “\(path)” is \(fault), or not below \(source)")
            }
            return path
        }
    }
}

/// A sum that several threads add to.
final class SharedCounter: Sendable {
    private let value = Mutex<Int64>(0)

    /// The sum so far.
    var sum: Int64 { value.withLock { $0 } }

    /// The sum with `amount`.
    @discardableResult
    func add(_ amount: Int64) -> Int64 {
        value.withLock {
            $0 += amount
            return $0
        }
    }
}
