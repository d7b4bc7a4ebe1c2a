internal import CLinux
internal import Glibc

/// An open file or directory, closed when it goes out of scope.
public struct Descriptor: ~Copyable, Sendable {
    /// The number, valid as long as this value lives.
    public let rawValue: Int32
    private let name: String
    /// The directory that `name` is below; nil where that says it all.
    private let parent: String?

    /// For messages.
    public var path: String { parent.map { "\($0)/\(name)" } ?? name }

    /// Takes over an open descriptor, which nobody else may close.
    public init(adopting rawValue: Int32, path: String) {
        self.init(adopting: rawValue, path, below: nil)
    }

    private init(adopting rawValue: Int32, _ name: String, below parent: String?) {
        self.rawValue = rawValue
        self.name = name
        self.parent = parent
    }

    deinit { close(rawValue) }

    /// Opens a directory. A symbolic link in the last component is followed only when `followingLink` is true.
    public static func directory(_ path: String, followingLink: Bool = true) throws(FileError) -> Descriptor {
        let number = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (followingLink ? 0 : O_NOFOLLOW))
        guard number >= 0 else { throw .last("open", path) }
        return Descriptor(adopting: number, path: path)
    }

    /// Opens a directory below this one, without following a link.
    public func directory(at name: String) throws(FileError) -> Descriptor {
        let number = openat(rawValue, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { throw .last("open", "\(path)/\(name)") }
        return Descriptor(adopting: number, path: "\(path)/\(name)")
    }

    /// Opens a regular file for reading, without following a link in the last component. Where this process may say so,
    /// reading it does not change its time of access, which for small files is a good part of the work.
    public static func file(_ path: String) throws(FileError) -> Descriptor {
        try file(path, in: .current, below: nil)
    }

    /// The same for a path from an open directory, which messages call `parent`.
    static func file(_ path: String, in directory: DirectoryNumber, below parent: String?) throws(FileError)
        -> Descriptor
    {
        // Should the name be a pipe by now, the open must not wait for a writer.
        let flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
        var number = openat(directory.rawValue, path, flags | swarm_noatime())
        // The file is somebody else's.
        if number < 0, errno == EPERM { number = openat(directory.rawValue, path, flags) }
        guard number >= 0 else {
            let code = errno
            throw FileError("open", parent.map { "\($0)/\(path)" } ?? path, errno: code)
        }
        return Descriptor(adopting: number, path, below: parent)
    }

    /// Creates a file anew, or empties it.
    public static func create(_ path: String, mode: UInt32, exclusive: Bool = false) throws(FileError) -> Descriptor {
        let number = open(path, O_WRONLY | O_CREAT | (exclusive ? O_EXCL : O_TRUNC) | O_NOFOLLOW | O_CLOEXEC, mode)
        guard number >= 0 else { throw .last("create", path) }
        return Descriptor(adopting: number, path: path)
    }

    /// Creates a file without a name on the file system of a directory, for reading and writing; it is gone once it is closed.
    public static func nameless(in directory: String) throws(FileError) -> Descriptor {
        let number = open(directory, O_RDWR | swarm_tmpfile() | O_CLOEXEC, 0o600)
        guard number >= 0 else { throw .last("create a file in", directory) }
        return Descriptor(adopting: number, path: "\(directory)/(a file without a name)")
    }

    /// The status of what is open.
    public func status() throws(FileError) -> FileStatus {
        var info = stat()
        guard fstat(rawValue, &info) == 0 else { throw .last("read the status of", path) }
        return FileStatus(info)
    }

    /// Fills `buffer` from `offset`; returns how many bytes there were before the end of the file.
    public func read(into buffer: inout [UInt8], at offset: Int64) throws(FileError) -> Int {
        try read(into: &buffer, range: 0..<buffer.count, at: offset)
    }

    /// Fills a part of `buffer` from `offset`; returns how many bytes there were before the end of the file.
    public func read(into buffer: inout [UInt8], range: Range<Int>, at offset: Int64) throws(FileError) -> Int {
        var (count, fault): (Int, FileError?) = (0, nil)
        buffer.withUnsafeMutableBytes { bytes in
            do throws(FileError) {
                count = try read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[range]), at: offset)
            } catch { fault = error }
        }
        if let fault { throw fault }
        return count
    }

    /// The bytes of a stretch of the file, or what there is of them.
    public func contents(in stretch: Range<Int64>) throws(FileError) -> [UInt8] {
        try contents(atMost: Int(stretch.count), from: stretch.lowerBound)
    }

    /// The next `size` bytes from `offset`, or what there is of them. Memory is taken for all of them, and is not cleared first.
    func contents(atMost size: Int, from offset: Int64 = 0) throws(FileError) -> [UInt8] {
        var fault: FileError?
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            do throws(FileError) {
                count = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch { fault = error }
        }
        if let fault { throw fault }
        return bytes
    }

    private func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileError) -> Int {
        var done = 0
        while done < buffer.count {
            let count = pread(
                rawValue, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset) + off_t(done))
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("read", path)
            }
            done += count
        }
        return done
    }

    /// Reads the whole file, a block after the other; returns its length as it was read.
    @discardableResult
    public func forEachBlock(_ body: (Span<UInt8>) -> Void) throws(FileError) -> Int64 {
        var buffer = [UInt8](repeating: 0, count: Int(min(max(1, try status().size), 1 << 20)))
        var offset: Int64 = 0
        while true {
            let count = try read(into: &buffer, at: offset)
            if count == 0 { return offset }
            body(buffer.span.extracting(0..<count))
            offset += Int64(count)
        }
    }

    /// Bytes that are handed to the system at a time. For more at once, Linux takes larger pages, and where memory is full of
    /// other files it moves these about to get them, which takes several times as long as the copy.
    private static let writeSize = 128 << 10

    /// Writes all of `bytes` at the current position.
    public func write(_ bytes: [UInt8]) throws(FileError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(rawValue, $0.baseAddress.map { $0 + done }, min(bytes.count - done, Self.writeSize))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw .last("write", path)
            }
            done += count
        }
    }

    /// Puts the file's data on the disk.
    public func sync() throws(FileError) {
        guard fsync(rawValue) == 0 else { throw .last("sync", path) }
    }
}

