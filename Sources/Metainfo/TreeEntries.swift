public import SwarmCore

/// A regular file of a snapshot, as its torrent's entry says it.
public struct FileEntry: Hashable, Sendable {
    /// From the set's root, components joined by `/`.
    public var path: String
    /// Bytes.
    public var length: Int64
    /// Seconds since 1970.
    public var mtime: Int64
    /// Whether it is executable.
    public var executable: Bool
    /// When it is fetched.
    public var priority: Priority
    /// SHA-256 of the content.
    public var sha256: SHA256Digest

    /// An entry of the given parts.
    public init(
        path: String, length: Int64, mtime: Int64, executable: Bool, priority: Priority, sha256: SHA256Digest
    ) {
        self.path = path
        self.length = length
        self.mtime = mtime
        self.executable = executable
        self.priority = priority
        self.sha256 = sha256
    }

    /// A number that is the same for files with equal paths, contents, times and modes, in this process and in no other.
    public var fingerprint: Int { Self.fingerprint(path: Array(path.utf8)[...], identity) }

    static func fingerprint(path: ArraySlice<UInt8>, _ identity: FileIdentity) -> Int {
        var hasher = Hasher()
        // unsafe: the bytes are read while the closure runs.
        unsafe path.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        hasher.combine(identity)
        return hasher.finalize()
    }

    /// What two files must share to share an inode.
    public var identity: FileIdentity { FileIdentity(sha256: sha256, mtime: mtime, executable: executable) }
}

/// Content, time and mode: two files that are equal in these may be hard links of one another.
public struct FileIdentity: Hashable, Sendable {
    /// SHA-256 of the content.
    public let sha256: SHA256Digest
    /// Seconds since 1970.
    public let mtime: Int64
    /// Whether it is executable.
    public let executable: Bool

    /// An identity of the given parts.
    public init(sha256: SHA256Digest, mtime: Int64, executable: Bool) {
        self.sha256 = sha256
        self.mtime = mtime
        self.executable = executable
    }
}

/// A directory that holds nothing.
public struct DirectoryEntry: Hashable, Sendable {
    /// From the set's root, components joined by `/`.
    public var path: String

    /// An entry of the given path.
    public init(path: String) { self.path = path }

    /// By bytes: a file system takes two forms of one text for two names, and Swift does not.
    public static func == (left: Self, right: Self) -> Bool { left.path.utf8.elementsEqual(right.path.utf8) }
    /// Of what is compared.
    public func hash(into hasher: inout Hasher) { hasher.combine(Array(path.utf8)) }
}

/// A symbolic link that stays inside the tree.
public struct LinkEntry: Hashable, Sendable {
    /// From the set's root, components joined by `/`.
    public var path: String
    /// The link's text, relative to the directory that it is in.
    public var target: String

    /// A link of the given parts.
    public init(path: String, target: String) {
        self.path = path
        self.target = target
    }

    /// By bytes, like directories.
    public static func == (left: Self, right: Self) -> Bool {
        left.path.utf8.elementsEqual(right.path.utf8) && left.target.utf8.elementsEqual(right.target.utf8)
    }

    /// Of what is compared.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(Array(path.utf8))
        hasher.combine(Array(target.utf8))
    }
}
