internal import CLinux
internal import Glibc

/// A directory that stays open: many calls on what lies below it are each spared the way to it, which for the files of a tree
/// is most of their way. It is the same directory still when it has another name. All calls block; any thread may make them.
public final class Directory: Sendable {
    private let descriptor: Descriptor

    /// Opens a directory; a link is followed.
    public init(_ path: String) throws(FileError) { descriptor = try Descriptor.directory(path) }

    /// Opens a directory; nil when there is none.
    public static func existing(_ path: String) throws(FileError) -> Directory? {
        do { return try Directory(path) } catch {
            if error.isMissing { return nil }
            throw error
        }
    }

    /// Where it was when it was opened.
    public var path: String { descriptor.path }

    private var number: DirectoryNumber { DirectoryNumber(rawValue: descriptor.rawValue) }

    /// The place on the disk of what is at `path` below.
    public func location(_ path: String) -> String { "\(self.path)/\(path)" }

    /// The status of what is at `path`, a link not followed; nil when there is none.
    public func status(_ path: String) throws(FileError) -> FileStatus? {
        try number.status(path, location(path))
    }

    /// Opens the regular file at `path`, as `Descriptor.file` does.
    public func file(_ path: String) throws(FileError) -> Descriptor {
        try Descriptor.file(path, in: number, below: self.path)
    }

    /// Makes a directory; it is an error when there is something at `path`.
    func makeOneDirectory(_ path: String) throws(FileError) {
        try number.makeDirectory(path, mode: 0o755, location(path))
    }

    /// A second name, at `path`, for the file at `existing` in another directory; a symbolic link is not followed.
    func link(_ existing: String, in other: Directory, at path: String) throws(FileError) {
        try number.link(existing, to: path, in: other.number, "\(location(path)) to \(other.location(existing))")
    }

    /// The same for a file whose absolute path is `existing`.
    func link(_ existing: String, at path: String) throws(FileError) {
        try number.link(existing, to: path, in: .current, "\(location(path)) to \(existing)")
    }

    /// Removes a file or link; it is no error when there is none.
    func remove(_ path: String) throws(FileError) { try number.remove(path, location(path)) }

    /// Removes a directory if it is empty; returns whether it is gone.
    func removeEmptyDirectory(_ path: String) throws(FileError) -> Bool {
        try number.removeEmptyDirectory(path, location(path))
    }
}

/// The number that a process has for an open directory, and system calls on paths from there. Each call is told how errors
/// are to name what it is on.
struct DirectoryNumber {
    let rawValue: Int32

    /// The process's own directory, from which relative paths go; absolute ones do not depend on it.
    static var current: DirectoryNumber { DirectoryNumber(rawValue: AT_FDCWD) }

    func status(_ path: String, _ location: @autoclosure () -> String) throws(FileError) -> FileStatus? {
        var info = stat()
        guard fstatat(rawValue, path, &info, AT_SYMLINK_NOFOLLOW) == 0 else {
            let code = errno
            if code == ENOENT || code == ENOTDIR { return nil }
            throw FileError("read the status of", location(), errno: code)
        }
        return FileStatus(info)
    }

    func makeDirectory(
        _ path: String, mode: UInt32, _ location: @autoclosure () -> String
    ) throws(FileError) {
        guard mkdirat(rawValue, path, mode) == 0 else {
            let code = errno
            throw FileError("make the directory", location(), errno: code)
        }
    }

    func link(
        _ existing: String, to path: String, in other: DirectoryNumber, _ names: @autoclosure () -> String
    ) throws(FileError) {
        guard linkat(other.rawValue, existing, rawValue, path, 0) == 0 else {
            let code = errno
            throw FileError("link", names(), errno: code)
        }
    }

    func remove(_ path: String, _ location: @autoclosure () -> String) throws(FileError) {
        guard unlinkat(rawValue, path, 0) != 0 else { return }
        let code = errno
        if code != ENOENT, code != ENOTDIR { throw FileError("remove", location(), errno: code) }
    }

    func removeEmptyDirectory(_ path: String, _ location: @autoclosure () -> String) throws(FileError) -> Bool {
        guard unlinkat(rawValue, path, AT_REMOVEDIR) != 0 else { return true }
        let code = errno
        if code == ENOENT { return true }
        if [ENOTEMPTY, EEXIST, ENOTDIR].contains(code) { return false }
        throw FileError("remove the directory", location(), errno: code)
    }
}
