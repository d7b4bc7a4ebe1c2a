internal import Glibc

/// An advisory lock on a file that holds the process id of its owner. It ends with the process, however that ends.
public struct FileLock: ~Copyable, Sendable {
    /// Somebody else has it.
    public struct Held: Error, Sendable, CustomStringConvertible {
        /// The file that is locked.
        public let path: String
        /// What the owner wrote into the file: its process id and name.
        public let owner: String
        /// Who holds what, and what to do.
        public var description: String {
            "\(path) is held by \(owner.isEmpty ? "another process" : owner): stop that one first, or use another directory"
        }
    }

    private let file: Descriptor

    private init(_ file: consuming Descriptor) { self.file = file }

    // Closing alone would not do while a child that was just forked still has the descriptor.
    deinit { flock(file.rawValue, LOCK_UN) }

    /// Takes the lock; throws `Held` at once when it is taken, unless `waiting`. `owner` is written for others to read.
    public static func acquire(_ path: String, owner: String, waiting: Bool = false) throws -> FileLock {
        let number = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard number >= 0 else { throw FileError.last("open the lock", path) }
        let file = Descriptor(adopting: number, path: path)
        while flock(number, LOCK_EX | (waiting ? 0 : LOCK_NB)) != 0 {
            if errno == EINTR { continue }
            guard errno == EWOULDBLOCK else { throw FileError.last("lock", path) }
            let text = try? FileSystem.contents(path, limit: 4096)
            throw Held(path: path, owner: String(decoding: text ?? [], as: UTF8.self))
        }
        guard ftruncate(number, 0) == 0 else { throw FileError.last("write", path) }
        try file.write(Array("process \(getpid()) (\(owner))".utf8))
        return FileLock(file)
    }
}
