import Foundation
import Glibc

/// A connection to a daemon on this machine, for requests whose bytes are counted.
final class LocalConnection {
    let descriptor: Int32

    /// Connects to a Unix socket.
    init(socket path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < capacity else { throw BenchmarkError("\(path) is too long for a Unix socket") }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let code = withUnsafeBytes(of: &address) {
            connect(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
        }
        guard code == 0 else { throw BenchmarkError.system("connect", path) }
    }

    /// Connects to a port of 127.0.0.1.
    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopbackAddress(port)
        let code = withUnsafeBytes(of: &address) {
            connect(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
        }
        guard code == 0 else { throw BenchmarkError.system("connect", "127.0.0.1:\(port)") }
    }

    deinit { close(descriptor) }

    /// Sends a request without a body.
    func send(_ text: String) throws { try sendAll(Array(text.utf8), to: descriptor) }

    /// The body of an answer that ends with the connection.
    func body() throws -> [UInt8] {
        var answer = Data()
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { try Interruption.check() }
            guard count >= 0 else { throw BenchmarkError.system("read", "an answer") }
            if count == 0 { break }
            answer.append(contentsOf: buffer[..<count])
        }
        guard let end = answer.range(of: Data("\r\n\r\n".utf8)) else {
            throw BenchmarkError("the daemon gave no answer")
        }
        return Array(answer[end.upperBound...])
    }

    /// The status document of a daemon.
    static func status(socket path: String) throws -> [UInt8] {
        let connection = try LocalConnection(socket: path)
        try connection.send("GET /.swarm/status HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return try connection.body()
    }
}

/// 127.0.0.1 with a port.
func loopbackAddress(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
}

/// Sends all bytes; a connection that the other side has closed is an error, and no signal.
func sendAll(_ bytes: [UInt8], to descriptor: Int32) throws {
    var done = 0
    while done < bytes.count {
        let count = bytes.withUnsafeBytes {
            let rest = UnsafeRawBufferPointer(rebasing: $0[done...])
            return send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
        }
        if count < 0, errno == EINTR {
            try Interruption.check()
            continue
        }
        guard count > 0 else { throw BenchmarkError.system("send", "a request") }
        done += count
    }
}

/// A socket that listens at a port of 127.0.0.1 which the system chooses.
final class LoopbackListener {
    let descriptor: Int32
    let port: UInt16

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var address = loopbackAddress(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutableBytes(of: &address) { bytes -> Int32 in
            let pointer = bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            guard bind(descriptor, pointer, length) == 0, listen(descriptor, 64) == 0 else { return -1 }
            return getsockname(descriptor, pointer, &length)
        }
        port = UInt16(bigEndian: address.sin_port)
        guard code == 0 else { throw BenchmarkError.system("listen", "127.0.0.1") }
    }

    deinit { close(descriptor) }

    /// A port that was free just now, for programs that cannot choose one themselves.
    static func freePort() throws -> UInt16 { try LoopbackListener().port }
}
