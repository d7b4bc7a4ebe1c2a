import Foundation
import Glibc
import SwarmCore

/// Announces to a tracker at 127.0.0.1, as many clients at one address would: the peers differ by their ports.
struct TrackerClient {
    /// The swarms that are announced.
    struct Swarms {
        var torrents: Int
        var peers: Int

        var announces: Int { torrents * peers }

        /// The peers one after the other, each time of another torrent. (The port is never 0.)
        func announce(_ index: Int) -> (infoHash: [UInt8], port: UInt16) {
            let torrent = index % torrents
            var hash = [UInt8](repeating: 0x5a, count: 20)
            hash[0] = UInt8(truncatingIfNeeded: torrent >> 8)
            hash[1] = UInt8(truncatingIfNeeded: torrent)
            return (hash, UInt16(truncatingIfNeeded: 10_000 + index / torrents))
        }

        /// The info-hashes as hexadecimal lines.
        var list: String { (0..<torrents).map { Hex.encode(announce($0).infoHash) + "\n" }.joined() }
    }

    let port: UInt16
    let swarms: Swarms
    /// How many requests are under way at a time.
    private static let window = 64

    /// Announces every peer as one that starts, over UDP (BEP 15). Returns how many peers the answers named.
    func announceOverUDP() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var address = loopbackAddress(port)
        let code = withUnsafeBytes(of: &address) {
            connect(descriptor, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
        }
        // A datagram that is lost, which loopback hardly does, must not be waited for for ever.
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        guard code == 0 else { throw BenchmarkError.system("connect", "127.0.0.1:\(port)") }
        let hello = Self.bigEndian(UInt64(0x417_2710_1980)) + Self.bigEndian(UInt32(0)) + Self.bigEndian(UInt32(1))
        try sendAll(hello, to: descriptor)
        var buffer = [UInt8](repeating: 0, count: 4096)
        guard recv(descriptor, &buffer, buffer.count, 0) == 16 else {
            throw BenchmarkError("the tracker at 127.0.0.1:\(port) gives no connection id")
        }
        let connection = Array(buffer[8..<16])
        var (sent, answered, named) = (0, 0, 0)
        while answered < swarms.announces {
            while sent < swarms.announces, sent - answered < Self.window {
                try sendAll(datagram(sent, connection), to: descriptor)
                sent += 1
            }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count >= 20, buffer[3] == 1 else {
                let text = String(decoding: buffer.prefix(max(0, count)).dropFirst(8), as: UTF8.self)
                throw BenchmarkError("the tracker answered \(answered) announces, and then: \(text)")
            }
            answered += 1
            named += (count - 20) / 6
            if answered.isMultiple(of: 1000) { try Interruption.check() }
        }
        return named
    }

    private func datagram(_ index: Int, _ connection: [UInt8]) -> [UInt8] {
        let (infoHash, port) = swarms.announce(index)
        var bytes = connection + Self.bigEndian(UInt32(1)) + Self.bigEndian(UInt32(truncatingIfNeeded: index))
        bytes += infoHash + [UInt8](repeating: UInt8(ascii: "a"), count: 20)
        // Downloaded, left and uploaded; the event “started”; no address, a key, fifty peers, the port.
        bytes += Self.bigEndian(UInt64(0)) + Self.bigEndian(UInt64(1000)) + Self.bigEndian(UInt64(0))
        bytes += Self.bigEndian(UInt32(2)) + Self.bigEndian(UInt32(0)) + Self.bigEndian(UInt32(7))
        return bytes + Self.bigEndian(UInt32(50)) + Self.bigEndian(port)
    }

    /// Announces every peer over one HTTP connection that is kept.
    func announceOverHTTP() throws {
        try Self.converse(port, (0..<swarms.announces).map { request($0, "") }, status: 200)
    }

    /// Announces the first peers over HTTP, each by a connection of its own.
    func announceByConnections(_ count: Int) throws {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        for index in 0..<count {
            let connection = try LocalConnection(port: port)
            try sendAll(request(index, "Connection: close\r\n"), to: connection.descriptor)
            var answer: [UInt8] = []
            while true {
                let count = read(connection.descriptor, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                answer += buffer[..<count]
            }
            guard answer.starts(with: Array("HTTP/1.".utf8)), answer.dropFirst(8).starts(with: Array(" 200 ".utf8))
            else {
                throw BenchmarkError("the tracker says: \(String(decoding: answer.prefix(300), as: UTF8.self))")
            }
            if index.isMultiple(of: 1000) { try Interruption.check() }
        }
    }

    private func request(_ index: Int, _ fields: String) -> [UInt8] {
        let (infoHash, port) = swarms.announce(index)
        let hash = infoHash.map { "%" + Hex.encode([$0]) }.joined()
        return Array(
            ("GET /announce?info_hash=\(hash)&peer_id=aaaaaaaaaaaaaaaaaaaa&port=\(port)&uploaded=0&downloaded=0"
                + "&left=1000&event=started&compact=1&numwant=50 HTTP/1.1\r\nHost: t\r\n\(fields)\r\n").utf8)
    }

    /// Sends requests over one connection, some of them ahead, and reads the answers.
    static func converse(_ port: UInt16, _ requests: some Sequence<[UInt8]>, status: Int) throws {
        let connection = try LocalConnection(port: port)
        let wanted = Array("HTTP/1.1 \(status) ".utf8)
        let mark = Array("HTTP/1.1 ".utf8)
        var ahead = 0
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        func readSome() throws {
            let count = read(connection.descriptor, &buffer, buffer.count)
            guard count > 0 else { throw BenchmarkError("the tracker at 127.0.0.1:\(port) closed the connection") }
            rest += buffer[..<count]
            // An answer begins where a line of its own does; compact answers are binary, but this long.
            var position = rest.startIndex
            var last = position
            while let found = rest[position...].firstRange(of: mark) {
                guard found.lowerBound + wanted.count <= rest.endIndex else { break }
                guard rest[found.lowerBound...].starts(with: wanted) else {
                    throw BenchmarkError("the tracker says: \(String(decoding: rest.prefix(300), as: UTF8.self))")
                }
                ahead -= 1
                position = found.upperBound
                last = position
            }
            rest = Array(rest[last...].suffix(wanted.count))
        }
        for request in requests {
            try sendAll(request, to: connection.descriptor)
            ahead += 1
            while ahead >= 16 { try readSome() }
        }
        while ahead > 0 { try readSome() }
    }

    private static func bigEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }
}
