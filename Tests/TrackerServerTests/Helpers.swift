import FoundationEssentials
import Glibc
import SwarmCore
import SwarmTestSupport
import Synchronization
import TrackerCore

@testable import TrackerServer

/// A node's name.
func node(_ text: String) -> NodeName {
    guard let name = NodeName(text) else { preconditionFailure("\(text) is no name") }
    return name
}

/// Sets that tests publish.
let demo = setName("demo")
let debian = setName("debian")

private func setName(_ text: String) -> SwarmCore.SetName {
    guard let name = SwarmCore.SetName(text) else { preconditionFailure("\(text) is no name") }
    return name
}

/// A time that stands still until it is moved.
final class ManualClock: Sendable {
    private let elapsed = Mutex(0)
    static let start = Date(timeIntervalSince1970: 1_772_366_400)

    var clock: TrackerClock {
        TrackerClock(
            seconds: { self.elapsed.withLock { 1_000_000 + $0 } },
            date: { self.elapsed.withLock { Self.start.addingTimeInterval(Double($0)) } })
    }

    func advance(_ seconds: Int) { elapsed.withLock { $0 += seconds } }
}

extension TrackerConfiguration {
    /// An open tracker on a loopback port of the system's choice, with further lines.
    static func test(_ more: String = "open = true") throws -> TrackerConfiguration {
        try TrackerConfiguration(
            text: "listen = [\"127.0.0.1:0\"]\nstore = \"/nowhere/t.sqlite\"\n\(more)", file: "test.toml")
    }
}

/// Datagrams as BEP 15 draws them.
enum Datagram {
    static let connect: [UInt8] = [0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0, 0, 0, 0, 5]

    static func announce(connection: [UInt8], torrent: UInt8 = 7, port: UInt16 = 6881, left: UInt8 = 1) -> [UInt8] {
        connection + [0, 0, 0, 1, 0, 0, 0, 5] + [UInt8](repeating: torrent, count: 20)
            + [UInt8](repeating: 1, count: 20) + [UInt8](repeating: 0, count: 15) + [left]
            + [UInt8](repeating: 0, count: 8) + [0, 0, 0, 2] + [UInt8](repeating: 0, count: 8)
            + [255, 255, 255, 255, UInt8(port >> 8), UInt8(port & 255)]
    }

    static func scrape(connection: [UInt8], torrent: UInt8 = 7) -> [UInt8] {
        connection + [0, 0, 0, 2, 0, 0, 0, 5] + [UInt8](repeating: torrent, count: 20)
    }
}

/// A socket of a test that is connected to a port of 127.0.0.1. Reading gives up after ten seconds.
final class ClientSocket: Sendable {
    private let descriptor: Int32

    init(port: UInt16, isDatagram: Bool = false) throws {
        let type = isDatagram ? SOCK_DGRAM : SOCK_STREAM
        descriptor = socket(AF_INET, Int32(type.rawValue), 0)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) }
        }
        guard result == 0 else { throw SystemCallFailure("connect", "port \(port)") }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) throws {
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw SystemCallFailure("send", "socket")
        }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// What has come; empty at the end.
    func receive() throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count >= 0 else { throw SystemCallFailure("recv", "socket") }
        return Array(buffer[..<count])
    }

    /// All that comes until `isEnough`, or until the end.
    func text(until isEnough: (String) -> Bool) throws -> String {
        var bytes: [UInt8] = []
        while true {
            let part = try receive()
            bytes += part
            let text = String(decoding: bytes, as: UTF8.self)
            if part.isEmpty || isEnough(text) { return text }
        }
    }
}

/// A report of a node that has, or fetches, a snapshot of the set that tests publish.
func report(_ name: String, _ snapshot: SnapshotID, state: NodeStatus.State = .ready, had: Int64 = 100) -> NodeReport {
    var status = NodeStatus.Snapshot(uuid: snapshot, serial: 1, state: state)
    status.bytesTotal = 100
    status.bytesLinked = had
    return NodeReport(
        node: node(name), version: "0.1.0", sent: ManualClock.start, urls: ["http://\(name)/"],
        sets: [
            .init(
                set: demo, isFiltered: false, current: state == .active ? .init(uuid: snapshot, serial: 1) : nil,
                snapshots: [status])
        ])
}
