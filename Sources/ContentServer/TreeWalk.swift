internal import Glibc

/// Opens names below a directory so that nothing outside of it can be reached: every component is opened from the
/// directory before it without following links, and links are resolved here, inside the tree only.
///
/// Blocking: runs on the file threads.
enum TreeWalk {
    /// Why a name was not opened.
    enum Failure: Error, Hashable {
        /// The top of the tree is not there.
        case noTree
        case notFound
        /// A link leads out of the tree.
        case outside
        /// Links lead to links without an end.
        case loop
        /// Neither a regular file nor a directory.
        case notRegular
        /// The server may not read it.
        case denied
        /// The system failed with this `errno`.
        case system(CInt)
    }

    /// What a name turned out to be.
    enum Opened: ~Copyable {
        case file(OwnedDescriptor, FileFacts)
        case directory(OwnedDescriptor)
    }

    static let longestLinkChain = 16
    /// The most components that one walk opens; links of a hostile tree can otherwise make it very long.
    static let longestWalk = 1024

    /// Opens the file or directory at `components` below the directory `root`.
    static func open(root: String, components: [[UInt8]]) throws(Failure) -> Opened {
        var directory = try openTop(root)
        // The names of the real directories between the top and `directory`.
        var passed: [[UInt8]] = []
        var pending = Array(components.reversed())
        var links = 0
        var steps = 0
        while let name = pending.popLast() {
            steps += 1
            guard steps <= longestWalk else { throw .loop }
            if name.elementsEqual("..".utf8) {
                // Only a link brings these. The parent is reached from the top again: what lies above an open
                // directory can change, its names below the top cannot lead out.
                guard passed.popLast() != nil else { throw .outside }
                pending.append(contentsOf: passed.reversed())
                passed = []
                directory = try openTop(root)
                continue
            }
            let isLast = pending.isEmpty
            let flags =
                isLast
                ? O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
                : openPathOnly | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
            let descriptor = openat(directory.number, cString(name), flags)
            if descriptor >= 0 {
                let opened = OwnedDescriptor(descriptor)
                if isLast { return try classify(opened) }
                passed.append(name)
                directory = opened
                continue
            }
            let error = errno
            // A link answers ELOOP, or ENOTDIR where a directory is asked for; so does a file in a path's middle.
            guard error == ELOOP || error == ENOTDIR else { throw failure(for: error) }
            guard let target = linkTarget(name, in: directory) else { throw .notFound }
            links += 1
            guard links <= longestLinkChain else { throw .loop }
            guard target.first != UInt8(ascii: "/") else { throw .outside }
            let parts = target.split(separator: UInt8(ascii: "/")).filter { !$0.elementsEqual(".".utf8) }
            pending.append(contentsOf: parts.reversed().map(Array.init))
        }
        let descriptor = openat(directory.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(for: errno) }
        return .directory(OwnedDescriptor(descriptor))
    }

    private static func openTop(_ root: String) throws(Failure) -> OwnedDescriptor {
        let descriptor = Glibc.open(root, openPathOnly | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            let failure = failure(for: errno)
            throw failure == .notFound ? .noTree : failure
        }
        return OwnedDescriptor(descriptor)
    }

    private static func classify(_ descriptor: consuming OwnedDescriptor) throws(Failure) -> Opened {
        var status = stat()
        guard fstat(descriptor.number, &status) == 0 else { throw failure(for: errno) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file(descriptor, FileFacts(status))
        case S_IFDIR: return .directory(descriptor)
        default: throw .notRegular
        }
    }

    private static func linkTarget(_ name: [UInt8], in directory: borrowing OwnedDescriptor) -> [UInt8]? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlinkat(directory.number, cString(name), &buffer, buffer.count)
        return count > 0 ? buffer[..<count].map { UInt8(bitPattern: $0) } : nil
    }

    private static func failure(for error: CInt) -> Failure {
        switch error {
        case ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP: .notFound
        case EACCES, EPERM: .denied
        case ENXIO: .notRegular
        default: .system(error)
        }
    }

    private static func cString(_ name: [UInt8]) -> [CChar] { name.map { CChar(bitPattern: $0) } + [0] }
}

/// The names of an open directory, and whether there were more than `limit`. Takes the descriptor over.
func entries(of directory: consuming OwnedDescriptor, limit: Int) -> (entries: [ListingEntry], isCut: Bool) {
    // The stream owns the descriptor from here on, when it could be made.
    let number = directory.release()
    guard let stream = fdopendir(number) else {
        close(number)
        return ([], false)
    }
    defer { closedir(stream) }
    var entries: [ListingEntry] = []
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in Array(bytes.prefix { $0 != 0 }) }
        if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { continue }
        guard entries.count < limit else { return (entries, true) }
        var status = stat()
        // The link itself is described, not what it leads to: that may lie outside.
        guard fstatat(number, name.map { CChar(bitPattern: $0) } + [0], &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            continue
        }
        let kind = status.st_mode & S_IFMT
        entries.append(
            ListingEntry(
                name: name, isDirectory: kind == S_IFDIR, size: kind == S_IFREG ? Int64(status.st_size) : nil,
                modified: HTTPDate(seconds: Int64(status.st_mtim.tv_sec))))
    }
    return (entries, false)
}
