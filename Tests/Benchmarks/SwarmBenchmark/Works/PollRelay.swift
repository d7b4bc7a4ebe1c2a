import Foundation
import Glibc

/// Stands between a node and its master, counts what passes, and makes the node's long polls short, so that many of
/// them fit into a measurement. Runs on the caller's thread.
final class PollRelay {
    /// What has passed.
    struct Traffic {
        var requests = 0
        var fromNode = 0
        var fromMaster = 0
    }

    private final class Pair {
        let node: Int32
        let master: LocalConnection

        init(_ node: Int32, _ master: LocalConnection) {
            self.node = node
            self.master = master
        }

        deinit { close(node) }
    }

    private let listener: LoopbackListener
    private let target: UInt16
    private var pairs: [Pair] = []
    private(set) var traffic = Traffic()
    /// Where the node connects.
    var port: UInt16 { listener.port }

    /// Passes everything on to a port of 127.0.0.1.
    init(to target: UInt16) throws {
        self.target = target
        listener = try LoopbackListener()
    }

    /// Starts counting anew.
    func reset() { traffic = Traffic() }

    /// Works until `isDone`, which is asked after each event and every 20 ms.
    func run(until isDone: () throws -> Bool) throws {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while try !isDone() {
            try Interruption.check()
            var waiting = [pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)]
            for pair in pairs {
                waiting.append(pollfd(fd: pair.node, events: Int16(POLLIN), revents: 0))
                waiting.append(pollfd(fd: pair.master.descriptor, events: Int16(POLLIN), revents: 0))
            }
            guard poll(&waiting, nfds_t(waiting.count), 20) > 0 else { continue }
            var ended: [Int] = []
            for index in pairs.indices {
                let isNodeReady = waiting[1 + 2 * index].revents != 0
                let isMasterReady = waiting[2 + 2 * index].revents != 0
                let isOpen =
                    try (!isNodeReady || passRequest(pairs[index], &buffer))
                    && (!isMasterReady || passAnswer(pairs[index], &buffer))
                if !isOpen { ended.append(index) }
            }
            for index in ended.reversed() { pairs.remove(at: index) }
            if waiting[0].revents != 0 {
                pairs.append(Pair(accept(listener.descriptor, nil, nil), try LocalConnection(port: target)))
            }
        }
    }

    private func passRequest(_ pair: Pair, _ buffer: inout [UInt8]) throws -> Bool {
        let count = read(pair.node, &buffer, buffer.count)
        guard count > 0 else { return false }
        let text = String(decoding: buffer[..<count], as: UTF8.self)
        traffic.requests += text.components(separatedBy: "GET /").count - 1
        traffic.fromNode += count
        try pair.master.send(text.replacingOccurrences(of: "&wait=300&", with: "&wait=1&"))
        return true
    }

    private func passAnswer(_ pair: Pair, _ buffer: inout [UInt8]) throws -> Bool {
        let count = read(pair.master.descriptor, &buffer, buffer.count)
        guard count > 0 else { return false }
        traffic.fromMaster += count
        try sendAll(Array(buffer[..<count]), to: pair.node)
        return true
    }
}
