internal import FileTree
internal import GRDB
internal import Metainfo
internal import SwarmCore

/// How the source differs from the index.
struct SourceChanges: Sendable {
    /// Files to publish anew.
    var files = FileTable()
    var links: [(entry: LinkEntry, status: FileStatus)] = []
    /// Directories whose row is new or changed, with whether they hold nothing.
    var directories: [(path: String, isEmpty: Bool, wasEmpty: Bool)] = []
    /// Rows to delete, each with what it was.
    var removed: [(path: String, row: SourceIndex.Row)] = []
    /// Files that are as they were, apart from times or counts that our own links changed.
    var refreshed = FileTable()
    /// Names that were looked at.
    var seen = 0

    mutating func append(_ other: SourceChanges) {
        files.append(other.files)
        links += other.links
        directories += other.directories
        removed += other.removed
        refreshed.append(other.refreshed)
        seen += other.seen
    }

    /// Whether nothing would be published.
    var isEmpty: Bool {
        files.isEmpty && links.isEmpty && removed.allSatisfy { $0.row.kind == .directory && $0.row.size != 0 }
            && directories.allSatisfy { $0.isEmpty == $0.wasEmpty }
    }
}

/// Compares the source with the index.
struct SourceScanner: Sendable {
    let source: String
    let index: SourceIndex
    let exclude: CompiledFilter
    /// Called now and then with the number of names seen so far; from any thread.
    let progress: @Sendable (Int) -> Void

    /// Looks at every name. Directories of one depth are shared out among the cores.
    func scan() throws -> SourceChanges {
        var result = SourceChanges()
        var level = [PendingDirectory(path: "", known: nil)]
        var reported = 0
        while !level.isEmpty {
            let directories = level
            let parts = try Parallel.map(chunks: directories) { chunk in
                try index.read { database in
                    var part = DirectoryComparison(scanner: self, database: database)
                    for directory in chunk { try part.compare(directory) }
                    return (part.changes, part.subdirectories)
                }
            }
            level = []
            for (changes, subdirectories) in parts {
                result.append(changes)
                level += subdirectories
            }
            if result.seen - reported > 10_000 {
                reported = result.seen
                progress(result.seen)
            }
        }
        return result
    }

    /// Looks only at the named paths, relative to the source; below a directory, at everything.
    func look(at paths: [String]) throws -> SourceChanges {
        var result = SourceChanges()
        var forms = NameForms(source: source)
        // Paths are compared by their bytes: to Swift, two compositions of one text are one.
        var parents: [[UInt8]: String] = [:]
        var done: Set<[UInt8]> = []
        var directories: Set<[UInt8]> = []
        let named = try paths.map { try settled($0, &directories) }
        if named.contains("") { return try scan() }
        let all = Set(named.map { Array($0.utf8) })
        for path in named
        where done.insert(Array(path.utf8)).inserted && !Self.hasAncestor(path, in: all) && isIncluded(path) {
            result.seen += 1
            let previous = try index.row(path)
            let found = try FileSystem.status("\(source)/\(path)")
            if previous == nil || found == nil || found?.kind == .directory || previous?.kind == .directory {
                let parent = TreePath.directory(of: path)
                parents[Array(parent.utf8)] = parent
            }
            guard let status = found else {
                if let previous { try remove(path, previous, from: &result) }
                continue
            }
            if previous == nil { try forms.check(path) }
            if status.kind == .directory {
                guard isIncluded(path, .directory) else {
                    if let previous { try remove(path, previous, from: &result) }
                    continue
                }
                var level = [PendingDirectory(path: path, known: nil)]
                while let next = level.popLast() {
                    try index.read { database in
                        var part = DirectoryComparison(scanner: self, database: database)
                        try part.compare(next)
                        result.append(part.changes)
                        level += part.subdirectories
                    }
                }
                // The rows of what it was are deleted before the new ones are written.
                if let previous, previous.kind != .directory { result.removed.append((path, previous)) }
            } else {
                if let previous, previous.kind == .directory {
                    try remove(path, previous, from: &result)
                    try compare(path, status, previous: nil, &result)
                } else {
                    try compare(path, status, previous: previous, &result)
                }
            }
        }
        try lookAtParents(Array(parents.values), &forms, &result)
        var seen: Set<[UInt8]> = []
        result.removed = result.removed.filter { seen.insert(Array($0.path.utf8)).inserted }
        return result
    }

