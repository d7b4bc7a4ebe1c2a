internal import Glibc

/// A system call on a path that failed.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was tried, as a verb: `link`, `read`.
    public let operation: String
    /// With what it was tried.
    public let path: String
    /// The native code, `errno`.
    public let errno: Int32

    /// A failure with a code that is known.
    public init(_ operation: String, _ path: String, errno: Int32) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    /// From the calling thread's `errno`.
    static func last(_ operation: String, _ path: String) -> FileError {
        FileError(operation, path, errno: Glibc.errno)
    }

    /// Whether there is nothing of that name.
    public var isMissing: Bool { errno == ENOENT }
    /// Whether a directory that was there is gone, or something else took its place.
    public var isReplaced: Bool { errno == ENOENT || errno == ENOTDIR || errno == ELOOP }
    /// Whether something of that name is there already.
    public var isExisting: Bool { errno == EEXIST }
    /// Whether it is a directory, where something else was meant.
    public var isDirectory: Bool { errno == EISDIR }
    /// Whether the inode can take no further name.
    public var isTooManyLinks: Bool { errno == EMLINK }
    /// Whether the disk or a quota is full.
    public var isFull: Bool { errno == ENOSPC || errno == EDQUOT }

    /// What was tried, with what, why it failed, and what to do.
    public var description: String {
        let reason = String(cString: strerror(errno))
        let advice =
            switch errno {
            case ENOSPC, EDQUOT: "; free some space and try again"
            case EACCES, EPERM: "; check the owner and the mode of it and of the directories above"
            case EMFILE, ENFILE: "; raise the limit of open files"
            case EROFS: "; the file system is mounted read-only"
            default: ""
            }
        return "cannot \(operation) \(path): \(reason)\(advice)"
    }
}
