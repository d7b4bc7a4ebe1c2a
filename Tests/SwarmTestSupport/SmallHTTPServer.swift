import Foundation
import Glibc
import Synchronization

/// An HTTP/1.1 server for tests, with bare sockets: it says exactly what it is told to say, lies and stalls included. Each
/// connection has a thread and carries one request.
public final class SmallHTTPServer: Sendable {
    /// What was asked for.
    public struct Request: Sendable {
        /// Percent-decoded, without the query.
        public let path: String
        /// As it was sent, without the question mark.
        public let query: String
        /// Names in lower case.
        public let headers: [String: String]
        /// The asker's address.
        public let client: String

        /// The bytes of a parameter of the query.
        public func parameter(_ name: String) -> [UInt8]? {
            for pair in query.split(separator: "&") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                if parts[0] == name { return SmallHTTPServer.decoded(parts.count > 1 ? String(parts[1]) : "") }
            }
            return nil
        }

        /// The range of bytes that is asked for.
        public var range: ClosedRange<Int>? {
            guard let text = headers["range"], text.hasPrefix("bytes=") else { return nil }
            let ends = text.dropFirst(6).split(separator: "-").compactMap { Int($0) }
            return ends.count == 2 && ends[0] <= ends[1] ? ends[0]...ends[1] : nil
        }
    }

    /// What is answered.
    public enum Reply: Sendable {
        /// A whole answer.
        case content(status: Int, [UInt8])
        /// An answer without a length that goes on until the asker hangs up.
        case endless
        /// The head and a first part of a body of `length` bytes; nothing follows until `stop`.
        case stalled(length: Int, [UInt8])
        /// The head, and then a byte of the body now and then, as long as the asker waits.
        case trickled(length: Int, [UInt8])
        /// Nothing at all, until the asker hangs up.
        case silence
        /// These bytes, and no HTTP.
        case garbage([UInt8])

        /// A body with the status 200.
        public static func ok(_ bytes: [UInt8]) -> Reply { .content(status: 200, bytes) }
        /// The status 404.
        public static let missing = Reply.content(status: 404, [])
    }

    /// Where it listens.
    public let port: UInt16
    private let listener: Int32
    private let open = Mutex<Set<Int32>?>([])

    /// Listens at a free port of `host` until `stop`.
    public init(host: String = "127.0.0.1", answer: @escaping @Sendable (Request) -> Reply) throws {
        signal(SIGPIPE, SIG_IGN)
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr(host)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 64) == 0
                    && getsockname(listener, address, &length) == 0
            }
        }
        guard bound else { throw SystemCallFailure("bind", host) }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in
            while true {
                var address = sockaddr_in()
                var length = socklen_t(MemoryLayout<sockaddr_in>.size)
                let connection = withUnsafeMutablePointer(to: &address) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        accept(listener, $0, &length)
                    }
                }
                guard connection >= 0 else { return }
                let client = String(cString: inet_ntoa(address.sin_addr))
                _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
                guard open.withLock({ $0?.insert(connection).inserted }) == true else { return _ = close(connection) }
                Thread.detachNewThread { [self] in
                    serve(connection, client, answer)
                    open.withLock { _ = $0?.remove(connection) }
                    close(connection)
                }
            }
        }
    }

    /// Hangs up everywhere.
    public func stop() {
        let connections = open.withLock { open in
            defer { open = nil }
            return open ?? []
        }
        shutdown(listener, Int32(SHUT_RDWR))
        for connection in connections { shutdown(connection, Int32(SHUT_RDWR)) }
    }

    /// The base URL, without a slash at the end.
    public var url: String { "http://127.0.0.1:\(port)" }

    private func serve(_ connection: Int32, _ client: String, _ answer: (Request) -> Reply) {
        guard let request = Self.read(connection, client) else { return }
        switch answer(request) {
        case .content(let status, let body):
            Self.send(connection, Self.head(status, "Content-Length: \(body.count)"))
            Self.send(connection, body)
        case .endless:
            Self.send(connection, Self.head(200, "Content-Type: text/plain"))
            let block = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 16)
            while Self.send(connection, block) {}
        case .stalled(let length, let part):
            Self.send(connection, Self.head(200, "Content-Length: \(length)"))
            Self.send(connection, part)
            Self.awaitEnd(connection)
        case .trickled(let length, let body):
            Self.send(connection, Self.head(200, "Content-Length: \(length)"))
            for byte in body {
                guard Self.send(connection, [byte]) else { return }
                // The pace is what is tested.
                usleep(200_000)
            }
            Self.awaitEnd(connection)
        case .silence: Self.awaitEnd(connection)
        case .garbage(let bytes): Self.send(connection, bytes)
        }
    }

    private static func awaitEnd(_ connection: Int32) {
        var byte: UInt8 = 0
        while recv(connection, &byte, 1, 0) > 0 {}
    }

    /// A peer that is gone is no signal.
    private static let sendFlags = Int32(MSG_NOSIGNAL)

    private static func head(_ status: Int, _ field: String) -> [UInt8] {
        Array("HTTP/1.1 \(status) Status\r\n\(field)\r\nConnection: close\r\n\r\n".utf8)
    }

    @discardableResult
    private static func send(_ connection: Int32, _ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, sendFlags) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    private static func read(_ connection: Int32, _ client: String) -> Request? {
        var bytes: [UInt8] = []
        while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            var byte: UInt8 = 0
            guard bytes.count < 1 << 16, recv(connection, &byte, 1, 0) == 1 else { return nil }
            bytes.append(byte)
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count == 3 else { return nil }
        let target = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let field = line.split(separator: ":", maxSplits: 1)
            if field.count == 2 { headers[field[0].lowercased()] = field[1].trimmingCharacters(in: .whitespaces) }
        }
        return Request(
            path: String(decoding: decoded(String(target[0])), as: UTF8.self),
            query: target.count > 1 ? String(target[1]) : "", headers: headers, client: client)
    }

    /// Percent-decoding. (Foundation's takes a name for a text, and loses a byte order mark at its beginning.)
    public static func decoded(_ text: String) -> [UInt8] {
        var result: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                result.append(value)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        return result
    }
}
