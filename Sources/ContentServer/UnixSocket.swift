internal import Glibc

/// Makes listening Unix sockets.
enum UnixSocket {
    /// A bound stream socket at `path`, mode 0600. A socket that nobody listens at is replaced.
    static func bind(path: String) throws(ContentServerError) -> OwnedDescriptor {
        func failure(_ what: String) -> ContentServerError {
            ContentServerError(.cannotListen, "Cannot listen at the socket \(path): \(what)")
        }
        let slash = path.lastIndex(of: "/")
        let folder = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
        let number = open(folder, openPathOnly | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw failure("\(folder): \(message(of: errno)). Create the directory.") }
        let directory = OwnedDescriptor(number)
        // sun_path has 108 bytes; a longer path is reached through the open directory.
        let fits = path.utf8.count < capacity
        guard !name.isEmpty, var address = address(of: fits ? path : "/proc/self/fd/\(directory.number)/\(name)") else {
            throw failure("its name is empty or too long. Choose another.")
        }
        var status = stat()
        if fstatat(directory.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 {
            guard status.st_mode & S_IFMT == S_IFSOCK else {
                throw failure("something else is there. Move it away, or choose another path.")
            }
            let probe = OwnedDescriptor(socket(AF_UNIX, streamType, 0))
            if withSocketAddress(&address, { connect(probe.number, $0, $1) }) == 0 || errno == EAGAIN {
                throw failure("another process listens there. Stop it first.")
            }
            unlinkat(directory.number, name, 0)
        }
        let bound = OwnedDescriptor(socket(AF_UNIX, streamType, 0))
        // On Linux, a socket's mode before bind(2) is the mode of the name it makes: there is no moment at which
        // others could connect.
        guard bound.number >= 0, fchmod(bound.number, 0o600) == 0,
            withSocketAddress(&address, { Glibc.bind(bound.number, $0, $1) }) == 0
        else { throw failure(message(of: errno)) }
        return bound
    }

    private static let streamType =
        CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)

    private static var capacity: Int { MemoryLayout.size(ofValue: sockaddr_un().sun_path) }

    /// Nil when `path` does not fit.
    private static func address(of path: String) -> sockaddr_un? {
        guard path.utf8.count < capacity else { return nil }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return address
    }

    private static func withSocketAddress(
        _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt
    ) -> CInt {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
