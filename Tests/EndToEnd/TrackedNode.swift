import Foundation
import FoundationNetworking
import SwarmCore
import SwarmTestSupport
import Testing
import TrackerCore

/// A master with one snapshot, a tracker that probes often, and a node that serves and reports.
struct TrackedNode {
    let master: Master
    let server: Master.Server
    let tracker: String
    let trackerFile: String
    let node: Node
    let daemon: RunningProgram
    /// Where readers find the node.
    let url: String
    var archive: SampleArchive

    /// - Parameter small: how many of the packages are packed, beside four large ones.
    init(_ bench: TestBench, small: Int = 10) async throws {
        archive = SampleArchive(seed: 70, large: 4, small: small)
        master = try await Master.sample(bench, &archive)
        let first = try await master.snapshot().snapshot
        server = try await master.serve()
        trackerFile = bench["tracker.toml"]
        let text = """
            listen = ["127.0.0.1:0"]
            store = "\(bench["tracker.sqlite"])"
            [probes]
            interval = "100ms"
            per-node = "1s"
            pause = "1s"
            allow-private = true
            [[set]]
            name = "debian"
            upstream = "\(server.url)"
            key = "\(master.key)"
            """
        try text.write(toFile: trackerFile, atomically: true, encoding: .utf8)
        let (_, ready) = try await bench.startDaemon("swarm-tracker", ["run", "--config", trackerFile])
        tracker = "http://\(try #require(ready.http.first))"
        // The node's port is known once it has listened.
        node = Node(master)
        let (before, own) = try await node.run(server.url, top: "http-listen = \"\(node.address):0\"")
        let address = try #require(own.http.first)
        before.signal(SIGTERM)
        await before.end()
        let added = try await bench.run(
            "swarm-tracker",
            ["node", "add", "mirror.example", "--url", "http://\(address)/", "--config", trackerFile])
        let token = try #require(added.text.split(whereSeparator: \.isWhitespace).last)
        let top = """
            http-listen = "\(address)"
            [report]
            tracker = "\(tracker)"
            node = "mirror.example"
            token = "\(token)"
            """
        url = "http://\(address)"
        (daemon, _) = try await node.run(server.url, top: top)
        try await node.awaitActive(first)
    }

    func get(_ path: String) async throws -> String {
        let url = try #require(URL(string: "\(tracker)\(path)"))
        return String(decoding: try await URLSession.shared.data(from: url).0, as: UTF8.self)
    }

    func suspicion() async throws -> Suspicion? {
        let report = try Documents.decode(
            TrackerReport.self, from: Array(try await get("/api/v1/report").utf8))
        return report.sets.first?.snapshots.first?.nodes.first?.suspicion
    }

    func awaitSuspicion(_ reason: String) async throws {
        try await eventually("suspect for “\(reason)”") {
            try await suspicion()?.reason.contains(reason) == true ? () : nil
        }
        // Nobody is sent to it, and it does not count.
        #expect(try await get("/mirrorlist?set=debian") == "")
        let answer = try Documents.decode(
            EmbargoAnswer.self,
            from: Array(try await get("/api/v1/sets/debian/snapshots/latest/embargo").utf8))
        #expect(answer.count.total == 0 && answer.suspects.map(\.rawValue) == ["mirror.example"])
        #expect(try await get("/report.txt").contains("suspect, not counted"))
        #expect(try await get("/").contains("suspect since"))
    }

    func awaitTrust() async throws {
        try await eventually("the node is good again") {
            try await get("/mirrorlist?set=debian").isEmpty ? nil : ()
        }
        #expect(try await suspicion() == nil)
    }

    /// How many rounds had a verdict.
    func rounds(_ verdict: String) async throws -> Int {
        let name = "swarm_tracker_probe_rounds_total{verdict=\"\(verdict)\"} "
        let line = try await get("/metrics").split(separator: "\n").first { $0.hasPrefix(name) }
        return try #require(line.flatMap { Int($0.dropFirst(name.count)) })
    }

    func awaitRounds(_ count: Int) async throws {
        let before = try await rounds("good")
        try await eventually("\(count) good rounds") { try await rounds("good") >= before + count ? () : nil }
    }

    /// The tree that readers see, for who does harm.
    var tree: FileTreeWriter {
        get throws { try FileTreeWriter("\(node.root)/\(try #require(node.currentTarget))") }
    }
}
