import FileTree
import Foundation
import SwarmCore

/// What it costs that a node learns that there is nothing new, and that a thousand nodes wait for news.
struct PollWork {
    let workspace: Workspace
    let ledger: Ledger
    let files: Int

    private static let section = "poll"
    private static let waiting = 1000
    private static let seconds = 10.0

    func run() throws {
        ledger.step("poll: \(files) files")
        let directory = workspace[Self.section]
        let tree = try GeneratedTree("\(directory)/source", .tiny(files: files))
        let master = try SwarmMaster(workspace, source: tree.root, store: "\(directory)/store")
        let snapshot = try master.snapshot().report.snapshot
        try master.serve()
        guard let daemon = master.daemon else { return }
        let relay = try PollRelay(to: master.port)
        let node = try SwarmMirror(master, 0, directory: directory, port: relay.port)
        try node.start()
        try relay.run { try node.activation(of: snapshot) != nil && relay.traffic.requests > 3 }
        try measurePolls(relay, node, daemon)
        try node.stop()
        try countCalls(relay, node, snapshot)
        try measureWaiting(master, daemon)
        try master.stop()
    }

    private func measurePolls(_ relay: PollRelay, _ node: SwarmMirror, _ daemon: ChildProcess) throws {
        let calm = ContinuousClock.now + .seconds(3)
        try relay.run { ContinuousClock.now > calm }
        relay.reset()
        let masterBefore = try daemon.cpu
        let nodeBefore = try node.cpu
        let end = ContinuousClock.now + .seconds(Self.seconds)
        try relay.run { ContinuousClock.now > end }
        let polls = Double(max(1, relay.traffic.requests))
        let masterCPU = (try daemon.cpu - masterBefore) / polls
        ledger.pollCPU = masterCPU
        let bytes = Double(relay.traffic.fromNode + relay.traffic.fromMaster) / polls
        let quick = ledger.distributions.last { $0.technique == .quick && $0.work == .unchanged && $0.mirrors == 1 }
        ledger.add(
            Row(
                Self.section, "poll without change: bytes in all", .bytes(bytes),
                against: quick.map { _ in "quick-fedora-mirror" },
                quick.map { .bytes(Double($0.bytesFromMaster + $0.bytesToMaster)) },
                goal: .atMost(.bytes(600))))
        ledger.add(
            Row(
                Self.section, "poll without change: master CPU", .seconds(masterCPU),
                against: quick.map { _ in "quick-fedora-mirror" }, quick.map { .seconds($0.masterCPU) },
                goal: .atMost(.seconds(0.005))))
        ledger.add(
            Row(
                Self.section, "poll without change: node CPU", .seconds((try node.cpu - nodeBefore) / polls),
                against: quick.map { _ in "quick-fedora-mirror" }, quick.map { .seconds($0.mirrorCPU) }))
    }

    /// A node polls under strace; what it calls for paths of its tree is counted.
    private func countCalls(_ relay: PollRelay, _ node: SwarmMirror, _ snapshot: SnapshotID) throws {
        let trace = SystemCallTrace(file: workspace["poll-trace"])
        try node.start(wrapper: trace.command)
        let before = relay.traffic.requests
        try relay.run { relay.traffic.requests > before + 3 }
        let mark = Date().timeIntervalSince1970
        let polls = relay.traffic.requests
        try relay.run { relay.traffic.requests >= polls + 5 }
        try node.stop()
        let calls = try trace.calls(since: mark, until: .infinity, below: "\(node.root)/trees/")
        ledger.add(
            Row(
                Self.section, "five polls: system calls on the tree", .count(Double(calls.total)),
                goal: .atMost(.count(0))))
    }

    private func measureWaiting(_ master: SwarmMaster, _ daemon: ChildProcess) throws {
        let version = try master.feed().feed.version
        let request = """
            GET /.swarm/\(SwarmMaster.setName)/feed?after=\(version)&wait=300&with=documents HTTP/1.1\r
            Host: 127.0.0.1:\(master.port)\r
            User-Agent: swarm-bench\r
            \r

            """
        let connections = try (0..<Self.waiting).map { _ -> LocalConnection in
            let connection = try LocalConnection(port: master.port)
            try connection.send(request)
            return connection
        }
        try withExtendedLifetime(connections) {
            try SwarmMirror.settle([daemon])
            let before = try daemon.cpu
            let started = ContinuousClock.now
            try Interruption.pause(.seconds(Self.seconds))
            let share = (try daemon.cpu - before) / (ContinuousClock.now - started).seconds
            ledger.add(
                Row(
                    Self.section, "1,000 waiting nodes: share of a core", .share(share), goal: .atMost(.share(0.05))))
        }
    }
}
