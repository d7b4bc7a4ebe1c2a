internal import FileTree
internal import Metainfo
internal import SwarmCore

/// Where the contents of a new snapshot are: what was read just now in the source, all else in the parent's tree, which
/// nobody changes. Either is compared with what is known of it whenever it is used.
struct ContentPlaces: Sendable {
    /// Where one content is.
    struct Place {
        /// An absolute path.
        let location: String
        /// Whether that is in the parent's tree, and not in the source.
        let isInTree: Bool
    }

    /// The source's directory.
    let source: String
    /// The directory of the parent's files; nil for a first snapshot.
    let tree: String?
    /// What the parent's tree lacks.
    let lost: Set<String>
    /// What was read.
    let read: FileTable
    let index: SourceIndex
    /// The status of a file that was written just before the whole source was compared with the index; nil when only
    /// parts of it were. What its file system has not changed since is as it was found then.
    var scanned: FileStatus?

    /// Whether the source is where a path's content is taken from.
    func isInSource(_ path: String) -> Bool { tree == nil || read.index(of: path) != nil || lost.contains(path) }

    /// Where a path of the new snapshot can be read.
    func place(_ path: String) -> Place {
        guard let tree, !isInSource(path) else { return Place(location: sourceLocation(path), isInTree: false) }
        return Place(location: "\(tree)/\(path)", isInTree: true)
    }

    /// Where a path of the new snapshot can be read, as an absolute path.
    func location(_ path: String) -> String { place(path).location }

    /// Where a path lies in the source.
    func sourceLocation(_ path: String) -> String { "\(source)/\(path)" }

    /// Throws when a file is no longer the one whose content is known.
    ///
    /// - Parameter isLinked: whether a tree of ours was given the file, or lost it, since it was looked at: that changed
    ///   its ctime.
    func check(_ path: String, _ status: FileStatus?, at location: String, isLinked: Bool = false) throws {
        try check(path, status, at: location, isLinked: isLinked) { try index.row($0) }
    }

    /// The same for a file of `size` bytes, for those who check many in one transaction: `row` looks a path up in the index,
    /// where the file system does not say that the file is the one that the scan saw.
    func check(
        _ path: String, _ status: FileStatus?, at place: Place, size: Int64,
        row: (String) throws -> SourceIndex.Row?
    ) throws {
        if place.isInTree, let status, isUntouched(status, size: size) { return }
        try check(path, status, at: place.location, isLinked: false, row: row)
    }

    /// Whether a file in the parent's tree is the one of `size` bytes that the scan saw, without a question to the index.
    func isUntouched(_ status: FileStatus, size: Int64) -> Bool {
        guard let scanned, scanned.device == status.device else { return false }
        return status.kind == .regular && status.size == size && status.ctime < scanned.ctime
    }

    private func check(
        _ path: String, _ status: FileStatus?, at location: String, isLinked: Bool,
        row: (String) throws -> SourceIndex.Row?
    ) throws {
        guard let status, try isKnown(path, status, at: location, isLinked, row) else {
            throw PublishingError(
                .changing,
                "\(location) changed after it was read; nothing was published. Run it again when the source holds still"
            )
        }
    }

    private func isKnown(
        _ path: String, _ status: FileStatus, at location: String, _ isLinked: Bool,
        _ row: (String) throws -> SourceIndex.Row?
    ) throws -> Bool {
        let known = read.index(of: path).map { SourceIndex.Row(file: read.status($0), sha256: nil) }
        guard let row = try known ?? row(path) else { return false }
        if row.isCurrent(status) { return true }
        guard row.size == status.size else { return false }
        // Another inode than the source's is a copy of the tree's own, which nobody writes to.
        guard row.inode == status.inode else { return !isInSource(path) }
        if isLinked && row.mtime == status.mtime { return true }
        // Names of it came and went, and are as many as before: its content tells whether that was all.
        guard let digest = row.sha256 else { return false }
        return try ContentHasher.digest(ofFileAt: location) == digest
    }
}
