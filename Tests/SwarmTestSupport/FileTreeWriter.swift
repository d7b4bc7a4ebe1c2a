import Foundation
import Glibc

/// Writes files below a directory, as the source of a mirror changes. Paths are relative to `root`.
public struct FileTreeWriter: Sendable {
    /// The directory, which is made when it is missing.
    public let root: String

    /// A writer for `root`.
    public init(_ root: String) throws {
        self.root = root
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    }

    /// The place of `path` on the disk.
    public func location(_ path: String) -> String { "\(root)/\(path)" }

    /// Writes a file anew, as a careful archive does: under another name first, then renamed, so that the old inode
    /// stays as it is. The time is in seconds since 1970.
    public func write(_ path: String, _ bytes: [UInt8], mtime: Int = 1_700_000_000, executable: Bool = false) throws {
        try makeParent(path)
        let temporary = location(path) + ".writing"
        try Data(bytes).write(to: URL(fileURLWithPath: temporary))
        chmod(temporary, executable ? 0o755 : 0o644)
        try setTime(temporary, mtime)
        guard rename(temporary, location(path)) == 0 else { throw SystemCallFailure("rename", path) }
    }

    /// Writes a text; see the other `write`.
    public func write(_ path: String, _ text: String, mtime: Int = 1_700_000_000, executable: Bool = false) throws {
        try write(path, Array(text.utf8), mtime: mtime, executable: executable)
    }

    /// Makes a new file under its own name at once: for names that leave no room for a temporary one.
    public func create(_ path: String, _ bytes: [UInt8], mtime: Int = 1_700_000_000) throws {
        try makeParent(path)
        let descriptor = open(location(path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw SystemCallFailure("open", path) }
        defer { close(descriptor) }
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else { throw SystemCallFailure("write", path) }
        try setTime(location(path), mtime)
    }

    /// Overwrites bytes in place; time, size and inode stay as they are.
    public func damage(_ path: String, at offset: Int, _ bytes: [UInt8]) throws {
        var info = stat()
        let descriptor = open(location(path), O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0, fstat(descriptor, &info) == 0 else { throw SystemCallFailure("open", path) }
        defer { close(descriptor) }
        guard pwrite(descriptor, bytes, bytes.count, offset) == bytes.count else {
            throw SystemCallFailure("write", path)
        }
        let times = [info.st_mtim, info.st_mtim]
        guard futimens(descriptor, times) == 0 else { throw SystemCallFailure("futimens", path) }
    }

    /// Adds bytes to a file in place.
    public func append(_ path: String, _ bytes: [UInt8]) throws {
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: location(path)))
        defer { try? file.close() }
        try file.seekToEnd()
        try file.write(contentsOf: Data(bytes))
    }

    /// Sets a file's time.
    public func touch(_ path: String, mtime: Int) throws { try setTime(location(path), mtime) }

    /// Sets or takes away the executable bits.
    public func setExecutable(_ path: String, _ isExecutable: Bool) throws {
        guard chmod(location(path), isExecutable ? 0o755 : 0o644) == 0 else { throw SystemCallFailure("chmod", path) }
    }

    /// Removes a file, a link, or a directory with all that is in it.
    public func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: location(path)) }

    /// Renames a file or a directory.
    public func move(_ path: String, to destination: String) throws {
        try makeParent(destination)
        guard rename(location(path), location(destination)) == 0 else { throw SystemCallFailure("rename", path) }
    }

    /// Gives a file a second name.
    public func hardLink(_ path: String, to existing: String) throws {
        try makeParent(path)
        guard link(location(existing), location(path)) == 0 else { throw SystemCallFailure("link", path) }
    }

    /// Makes a symbolic link.
    public func symbolicLink(_ path: String, to target: String) throws {
        try makeParent(path)
        guard symlink(target, location(path)) == 0 else { throw SystemCallFailure("symlink", path) }
    }

    /// Makes a directory.
    public func makeDirectory(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: location(path), withIntermediateDirectories: true)
    }

    /// Makes a named pipe.
    public func makePipe(_ path: String) throws {
        try makeParent(path)
        guard mkfifo(location(path), 0o644) == 0 else { throw SystemCallFailure("mkfifo", path) }
    }

    private func makeParent(_ path: String) throws {
        // By bytes: a slash before a combining mark is another character.
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return }
        try makeDirectory(String(path[..<slash]))
    }

    private func setTime(_ location: String, _ seconds: Int) throws {
        let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
        guard utimensat(AT_FDCWD, location, times, AT_SYMLINK_NOFOLLOW) == 0 else {
            throw SystemCallFailure("utimensat", location)
        }
    }
}

/// A system call of a test that failed.
public struct SystemCallFailure: Error, CustomStringConvertible {
    /// The call, the path and the reason.
    public let description: String

    /// With the reason that `errno` gives.
    public init(_ call: String, _ path: String) {
        description = "\(call) of \(path): \(String(cString: strerror(errno)))"
    }
}