/// What `lstat` says of a file.
public struct FileStatus: Hashable, Sendable {
    /// What a name stands for.
    public enum Kind: Sendable {
        case regular, directory, symlink, other
    }

    /// What the name stands for.
    public let kind: Kind
    /// Bytes.
    public let size: Int64
    /// Bytes that it takes on the disk; fewer than `size` where it has holes.
    public let allocated: Int64
    /// Nanoseconds since 1970.
    public let mtime: Int64
    /// Nanoseconds since 1970.
    public let ctime: Int64
    /// The number of the inode on its device.
    public let inode: UInt64
    /// The number of the file system.
    public let device: UInt64
    /// How many names the inode has.
    public let links: UInt64
    /// The permission bits.
    public let mode: UInt32

    /// Every part given.
    public init(
        kind: Kind, size: Int64, allocated: Int64, mtime: Int64, ctime: Int64, inode: UInt64, device: UInt64,
        links: UInt64, mode: UInt32
    ) {
        self.kind = kind
        self.size = size
        self.allocated = allocated
        self.mtime = mtime
        self.ctime = ctime
        self.inode = inode
        self.device = device
        self.links = links
        self.mode = mode
    }

    init(_ info: stat) {
        switch info.st_mode & S_IFMT {
        case S_IFREG: kind = .regular
        case S_IFDIR: kind = .directory
        case S_IFLNK: kind = .symlink
        default: kind = .other
        }
        size = Int64(info.st_size)
        allocated = Int64(info.st_blocks) * 512
        mtime = Self.nanoseconds(info.st_mtim)
        ctime = Self.nanoseconds(info.st_ctim)
        inode = UInt64(info.st_ino)
        device = UInt64(info.st_dev)
        links = UInt64(info.st_nlink)
        mode = UInt32(info.st_mode & 0o7777)
    }

    /// Times before 1678 and after 2261, which some file systems can hold, become the nearest that 64 bits can.
    private static func nanoseconds(_ time: timespec) -> Int64 {
        let (product, overflow) = Int64(time.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, carry) = product.addingReportingOverflow(Int64(time.tv_nsec))
        return overflow || carry ? (time.tv_sec < 0 ? .min : .max) : sum
    }

    /// Whole seconds, rounded down, as torrents hold them.
    public var mtimeSeconds: Int64 { Self.seconds(mtime) }
    /// Nanoseconds in whole seconds, rounded down.
    public static func seconds(_ nanoseconds: Int64) -> Int64 {
        nanoseconds >= 0 ? nanoseconds / 1_000_000_000 : (nanoseconds + 1) / 1_000_000_000 - 1
    }
    /// Whether anybody may execute the file.
    public var isExecutable: Bool { mode & 0o111 != 0 }
}
