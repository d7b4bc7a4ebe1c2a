internal import CLinux
internal import Glibc

/// The system calls that building and switching trees needs, with errors that name the path. All of them block.
public enum FileSystem {
    /// The status of the file itself, not of what a link leads to; nil when there is none.
    public static func status(_ path: String) throws(FileError) -> FileStatus? {
        try DirectoryNumber.current.status(path, path)
    }

    /// Whether there is anything at `path`; a link counts whatever it leads to.
    public static func exists(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) == 0
    }

    /// Makes a directory and those above it that are missing.
    public static func makeDirectories(_ path: String, mode: UInt32 = 0o755) throws(FileError) {
        if mkdir(path, mode) == 0 { return }
        switch errno {
        case EEXIST:
            var info = stat()
            guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else {
                throw FileError("make the directory", path, errno: ENOTDIR)
            }
        case ENOENT:
            guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash != path.startIndex else {
                throw .last("make the directory", path)
            }
            try makeDirectories(String(path[..<slash]), mode: mode)
            guard mkdir(path, mode) == 0 || errno == EEXIST else { throw .last("make the directory", path) }
        default: throw .last("make the directory", path)
        }
    }

    /// Makes a directory; it is an error when there is something at `path`.
    public static func makeOneDirectory(_ path: String, mode: UInt32 = 0o755) throws(FileError) {
        try DirectoryNumber.current.makeDirectory(path, mode: mode, path)
    }

    /// A second name for the file `existing`; a symbolic link is not followed.
    public static func link(_ existing: String, to path: String) throws(FileError) {
        try DirectoryNumber.current.link(existing, to: path, in: .current, "\(path) to \(existing)")
    }

    /// Makes a symbolic link; it is an error when there is something at `path`.
    public static func symlink(_ target: String, at path: String) throws(FileError) {
        guard Glibc.symlink(target, path) == 0 else { throw .last("make the link", path) }
    }

    /// The text of a symbolic link; nil when there is none at `path`.
    public static func readLink(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &buffer, buffer.count)
        guard count >= 0 else { return nil }
        return String(validating: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// What a link's temporary name ends in: a character that no tag, snapshot or set may have in its name.
    public static let temporaryLinkSuffix = "~"

    /// Makes a symbolic link, or exchanges the one that is there, in one step: no reader finds none. It is made as `path`
    /// with `temporaryLinkSuffix` first, where a crash may leave it.
    public static func replaceLink(at path: String, target: String) throws(FileError) {
        let temporary = path + temporaryLinkSuffix
        try remove(temporary)
        try symlink(target, at: temporary)
        try rename(temporary, to: path)
    }

    /// Renames in one step; a file at `destination` is replaced.
    public static func rename(_ path: String, to destination: String) throws(FileError) {
        guard Glibc.rename(path, destination) == 0 else { throw .last("rename", "\(path) to \(destination)") }
    }

    /// Removes a file or link; it is no error when there is none.
    public static func remove(_ path: String) throws(FileError) {
        try DirectoryNumber.current.remove(path, path)
    }

    /// Removes a directory if it is empty; returns whether it is gone.
    @discardableResult
    public static func removeEmptyDirectory(_ path: String) throws(FileError) -> Bool {
        try DirectoryNumber.current.removeEmptyDirectory(path, path)
    }

    /// Removes a directory with all that is in it; it is no error when there is none. Links are not followed.
    public static func removeTree(_ path: String) throws(FileError) {
        guard let status = try status(path) else { return }
        guard status.kind == .directory else { return try remove(path) }
        for name in try names(in: path) { try removeTree("\(path)/\(name)") }
        guard rmdir(path) == 0 || errno == ENOENT else { throw .last("remove the directory", path) }
    }

    /// The names in a directory, without `.` and `..`, in no order. A name that is not UTF-8 is an error.
    public static func names(in path: String) throws(FileError) -> [String] {
        try Descriptor.directory(path).names()
    }

    /// Sets the permission bits; a link is followed.
    public static func setMode(_ path: String, _ mode: UInt32) throws(FileError) {
        guard chmod(path, mode) == 0 else { throw .last("set the mode of", path) }
    }

    /// Sets the time of the last change, in seconds since 1970; a link itself is changed, not what it leads to.
    public static func setModificationTime(_ path: String, seconds: Int64) throws(FileError) {
        let time = timespec(tv_sec: Int(seconds), tv_nsec: 0)
        var times = (time, time)
        let result = withUnsafePointer(to: &times) { pointer in
            pointer.withMemoryRebound(to: timespec.self, capacity: 2) {
                utimensat(AT_FDCWD, path, $0, AT_SYMLINK_NOFOLLOW)
            }
        }
        guard result == 0 else { throw .last("set the time of", path) }
    }

    /// The whole content of a small file; nil when there is none.
    public static func contents(_ path: String, limit: Int = 1 << 30) throws(FileError) -> [UInt8]? {
        let file: Descriptor
        do { file = try Descriptor.file(path) } catch {
            if error.isMissing { return nil }
            throw error
        }
        let size = Int(clamping: try file.status().size)
        guard size <= limit else { throw FileError("read", path, errno: EFBIG) }
        return try file.contents(atMost: size)
    }

    /// Writes a file under a temporary name, syncs it and renames it: readers see the old or the new, never a part.
    ///
    /// - Parameter syncing: false where the caller sees to it that the file is on the disk before anything says that it is.
    ///   (It is begun to be written, so that there is less to wait for by then.)
    public static func writeAtomically(
        _ bytes: [UInt8], to path: String, mode: UInt32 = 0o644, syncing: Bool = true
    ) throws(FileError) {
        let temporary = "\(path).new"
        do throws(FileError) {
            let file = try Descriptor.create(temporary, mode: mode)
            try file.write(bytes)
            // What the start of writing fails with, the sync will say.
            if syncing { try file.sync() } else { _ = swarm_start_writing(file.rawValue) }
            try rename(temporary, to: path)
        } catch {
            unlink(temporary)
            throw error
        }
        if syncing { try syncDirectory(of: path) }
    }

    /// Puts the names in the directory of `path` on the disk.
    public static func syncDirectory(of path: String) throws(FileError) {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex
        try Descriptor.directory(slash == path.startIndex ? "/" : String(path[..<slash])).sync()
    }

    /// Puts everything that was written on the file system of `path` on the disk.
    public static func syncAll(on path: String) throws(FileError) {
        let directory = try Descriptor.directory(path)
        guard swarm_syncfs(directory.rawValue) == 0 else { throw .last("sync the file system of", path) }
    }

    /// Bytes that this process can still write on the file system of `path`.
    public static func freeBytes(_ path: String) throws(FileError) -> Int64 {
        var info = statvfs()
        guard statvfs(path, &info) == 0 else { throw .last("read the free space of", path) }
        return Int64(info.f_bavail) * Int64(info.f_frsize)
    }

    /// Makes `path` a reflink of `source`: a file of its own that shares the data until one of them is written to. Returns
    /// false, and makes nothing, where the file system has no reflinks or the two are not on one. The destination must
    /// not exist.
    public static func clone(_ source: String, to path: String, mode: UInt32) throws(FileError) -> Bool {
        let input = try Descriptor.file(source)
        let output = try Descriptor.create(path, mode: 0o600, exclusive: true)
        guard swarm_clone_file(input.rawValue, output.rawValue) == 0 else {
            let error = FileError.last("clone", "\(source) to \(path)")
            unlink(path)
            if [EOPNOTSUPP, EXDEV, EINVAL, ENOTTY, ENOSYS, EPERM].contains(error.errno) { return false }
            throw error
        }
        guard fchmod(output.rawValue, mode) == 0 else {
            let error = FileError.last("set the mode of", path)
            unlink(path)
            throw error
        }
        return true
    }

    /// Copies a file's content and time, by reflink where the file system can and else by bytes. The destination must
    /// not exist.
    public static func copy(_ source: String, to path: String, mode: UInt32) throws(FileError) {
        let input = try Descriptor.file(source)
        let output = try Descriptor.create(path, mode: 0o600, exclusive: true)
        do throws(FileError) {
            let size = try input.status().size
            var done: Int64 = 0
            while done < size {
                // copy_file_range makes a reflink where it can, and copies in the kernel elsewhere.
                let count = swarm_copy_file_range(input.rawValue, output.rawValue, Int(min(size - done, 1 << 30)))
                if count < 0 {
                    if errno == EINTR { continue }
                    if done == 0, errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP {
                        try copyBytes(from: input, to: output)
                        break
                    }
                    throw FileError.last("copy", "\(source) to \(path)")
                }
                if count == 0 { break }
                done += Int64(count)
            }
            guard fchmod(output.rawValue, mode) == 0 else { throw FileError.last("set the mode of", path) }
        } catch {
            unlink(path)
            throw error
        }
    }

    private static func copyBytes(from input: borrowing Descriptor, to output: borrowing Descriptor) throws(FileError) {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var offset: Int64 = 0
        while true {
            let count = try input.read(into: &buffer, at: offset)
            if count == 0 { return }
            try output.write(Array(buffer[..<count]))
            offset += Int64(count)
        }
    }
}

extension Descriptor {
    /// The names in this directory, without `.` and `..`, in no order. A name that is not UTF-8 is an error.
    public func names() throws(FileError) -> [String] {
        let duplicate = dup(rawValue)
        guard duplicate >= 0, let stream = fdopendir(duplicate) else { throw .last("list", path) }
        defer { closedir(stream) }
        rewinddir(stream)
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw .last("list", path) }
                return names
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
            }
            guard let name else { throw FileError("take a name that is not UTF-8 in", path, errno: EILSEQ) }
            if name != ".", name != ".." { names.append(name) }
        }
    }

    /// The status of a name in this directory, links not followed; nil when it is gone.
    public func status(at name: String) throws(FileError) -> FileStatus? {
        try DirectoryNumber(rawValue: rawValue).status(name, "\(path)/\(name)")
    }
}
