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
                let tracker = try await TrackerProcess(bench, master, server)
                let node = Node(master)
                let report = try await tracker.registration(of: "mirror.example")
                let (daemon, _) = try await node.run(server.url, top: report)
                func embargo() async throws -> ProgramOutput {
                    try await bench.run("swarm-tracker", ["embargo", "debian", "latest", "--tracker", tracker.url])
                }
                try await node.awaitActive(first)
                try await eventually("lift") { try await embargo().status == 0 ? () : nil }

                _ = try archive.update(master.source, round: 1)
                let held = try await master.snapshot("--hold").snapshot
                try await node.awaitStatus("ready") { $0.snapshots.contains { $0.uuid == held && $0.state == .ready } }
                try await eventually("the held one is ready") { try await embargo().status == 0 ? () : nil }
                let shown = try await bench.run("swarm-tracker", ["report", "--tracker", tracker.url])
                #expect(shown.text.contains("1 of 1"), "\(shown)")

                tracker.program.signal(SIGTERM)
                await tracker.program.end()
                // That nobody listens is told at once: the client does not try until its time is over.
                let gone = try await bench.run(
                    "swarm-tracker", ["report", "--tracker", tracker.url], deadline: .seconds(20))
                #expect(gone.status == 1 && gone.errors.contains("is it running?"), "\(gone)")
                try await master.publish("lift", "latest")
                try await node.awaitActive(held)
                daemon.signal(SIGTERM)
                #expect(await daemon.end() == 0)
            }
        }
    }
}
