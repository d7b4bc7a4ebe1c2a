import FileTree
import Foundation
import SwarmCore

/// What announces and reports cost the tracker, on one core, beside opentracker where that is installed.
struct TrackerWork {
    let workspace: Workspace
    let ledger: Ledger

    private static let section = "tracker"
    private static let swarms = TrackerClient.Swarms(torrents: 1000, peers: 50)
    private static let nodes = 1000
    /// A report of each node takes ten seconds of a real network.
    private static let reportInterval = 10.0

    /// What a tracker has cost.
    private struct Cost {
        /// Seconds of CPU for one announce to full swarms.
        var announce: Double
        var memoryPerPeer: Double
        /// Seconds of CPU for an announce over HTTP by a connection of its own.
        var connection: Double
    }

    /// How many announces have a connection each: fewer than a host has ports.
    private static let connections = 10_000

    func run() throws {
        let count = Self.swarms.announces
        ledger.step("tracker: \(count) peers in \(Self.swarms.torrents) torrents")
        let directory = workspace[Self.section]
        try FileSystem.makeDirectories(directory)
        let (daemon, port, configuration) = try start(directory)
        let ours = try measure(daemon, TrackerClient(port: port, swarms: Self.swarms))
        let peer = try opentracker(directory)
        let name = peer.map { _ in "opentracker" }
        ledger.add(
            Row(
                Self.section, "UDP announces per second of one core", .count(1 / ours.announce), against: name,
                peer.map { .count(1 / $0.announce) }, goal: .ratio(atLeast: 0.8)))
        ledger.add(
            Row(
                Self.section, "memory for a peer", .bytes(ours.memoryPerPeer), against: name,
                peer.map { .bytes($0.memoryPerPeer) }))
        let before = try daemon.cpu
        try TrackerClient(port: port, swarms: Self.swarms).announceOverHTTP()
        let cpu = try daemon.cpu - before
        ledger.add(
            Row(
                Self.section, "HTTP announces per second of one core, connection kept", .count(Double(count) / cpu),
                against: peer.map { _ in "opentracker, which closes each" }, peer.map { .count(1 / $0.connection) },
                goal: .ratio(atLeast: 1)))
        ledger.add(
            Row(
                Self.section, "the same, a connection for each", .count(1 / ours.connection), against: name,
                peer.map { .count(1 / $0.connection) }))
        try measureReports(daemon, port, configuration)
        try daemon.stop()
    }

    private func start(_ directory: String) throws -> (daemon: ChildProcess, port: UInt16, configuration: String) {
        let configuration = "\(directory)/tracker.toml"
        let ready = "\(directory)/ready"
        let text = """
            listen = ["127.0.0.1:0"]
            store = "\(directory)/tracker.sqlite"
            open = true
            requests-per-second = 0
            """
        try text.write(toFile: configuration, atomically: true, encoding: .utf8)
        let daemon = try workspace.start(
            ["taskset", "-c", "0", workspace.program("swarm-tracker"), "run", "--config", configuration]
                + ["--ready-file", ready])
        struct Ready: Decodable { let http: [String] }
        while true {
            guard daemon.isRunning else { throw daemon.failure }
            if let data = FileManager.default.contents(atPath: ready),
                let endpoint = try JSONDecoder().decode(Ready.self, from: data).http.first.flatMap({ Endpoint($0) })
            {
                return (daemon, endpoint.port, configuration)
            }
            try Interruption.pause(.milliseconds(10))
        }
    }

    /// Fills the swarms, and announces all peers once more.
    private func measure(_ daemon: ChildProcess, _ client: TrackerClient) throws -> Cost {
        let empty = daemon.memory("VmRSS")
        _ = try client.announceOverUDP()
        let full = daemon.memory("VmRSS")
        let before = try daemon.cpu
        let started = ContinuousClock.now
        let named = try client.announceOverUDP()
        let count = Double(Self.swarms.announces)
        let announces = try daemon.cpu - before
        let seconds = Double((ContinuousClock.now - started) / .microseconds(1)) / 1e6
        ledger.step(
            "  \(Int(count / seconds)) announces in a second of time, \(digits(Double(named) / count)) peers in each answer"
        )
        let start = try daemon.cpu
        try client.announceByConnections(Self.connections)
        return Cost(
            announce: announces / count, memoryPerPeer: Double(full - empty) / count,
            connection: (try daemon.cpu - start) / Double(Self.connections))
    }

    /// Debian's opentracker takes the torrents of a list only, as ours does of feeds. It is not required: its package
    /// starts a public tracker. It looks for the list in its directory, to which it changes its root.
    private func opentracker(_ directory: String) throws -> Cost? {
        guard let program = Workspace.which("opentracker") else {
            ledger.step("  opentracker is not installed; there is nothing to compare with")
            return nil
        }
        let home = "\(directory)/opentracker"
        try FileSystem.makeDirectories(home)
        try Self.swarms.list.write(toFile: "\(home)/list", atomically: true, encoding: .utf8)
        let port = try LoopbackListener.freePort()
        let daemon = try workspace.start(
            ["taskset", "-c", "0", program, "-i", "127.0.0.1", "-p", "\(port)", "-P", "\(port)"]
                + ["-d", home, "-w", "list"])
        // It says nowhere that it is ready.
        let end = ContinuousClock.now + .seconds(10)
        while (try? LocalConnection(port: port)) == nil {
            guard daemon.isRunning, ContinuousClock.now < end else { throw daemon.failure }
            try Interruption.pause(.milliseconds(20))
        }
        let cost = try measure(daemon, TrackerClient(port: port, swarms: Self.swarms))
        try daemon.stop()
        return cost
    }

    /// A report of each of a thousand nodes that fetch, over one connection.
    private func measureReports(_ daemon: ChildProcess, _ port: UInt16, _ configuration: String) throws {
        guard let set = SetName("bench"), let snapshot = SnapshotID("6f1c2a9e-0000-4000-8000-000000000000") else {
            return
        }
        let requests = try (0..<Self.nodes).map { index -> [UInt8] in
            guard let name = NodeName("node\(index).example") else { throw BenchmarkError("node\(index) is no name") }
            let added = try workspace.run(
                [workspace.program("swarm-tracker"), "node", "add", name.rawValue, "--config", configuration])
            let token = added.output.split(whereSeparator: \.isWhitespace).last ?? ""
            var status = NodeStatus.Snapshot(uuid: snapshot, serial: 1, state: .fetching)
            (status.bytesTotal, status.bytesWanted, status.bytesDone) = (1_000_000, 1_000_000, Int64(index))
            let report = NodeReport(
                node: name, version: Version.current, sent: Date(timeIntervalSince1970: 1_772_366_400),
                sets: [.init(set: set, isFiltered: false, snapshots: [status])])
            let body = try Documents.encode(report)
            let head =
                "POST /api/v1/report HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer \(token)\r\nContent-Length: \(body.count)"
            return Array("\(head)\r\n\r\n".utf8) + body
        }
        // The registrations are known once they were read.
        try SwarmMirror.settle([daemon])
        let before = try daemon.cpu
        for _ in 1...5 { try TrackerClient.converse(port, requests, status: 204) }
        try SwarmMirror.settle([daemon])
        let share = (try daemon.cpu - before) / 5 / Self.reportInterval
        ledger.add(
            Row(
                Self.section, "\(Self.nodes) nodes that report every 10 s: share of a core", .share(share)))
    }
}
