/// Performs what a comparison of two snapshots asks for, in the tree of one of them. Every step may be repeated: after
/// a crash the same steps lead to the same tree. Blocking; one thread at a time.
public final class TreeBuilder {
    /// The directory that holds the snapshot's files.
    public let root: String
    private let directory: Directory
    /// Directories that are known to be real directories below the root. By bytes: two forms of one text are two names.
    private var known: Set<[UInt8]> = [[]]

    /// Makes the directory `root` if it is missing.
    public init(root: String) throws(FileError) {
        self.root = root
        try FileSystem.makeDirectories(root)
        directory = try Directory(root)
    }

    /// The place of `path` on the disk.
    public func location(_ path: String) -> String { "\(root)/\(path)" }

    /// Makes the directories above `path` that are missing. One that is a link, or a file, is an error: a snapshot's
    /// files never lie behind a link.
    public func makeParents(of path: String) throws(FileError) { try makeDirectory(Self.parent(path)) }

    /// Makes a directory with those above it.
    public func makeDirectory(_ path: String) throws(FileError) {
        let name = Array(path.utf8)
        guard !known.contains(name) else { return }
        try makeDirectory(Self.parent(path))
        // Most are there.
        if try directory.status(path)?.kind != .directory { try directory.makeOneDirectory(path) }
        known.insert(name)
    }

    /// A hard link at `path` to `existing`. If there is a file already it is exchanged, unless it is that very one.
    public func link(_ existing: String, at path: String) throws(FileError) {
        try makeParents(of: path)
        do { try directory.link(existing, at: path) } catch {
            guard error.isExisting else { throw error }
            try exchange(path, for: existing)
        }
    }

    /// The same for the file at `existing` in another directory.
    public func link(_ existing: String, in other: Directory, at path: String) throws(FileError) {
        try makeParents(of: path)
        do { try directory.link(existing, in: other, at: path) } catch {
            guard error.isExisting else { throw error }
            try exchange(path, for: other.location(existing))
        }
    }

    private func exchange(_ path: String, for existing: String) throws(FileError) {
        let (old, new) = (try directory.status(path), try FileSystem.status(existing))
        if let old, let new, old.inode == new.inode, old.device == new.device { return }
        // Beside the tree, where no file of it can be; in one step, as somebody may read what is exchanged.
        let exchange = "\(root).exchange"
        try FileSystem.remove(exchange)
        try FileSystem.link(existing, to: exchange)
        try FileSystem.rename(exchange, to: location(path))
    }

    /// Hard links at `paths` to what a directory has under the same paths. Returns the numbers of those that could not be
    /// made, for whatever reason. Throws `FileError`.
    public func link(_ paths: [String], from directory: String) throws -> [Int] {
        for path in paths { try makeParents(of: path) }
        guard let source = try? Directory(directory) else { return Array(paths.indices) }
        // The disk is waited for, as it is for removals.
        let parts = try Parallel.mapOnDisk(chunks: Array(paths.indices), smallest: 64) {
            [tree = self.directory] part in
            part.filter { index in
                do throws(FileError) {
                    try tree.link(paths[index], in: source, at: paths[index])
                    return false
                } catch { return true }
            }
        }
        return parts.flatMap { $0 }
    }

    /// A copy at `path` of `existing`, with its own time and mode.
    public func copy(_ existing: String, at path: String, mtime: Int64, mode: UInt32) throws(FileError) {
        try makeParents(of: path)
        try FileSystem.remove(location(path))
        try FileSystem.copy(existing, to: location(path), mode: mode)
        try FileSystem.setModificationTime(location(path), seconds: mtime)
    }

    /// A reflink at `path` of `existing`, with its own time and mode; false where the file system has none.
    public func clone(_ existing: String, at path: String, mtime: Int64, mode: UInt32) throws(FileError) -> Bool {
        try makeParents(of: path)
        try FileSystem.remove(location(path))
        guard try FileSystem.clone(existing, to: location(path), mode: mode) else { return false }
        try FileSystem.setModificationTime(location(path), seconds: mtime)
        return true
    }

    /// A symbolic link at `path`, instead of the file or link that is there.
    public func symlink(_ target: String, at path: String) throws(FileError) {
        try makeParents(of: path)
        if FileSystem.readLink(location(path)) == target { return }
        try FileSystem.remove(location(path))
        try FileSystem.symlink(target, at: location(path))
    }

    /// Unlinks a file or link; it is no error when it is gone.
    public func remove(_ path: String) throws(FileError) { try directory.remove(path) }

    /// The status of what is at `path`; nil when there is none.
    public func status(_ path: String) throws(FileError) -> FileStatus? { try directory.status(path) }

    /// Unlinks files and links, and removes directories that are empty then, or were: those above what went too, unless
    /// they are among `added`, which are made where they are missing. Throws `FileError`.
    ///
    /// - Parameter made: where symbolic links are to be made afterwards. In a repetition one may be there already: what was
    ///   below that name went before it was made, and what is below it now is elsewhere in the tree, and stays.
    public func remove(
        files: [String], links: [String], directories: [String], adding added: [String], linking made: [String] = []
    ) throws {
        let behind = Set(made.filter { FileSystem.readLink(location($0)) != nil }.map { Array($0.utf8) })
        func here(_ paths: [String]) -> [String] {
            behind.isEmpty ? paths : paths.filter { !Self.isBelow(behind, $0) }
        }
        let (names, directories) = (here(files + links), here(directories))
        // The disk is waited for at most of them.
        _ = try Parallel.mapOnDisk(chunks: names, smallest: 64) { [directory] paths in
            for path in paths {
                do throws(FileError) { try directory.remove(path) } catch {
                    // In a repetition, what took the name's place.
                    guard error.isDirectory else { throw error }
                }
            }
        }
        for path in directories { _ = try directory.removeEmptyDirectory(path) }
        try prune((names + directories).map { Self.parent($0) }, keeping: added)
        for path in added { try makeDirectory(path) }
    }

    /// Removes those of `directories`, and those above them, that hold nothing and are not in `kept`.
    public func prune(_ directories: some Sequence<String>, keeping kept: some Sequence<String>) throws(FileError) {
        // By bytes, like all that tells names apart.
        let kept = Set(kept.map { Array($0.utf8) })
        for path in Set(directories.map { Array($0.utf8) }) {
            var current = String(decoding: path, as: UTF8.self)
            while !current.isEmpty {
                let name = Array(current.utf8)
                guard !kept.contains(name) else { break }
                guard try directory.removeEmptyDirectory(current) else { break }
                known.remove(name)
                current = Self.parent(current)
            }
        }
    }

    private static func isBelow(_ names: Set<[UInt8]>, _ path: String) -> Bool {
        var current = parent(path)
        while !current.isEmpty {
            if names.contains(Array(current.utf8)) { return true }
            current = parent(current)
        }
        return false
    }

    private static func parent(_ path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        return String(path[..<slash])
    }
}
