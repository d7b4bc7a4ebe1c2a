internal import Glibc

/// The names of a directory in the order of their bytes, in one block of memory; statuses are asked for one by one.
public final class DirectoryListing {
    /// The names, each ended by a NUL.
    private let names: [UInt8]
    private let starts: [UInt32]
    private let directory: Descriptor

    /// Lists the directory `path`. A link to one is an error, unless `followingLink` is true.
    public init(_ path: String, followingLink: Bool = false) throws(FileError) {
        let directory = try Descriptor.directory(path, followingLink: followingLink)
        let duplicate = dup(directory.rawValue)
        guard duplicate >= 0, let stream = fdopendir(duplicate) else { throw .last("list", path) }
        defer { closedir(stream) }
        var names: [UInt8] = []
        var starts: [UInt32] = []
        errno = 0
        while let entry = readdir(stream) {
            withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                let length = bytes.firstIndex(of: 0) ?? bytes.count
                let dot = UInt8(ascii: ".")
                if length == 1, bytes[0] == dot { return }
                if length == 2, bytes[0] == dot, bytes[1] == dot { return }
                starts.append(UInt32(names.count))
                names.append(contentsOf: bytes[..<length])
                names.append(0)
            }
            errno = 0
        }
        guard errno == 0 else { throw .last("list", path) }
        names.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            starts.sort { left, right in
                // The names end in NUL, so strcmp is the order of their bytes.
                strcmp(
                    UnsafeRawPointer(base + Int(left)).assumingMemoryBound(to: CChar.self),
                    UnsafeRawPointer(base + Int(right)).assumingMemoryBound(to: CChar.self)) < 0
            }
        }
        self.names = names
        self.starts = starts
        self.directory = directory
    }

    /// How many names there are, `.` and `..` left out.
    public var count: Int { starts.count }

    /// The bytes of a name.
    public func nameBytes(_ index: Int) -> ArraySlice<UInt8> {
        let start = Int(starts[index])
        var end = start
        while names[end] != 0 { end += 1 }
        return names[start..<end]
    }

    /// The name as text; nil when it is not UTF-8.
    public func name(_ index: Int) -> String? { String(validating: nameBytes(index), as: UTF8.self) }

    /// How the name compares with `other`: negative, zero or positive.
    public func compare(_ index: Int, _ other: UnsafeRawBufferPointer) -> Int {
        let name = nameBytes(index)
        let shared = min(name.count, other.count)
        let order = name.withUnsafeBytes { bytes in
            guard let left = bytes.baseAddress, let right = other.baseAddress else { return 0 }
            return Int(memcmp(left, right, shared))
        }
        return order != 0 ? order : name.count - other.count
    }

    /// The status of a name, links not followed; nil when it is gone meanwhile.
    public func status(_ index: Int) throws(FileError) -> FileStatus? {
        var info = stat()
        let result = names.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { base in
                fstatat(
                    directory.rawValue,
                    UnsafeRawPointer(base + Int(starts[index])).assumingMemoryBound(to: CChar.self), &info,
                    AT_SYMLINK_NOFOLLOW)
            } ?? -1
        }
        guard result == 0 else {
            if errno == ENOENT { return nil }
            throw .last("read the status of", "\(directory.path)/\(name(index) ?? "?")")
        }
        return FileStatus(info)
    }
}

extension Descriptor {
    /// The names of the directories in this one, links to directories left out, in no order. The kind comes with the name
    /// on most file systems, so that no other call is made for files. Names that are not UTF-8 are left out.
    func subdirectories() throws(FileError) -> [String] {
        let duplicate = dup(rawValue)
        guard duplicate >= 0, let stream = fdopendir(duplicate) else { throw .last("list", path) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw .last("list", path) }
                return names
            }
            let type = Int(entry.pointee.d_type)
            guard type == Int(DT_DIR) || type == Int(DT_UNKNOWN) else { continue }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
            }
            guard let name, name != ".", name != ".." else { continue }
            if type == Int(DT_UNKNOWN), try status(at: name)?.kind != .directory { continue }
            names.append(name)
        }
    }
}
