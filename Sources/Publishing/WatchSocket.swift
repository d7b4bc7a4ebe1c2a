internal import Dispatch
internal import FileTree
internal import Glibc
internal import SwarmCore

/// A connected or listening Unix socket. A request is one JSON document up to the end of what the client sends, and so
/// is the answer. Blocking.
struct WatchSocket: ~Copyable, Sendable {
    private let socket: Descriptor

    /// For a dispatch source.
    var rawValue: Int32 { socket.rawValue }

    /// More than a script will ever name at once, and a bound of the memory that it takes.
    private static let requestLimit = 64 << 20
    private static let patience = timeval(tv_sec: 30, tv_usec: 0)

    private init(_ socket: consuming Descriptor) { self.socket = socket }

    /// Listens at `path`, mode 0600. A socket that is there is replaced: the caller holds the lock of those who listen.
    static func listen(at path: String) throws(FileError) -> WatchSocket {
        let made = try unconnected(path)
        try FileSystem.remove(path)
        // On Linux, a socket's mode before bind(2) is that of the name it makes: nobody else can connect in between.
        guard fchmod(made.rawValue, 0o600) == 0, fcntl(made.rawValue, F_SETFL, O_NONBLOCK) == 0,
            try withAddress(path, { bind(made.rawValue, $0, $1) }) == 0,
            Glibc.listen(made.rawValue, 64) == 0
        else { throw FileError("listen at", path, errno: errno) }
        return made
    }

    /// Connects to who listens at `path`; nil when nobody does.
    static func connect(to path: String) throws(FileError) -> WatchSocket? {
        let made = try unconnected(path)
        do throws(FileError) {
            guard try withAddress(path, { Glibc.connect(made.rawValue, $0, $1) }) == 0 else {
                throw FileError("connect to", path, errno: errno)
            }
        } catch {
            if error.isMissing || error.errno == ECONNREFUSED { return nil }
            throw error
        }
        return made
    }

    private static func unconnected(_ path: String) throws(FileError) -> WatchSocket {
        let number = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw FileError("make a socket for", path, errno: errno) }
        return WatchSocket(Descriptor(adopting: number, path: path))
    }

    /// The address of a path of any length: sun_path has 108 bytes, so the directory is named by its descriptor.
    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(FileError) -> Int32 {
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex
        let directory = try Descriptor.directory(String(path[..<slash]))
        let short = "/proc/self/fd/\(directory.rawValue)\(path[slash...])"
        var address = sockaddr_un()
        guard short.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw FileError("name the socket", path, errno: ENAMETOOLONG)
        }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: short.utf8) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    /// The next client; nil when it went away again.
    func accept() -> WatchSocket? {
        let number = Glibc.accept(socket.rawValue, nil, nil)
        guard number >= 0 else { return nil }
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
        // A client that sends or takes nothing does not keep a thread.
        var patience = Self.patience
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(number, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
        }
        return WatchSocket(Descriptor(adopting: number, path: socket.path))
    }

    /// Sends a document, and that it was all.
    func send(_ value: some Encodable) throws {
        let bytes = try Documents.encode(value)
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(
                    socket.rawValue, $0.baseAddress.map { $0 + done }, bytes.count - done, Int32(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError("write to", socket.path, errno: errno)
            }
            done += count
        }
        shutdown(socket.rawValue, Int32(SHUT_WR))
    }

    /// All that the other side sends; nil when it is nothing.
    func receive<Value: Decodable>(_ type: Value.Type) throws -> Value? {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = recv(socket.rawValue, &buffer, buffer.count, 0)
            if count < 0 {
                if errno == EINTR { continue }
                throw FileError("read from", socket.path, errno: errno)
            }
            if count == 0 { break }
            bytes += buffer[..<count]
            guard bytes.count <= Self.requestLimit else { throw FileError("read from", socket.path, errno: EMSGSIZE) }
        }
        return bytes.isEmpty ? nil : try Documents.decode(type, from: bytes)
    }
}

/// Answers at the socket of a store until it is cancelled or released.
final class WatchListener: Sendable {
    private let path: String
    /// A dispatch source may be cancelled from any thread; its Swift interface does not say so.
    private nonisolated(unsafe) let source: any DispatchSourceRead
    private let connections = DispatchQueue(label: "swarm-publish.notify", attributes: .concurrent)

    /// Listens at `path`. `answer` is called for each request, several at a time.
    init(path: String, answer: @escaping @Sendable (WatchRequest) async -> WatchAnswer) throws(FileError) {
        let socket = try SharedSocket(WatchSocket.listen(at: path))
        self.path = path
        source = DispatchSource.makeReadSource(fileDescriptor: socket.socket.rawValue)
        source.setEventHandler { [connections] in
            guard let accepted = socket.socket.accept() else { return }
            let client = SharedSocket(accepted)
            connections.async {
                let request: WatchRequest
                do {
                    guard let received = try client.socket.receive(WatchRequest.self) else { return }
                    request = received
                } catch {
                    try? client.socket.send(WatchAnswer(error: "the request cannot be understood: \(error)"))
                    return
                }
                Task {
                    let reply = await answer(request)
                    // The client may be gone, which is its own affair.
                    connections.async { try? client.socket.send(reply) }
                }
            }
        }
        source.setCancelHandler { withExtendedLifetime(socket) {} }
        source.activate()
    }

    /// Listens no more. Requests that were taken are answered.
    func cancel() {
        source.cancel()
        try? FileSystem.remove(path)
    }

    deinit { source.cancel() }
}

/// Lets closures share a socket.
private final class SharedSocket: Sendable {
    let socket: WatchSocket

    init(_ socket: consuming WatchSocket) { self.socket = socket }
}

extension SnapshotStore {
    /// Where a running watch listens.
    var watchSocketPath: String { "\(layout.swarm)/watch.sock" }

    /// Asks the store's running watch. Blocking.
    public func ask(_ request: WatchRequest) throws -> WatchAnswer {
        let path = watchSocketPath
        guard let socket = try WatchSocket.connect(to: path) else {
            throw PublishingError(
                .watch,
                "no watch runs for \(directory): start swarm-publish watch --store \(directory), or publish with "
                    + "swarm-publish snapshot --store \(directory)")
        }
        try socket.send(request)
        guard let answer = try socket.receive(WatchAnswer.self) else {
            throw PublishingError(.watch, "the watch for \(directory) ended before it answered; see its log")
        }
        if let error = answer.error { throw PublishingError(.watch, error) }
        return answer
    }
}
