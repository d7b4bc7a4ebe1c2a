internal import FileTree
internal import Metainfo
internal import SwarmCore

/// Where the contents of a new snapshot are: what was read just now in the source, all else in the parent's tree, which
/// nobody changes. Either is compared with what is known of it whenever it is used.
struct ContentPlaces: Sendable {
    /// Where one content is.
    struct Place {
        /// The source, or the parent's tree.
        let directory: Directory
        /// The path below it.
        let path: String
        /// Whether that is in the parent's tree, and not in the source.
        let isInTree: Bool

        /// The absolute path.
        var location: String { directory.location(path) }
        /// What is there now.
        var status: FileStatus? { get throws { try directory.status(path) } }
    }

    /// The source.
    private let source: Directory
    /// The parent's files; nil for a first snapshot.
    private let tree: Directory?
    /// What the parent's tree lacks.
    private let lost: Set<String>
    /// What was read.
    let read: FileTable
    let index: SourceIndex
    /// The status of a file that was written just before the whole source was compared with the index; nil when only
    /// parts of it were. What its file system has not changed since is as it was found then.
    let scanned: FileStatus?

    /// `source` and `tree` are the directories of the source and of the parent's files, of which the latter may be missing:
    /// then all is read in the source. Throws `FileError`.
    init(
        source: String, tree: String?, lost: Set<String>, read: FileTable, index: SourceIndex, scanned: FileStatus?
    ) throws {
        self.source = try Directory(source)
        self.tree = try tree.flatMap { try Directory.existing($0) }
        self.lost = lost
        self.read = read
        self.index = index
        self.scanned = scanned
    }

    /// Where a path of the new snapshot can be read.
    func place(_ path: String) -> Place {
        guard let tree, read.index(of: path) == nil, !lost.contains(path) else { return sourcePlace(path) }
        return Place(directory: tree, path: path, isInTree: true)
    }

    /// Where a path lies in the source.
    func sourcePlace(_ path: String) -> Place { Place(directory: source, path: path, isInTree: false) }

    /// Throws when a file is no longer the one whose content is known.
    ///
    /// - Parameter isLinked: whether a tree of ours was given the file, or lost it, since it was looked at: that changed
    ///   its ctime.
    func check(_ place: Place, _ status: FileStatus?, isLinked: Bool = false) throws {
        try check(place, status, isLinked: isLinked) { try index.row($0) }
    }

    /// The same for a file of `size` bytes, for those who check many in one transaction: `row` looks a path up in the index,
    /// where the file system does not say that the file is the one that the scan saw.
    func check(
        _ place: Place, _ status: FileStatus?, size: Int64, row: (String) throws -> SourceIndex.Row?
    ) throws {
        if place.isInTree, let status, isUntouched(status, size: size) { return }
        try check(place, status, isLinked: false, row: row)
    }

    /// Whether a file in the parent's tree is the one of `size` bytes that the scan saw, without a question to the index.
    func isUntouched(_ status: FileStatus, size: Int64) -> Bool {
        guard let scanned, scanned.device == status.device else { return false }
        return status.kind == .regular && status.size == size && status.ctime < scanned.ctime
    }

    private func check(
        _ place: Place, _ status: FileStatus?, isLinked: Bool, row: (String) throws -> SourceIndex.Row?
    ) throws {
        guard let status, try isKnown(place, status, isLinked, row) else {
            throw PublishingError(
                .changing,
                "\(place.location) changed after it was read; nothing was published. "
                    + "Run it again when the source holds still")
        }
    }

    private func isKnown(
        _ place: Place, _ status: FileStatus, _ isLinked: Bool, _ row: (String) throws -> SourceIndex.Row?
    ) throws -> Bool {
        let known = read.index(of: place.path).map { SourceIndex.Row(file: read.status($0), sha256: nil) }
        guard let row = try known ?? row(place.path) else { return false }
        if row.isCurrent(status) { return true }
        guard row.size == status.size else { return false }
        // Another inode than the source's is a copy of the tree's own, which nobody writes to.
        guard row.inode == status.inode else { return place.isInTree }
        if isLinked && row.mtime == status.mtime { return true }
        // Names of it came and went, and are as many as before: its content tells whether that was all.
        guard let digest = row.sha256 else { return false }
        return try ContentHasher.digest(ofFileAt: place.location) == digest
    }
}
