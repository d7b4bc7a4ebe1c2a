import Foundation
import Glibc
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("Reports to a tracker")
    struct ReportTests {
        @Test(
            "The tracker hears of a node's states at once, answers the embargo from them, and is not missed when away")
        func states() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 60, large: 4, small: 10)
                let master = try await Master.sample(bench, &archive)
                let first = try await master.snapshot().snapshot
                let server = try await master.serve()
                let file = bench["tracker.toml"]
                let text = """
                    listen = ["127.0.0.1:0"]
                    store = "\(bench["tracker.sqlite"])"
                    [[set]]
                    name = "debian"
                    upstream = "\(server.url)"
                    key = "\(master.key)"
                    """
                try text.write(toFile: file, atomically: true, encoding: .utf8)
                let (tracker, ready) = try await bench.startDaemon("swarm-tracker", ["run", "--config", file])
                let url = "http://\(try #require(ready.http.first))"
                let added = try await bench.run(
                    "swarm-tracker", ["node", "add", "mirror.example", "--config", file])
                let token = try #require(added.text.split(whereSeparator: \.isWhitespace).last)
                let node = Node(master)
                // (A table ends the keys of the top, so it stands after them, before the sets.)
                let report = "[report]\ntracker = \"\(url)\"\nnode = \"mirror.example\"\ntoken = \"\(token)\""
                let (daemon, _) = try await node.run(server.url, top: report)
                func embargo() async throws -> ProgramOutput {
                    try await bench.run("swarm-tracker", ["embargo", "debian", "latest", "--tracker", url])
                }
                try await node.awaitActive(first)
                try await eventuallyAsync("lift") { try await embargo().status == 0 }

                _ = try archive.update(master.source, round: 1)
                let held = try await master.snapshot("--hold").snapshot
                try await node.awaitStatus("ready") { $0.snapshots.contains { $0.uuid == held && $0.state == .ready } }
                try await eventuallyAsync("the held one is ready") { try await embargo().status == 0 }
                let shown = try await bench.run("swarm-tracker", ["report", "--tracker", url])
                #expect(shown.text.contains("mirror.example") || shown.text.contains("1"), "\(shown)")

                tracker.signal(SIGTERM)
                await tracker.end()
                try await master.publish("lift", "latest")
                try await node.awaitActive(held)
                daemon.signal(SIGTERM)
                #expect(await daemon.end() == 0)
            }
        }

        private func eventuallyAsync(_ what: String, _ condition: () async throws -> Bool) async throws {
            let start = ContinuousClock.now
            while try await !condition() {
                guard ContinuousClock.now - start < .seconds(30) else { throw ProgramFailure("not met: \(what)") }
                await Task.yield()
            }
        }
    }
}