    /// The path, or the first one above it that is no directory, or was none: then all that is there now counts.
    ///
    /// - Parameter known: directories that were looked at, and are and were some.
    private func settled(_ path: String, _ known: inout Set<[UInt8]>) throws -> String {
        var above: [String] = []
        var directory = TreePath.directory(of: path)
        while !directory.isEmpty, !known.contains(Array(directory.utf8)) {
            above.append(directory)
            directory = TreePath.directory(of: directory)
        }
        for directory in above.reversed() {
            guard try FileSystem.status("\(source)/\(directory)")?.kind == .directory else { return directory }
            if let row = try index.row(directory), row.kind != .directory { return directory }
            known.insert(Array(directory.utf8))
        }
        return path
    }

    private static func hasAncestor(_ path: String, in paths: Set<[UInt8]>) -> Bool {
        var directory = TreePath.directory(of: path)
        while !directory.isEmpty {
            if paths.contains(Array(directory.utf8)) { return true }
            directory = TreePath.directory(of: directory)
        }
        return false
    }

    /// Whether neither the path nor a directory above it is excluded.
    private func isIncluded(_ path: String) -> Bool {
        guard !exclude.isEverything else { return true }
        guard exclude.includes(path) else { return false }
        var current = TreePath.directory(of: path)
        while !current.isEmpty {
            guard exclude.includesDirectory(current) else { return false }
            current = TreePath.directory(of: current)
        }
        return true
    }

    /// Whether a name in a directory that is not excluded belongs to the tree.
    func isIncluded(_ path: String, _ kind: FileStatus.Kind) -> Bool {
        if exclude.isEverything { return true }
        return kind == .directory ? exclude.includesDirectory(path) : exclude.includes(path)
    }

    /// A name that came or went changes whether its directory, and those above it, are there and empty.
    private func lookAtParents(
        _ parents: [String], _ forms: inout NameForms, _ result: inout SourceChanges
    ) throws {
        var pending = parents
        var done: Set<[UInt8]> = []
        while let directory = pending.popLast() {
            guard !directory.isEmpty, done.insert(Array(directory.utf8)).inserted else { continue }
            pending.append(TreePath.directory(of: directory))
            let previous = try index.row(directory)
            guard let status = try FileSystem.status("\(source)/\(directory)"), status.kind == .directory else {
                if let previous { try remove(directory, previous, from: &result) }
                continue
            }
            if previous == nil { try forms.check(directory) }
            let listing = try DirectoryListing("\(source)/\(directory)")
            let isEmpty = try !(0..<listing.count).contains { index in
                guard !exclude.isEverything, let name = listing.name(index) else { return true }
                return isIncluded(SourceIndex.join(directory, name), try listing.status(index)?.kind ?? .other)
            }
            let wasEmpty = previous.map { $0.kind == .directory && $0.size == 0 } ?? false
            if previous == nil || isEmpty != wasEmpty {
                result.directories.append((directory, isEmpty, wasEmpty))
            }
        }
    }

    private func remove(_ path: String, _ row: SourceIndex.Row, from result: inout SourceChanges) throws {
        result.removed.append((path, row))
        if row.kind == .directory { result.removed += try index.below(path) }
    }

    /// Compares one file or link with its row.
    func compare(
        _ path: String, _ status: FileStatus, previous: SourceIndex.Row?, _ changes: inout SourceChanges
    ) throws {
        switch status.kind {
        case .regular:
            if let previous, previous.kind == .file, previous.isCurrent(status) {
                if previous.ctime != status.ctime || previous.links != status.links {
                    changes.refreshed.append(path, status, keepsInode: true)
                }
                return
            }
            if let previous { changes.removed.append((path, previous)) }
            changes.files.append(
                path, status, keepsInode: previous?.kind == .file && previous?.inode == status.inode)
        case .symlink:
            guard let target = FileSystem.readLink("\(source)/\(path)") else { return }
            if let previous, previous.kind == .symlink, previous.target == target { return }
            guard TreePath.resolve(link: path, target: target) != nil else {
                throw PublishingError(
                    .unsafeLink,
                    "\(source)/\(path) is a symbolic link to \(target), which leads out of the tree; "
                        + "replace it, or exclude it in the configuration: exclude = [\"/\(path)\"]")
            }
            if let previous { changes.removed.append((path, previous)) }
            changes.links.append((LinkEntry(path: path, target: target), status))
        case .directory, .other:
            if let previous { changes.removed.append((path, previous)) }
            if status.kind == .other {
                throw PublishingError(
                    .unsupportedFile,
                    "\(source)/\(path) is a device, socket or pipe, which a mirror cannot hold; "
                        + "remove it, or exclude it in the configuration: exclude = [\"/\(path)\"]")
            }
        }
    }
}
