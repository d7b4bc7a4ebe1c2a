import Foundation
import FoundationNetworking
import Glibc
import SwarmCore
import SwarmTestSupport
import Testing
import TrackerCore

extension EndToEnd {
    /// The tracker asks a real node for its files.
    @Suite("Probes of the tracker")
    struct ProbeTests {
        /// A master with one snapshot, a tracker that probes often, and a node that serves and reports.
        private struct Network {
            let master: Master
            let server: Master.Server
            let tracker: String
            let trackerFile: String
            let node: Node
            let daemon: RunningProgram
            var archive: SampleArchive

            init(_ bench: TestBench) async throws {
                archive = SampleArchive(seed: 70, large: 4, small: 10)
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
                #expect(try await get("/").contains("suspect for"))
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

        @Test("A node whose files are damaged, replaced or gone is suspect, until they are right again")
        func damage() async throws {
            try await TestBench.run { bench in
                let network = try await Network(bench)
                try await network.awaitRounds(1)
                try await network.awaitTrust()
                let tree = try network.tree
                let release = try #require(
                    try FileManager.default.subpathsOfDirectory(atPath: tree.root).first { $0.hasSuffix("/Release") })
                func change(_ path: String, _ body: (String) throws -> Void) throws -> [UInt8] {
                    let place = tree.location(path)
                    let old = Array(try Data(contentsOf: URL(fileURLWithPath: place)))
                    try body(place)
                    return old
                }
                func put(_ path: String, _ bytes: [UInt8]) throws {
                    try? FileManager.default.removeItem(atPath: tree.location(path))
                    try Data(bytes).write(to: URL(fileURLWithPath: tree.location(path)))
                }

                // An entry point that is another one.
                var old = try change(release) { _ in try put(release, Array("Origin: elsewhere\n".utf8)) }
                try await network.awaitSuspicion("is not the file of the snapshot")
                try put(release, old)
                try await network.awaitTrust()

                // One that is gone.
                old = try change(release) { try FileManager.default.removeItem(atPath: $0) }
                try await network.awaitSuspicion("status 404")
                try put(release, old)
                try await network.awaitTrust()

                // Large files with errors in each of their pieces, of the length and the time that they had: asked for by
                // lot, they are asked for again while they are wrong.
                let packages = try FileManager.default.subpathsOfDirectory(atPath: tree.root)
                    .filter { $0.contains("/large") && $0.hasSuffix(".deb") }
                let contents = try packages.map { package in
                    try change(package) { place in
                        let size = try Data(contentsOf: URL(fileURLWithPath: place)).count
                        for offset in stride(from: 10, to: size - 4, by: 30_000) {
                            try tree.damage(package, at: offset, [0xde, 0xad, 0xbe, 0xef])
                        }
                    }
                }
                try await network.awaitSuspicion("has other content")
                let since = try #require(try await network.suspicion()).since
                let failures = try await network.rounds("suspect")
                try await eventually("two more rounds") {
                    try await network.rounds("suspect") >= failures + 2 ? () : nil
                }
                #expect(try await network.suspicion()?.since == since)
                for (package, content) in zip(packages, contents) { try put(package, content) }
                try await network.awaitTrust()
            }
        }

        @Test("A node that switches while it is probed is not suspect; one that does not serve is")
        func switching() async throws {
            try await TestBench.run { bench in
                var network = try await Network(bench)
                for round in 1...2 {
                    _ = try network.archive.update(network.master.source, round: round)
                    let next = try await network.master.snapshot().snapshot
                    try await network.node.awaitActive(next)
                    try await network.awaitRounds(1)
                }
                #expect(try await network.rounds("suspect") == 0)

                // What readers reach is no longer the node's daemon, whose last report is still fresh.
                network.daemon.signal(SIGSTOP)
                network.daemon.signal(SIGKILL)
                await network.daemon.end()
                try await network.awaitSuspicion("cannot be read")
            }
        }
    }
}
