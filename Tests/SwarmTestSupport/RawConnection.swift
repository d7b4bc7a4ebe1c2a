import Dispatch
import Glibc
public import SwarmCore
import Synchronization

/// A response as it came over the wire.
public struct RawResponse: Sendable {
    /// The status code.
    public var status: Int
    /// By lower-case name.
    public var headers: [String: String]
    /// Without a transfer coding.
    public var body: [UInt8]
    /// Length of head and body together.
    public var wireBytes: Int

    /// The body as text.
    public var text: String { String(decoding: body, as: UTF8.self) }
}

/// A connection that does not do what the test takes for granted.
public struct ClientFailure: Error {
    private let what: String
    private let number = errno

    /// With what was tried; the system's reason is taken along.
    public init(what: String) { self.what = what }
}

/// A blocking client over one plain socket, which shows what a library would hide: order, framing, connection ends.
/// Used on threads of `offload` only, by one at a time.
public final class RawConnection: Sendable {
    private let descriptor: CInt
    private let received = Mutex<[UInt8]>([])

    /// Connects to an IPv4 address.
    ///
    /// - Parameter receiveBuffer: the size of the socket's buffer; nil for the system's.
    public init(to endpoint: Endpoint, receiveBuffer: CInt? = nil) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        if var receiveBuffer {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBuffer, socklen_t(MemoryLayout<CInt>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = endpoint.port.bigEndian
        inet_pton(AF_INET, endpoint.host, &address.sin_addr)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw ClientFailure(what: "connect") }
        var timeout = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Connects to a Unix socket, whose path must fit into an address.
    public init(unix path: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw ClientFailure(what: "connect") }
    }

    deinit { close(descriptor) }

    /// Sends all of a text.
    public func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// Sends all of the bytes.
    public func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
            guard count > 0 else { throw ClientFailure(what: "send") }
            rest = rest.dropFirst(count)
        }
    }

    /// Sends one request and reads its response.
    public func request(_ target: String, _ headers: [String] = []) throws -> RawResponse {
        try request("GET", target, headers)
    }

    /// Sends one request and reads its response.
    public func request(_ method: String, _ target: String, _ headers: [String] = []) throws -> RawResponse {
        try send(Self.request(method, target, headers))
        return try response(isHead: method == "HEAD")
    }

    /// The text of a request without a body.
    public static func request(_ method: String, _ target: String, _ headers: [String] = []) -> String {
        (["\(method) \(target) HTTP/1.1", "Host: mirror"] + headers).joined(separator: "\r\n") + "\r\n\r\n"
    }

    /// Reads a head and leaves its body unread; returns the status.
    public func responseHead() throws -> Int {
        let line = String(decoding: try take(through: "\r\n\r\n"), as: UTF8.self).split(separator: " ")
        return line.dropFirst().first.flatMap { Int($0) } ?? 0
    }

    /// Reads one response by its Content-Length.
    public func response(isHead: Bool = false) throws -> RawResponse {
        var head = try take(through: "\r\n\r\n")
        let headLength = head.count
        head.removeLast(4)
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        let status = lines.first?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            headers[parts[0].lowercased()] = parts[1].drop { $0 == " " }.description
        }
        let length = isHead || status == 304 ? 0 : headers["content-length"].flatMap { Int($0) } ?? 0
        let body = try take(count: length)
        return RawResponse(status: status, headers: headers, body: body, wireBytes: headLength + body.count)
    }

    /// Whether the server has closed and nothing is left to read; waits for one of the two.
    public func isAtEnd() throws -> Bool {
        try received.withLock { $0.isEmpty ? try !fill(&$0) : false }
    }

    /// Reads up to the end of a text that is to come, however much that is.
    public func take(through mark: String) throws -> [UInt8] {
        let mark = Array(mark.utf8)
        return try received.withLock { buffer in
            var start = 0
            while true {
                if buffer.count >= mark.count {
                    for index in start...(buffer.count - mark.count)
                    where buffer[index..<index + mark.count].elementsEqual(mark) {
                        defer { buffer.removeFirst(index + mark.count) }
                        return Array(buffer[..<(index + mark.count)])
                    }
                    start = buffer.count - mark.count + 1
                }
                guard try fill(&buffer) else { throw ClientFailure(what: "end of stream in a head") }
            }
        }
    }

    private func take(count: Int) throws -> [UInt8] {
        try received.withLock { buffer in
            while buffer.count < count {
                guard try fill(&buffer) else { throw ClientFailure(what: "end of stream in a body") }
            }
            defer { buffer.removeFirst(count) }
            return Array(buffer[..<count])
        }
    }

    /// False at the end of the stream.
    private func fill(_ buffer: inout [UInt8]) throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count < 0, errno == EAGAIN { throw ClientFailure(what: "nothing came within 30 s") }
        // A reset ends the stream as well as an orderly end.
        guard count > 0 else { return false }
        buffer += chunk[..<count]
        return true
    }
}

/// Runs blocking code on a thread that the tasks of the tests do not need.
public func offload<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Result { try body() }) }
    }
}
