internal import Glibc

/// A system call on a path that failed.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was tried, as a verb: `link`, `read`.
    public let operation: String
    public let path: String
    /// The native code, `errno`.
    public let errno: Int32

    public init(_ operation: String, _ path: String, errno: Int32) {
        self.operation = operation
        self.path = path
        self.errno = errno
    }

    /// From the calling thread's `errno`.
    static func last(_ operation: String, _ path: String) -> FileError {
        FileError(operation, path, errno: Glibc.errno)
    }

    public var isMissing: Bool { errno == ENOENT }
    /// Whether a directory that was there is gone, or something else took its place.
    public var isReplaced: Bool { errno == ENOENT || errno == ENOTDIR || errno == ELOOP }
    public var isExisting: Bool { errno == EEXIST }
    public var isTooManyLinks: Bool { errno == EMLINK }
    public var isFull: Bool { errno == ENOSPC || errno == EDQUOT }

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
