import Foundation
import Glibc
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("Lifting an embargo by the tracker's word")
    struct LiftTests {
        @Test("lift --when waits for the nodes and for a tracker that is away, and gives up at its deadline")
        func byNodes() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 64, large: 4, small: 10)
                let master = try await Master.sample(bench, &archive)
                let first = try await master.snapshot().snapshot
                let server = try await master.serve()
                let tracker = try await TrackerProcess(bench, master, server)
                let nodes = [Node(master, 2), Node(master, 3)]
                var daemons: [RunningProgram] = []
                var reports: [String] = []
                for node in nodes {
                    reports.append(try await tracker.registration(of: "\(node.address).example"))
                    daemons.append(try await node.run(server.url, top: reports[reports.count - 1]).program)
                    try await node.awaitActive(first)
                }
                try await eventually("both have reported") {
                    let asked = try await bench.run(
                        "swarm-tracker", ["embargo", "debian", "--threshold", "100%", "--tracker", tracker.url])
                    return asked.status == 0 && asked.text.contains("2 of 2 nodes") ? () : nil
                }

                // One of them stops, so that it is known, and behind.
                daemons[1].signal(SIGTERM)
                await daemons[1].end()
                _ = try archive.update(master.source, round: 1)
                let held = try await master.snapshot("--hold").snapshot
                let arguments = ["lift", "latest", "--store", master.store, "--when", "100%", "--tracker", tracker.url]
                let early = try await bench.run("swarm-publish", arguments + ["--deadline", "1s"])
                #expect(early.status == 2, "\(early)")
                #expect(early.errors.contains("the deadline has passed"), "\(early)")
                #expect(early.errors.contains("still on hold"), "\(early)")

                // The tracker is away while the wait begins.
                tracker.program.signal(SIGTERM)
                await tracker.program.end()
                let lift = try bench.start("swarm-publish", arguments + ["--per-region", "50%", "--json"])
                try await eventually("it says that the tracker is away") {
                    lift.text.contains("\"event\":\"away\"") ? () : nil
                }
                try await tracker.start()
                try await eventually("it says what is missing") {
                    lift.text.contains("50% (1 of 2 nodes), 100% needed") ? () : nil
                }
                #expect(nodes.allSatisfy { $0.currentTarget == "trees/\(first)/debian" })

                _ = try await nodes[1].run(server.url, top: reports[1])
                let output = try await lift.wait()
                #expect(output.status == 0, "\(output)")
                let last = try #require(output.text.split(separator: "\n").last)
                #expect(last.contains("\"event\":\"lifted\"") && last.contains(held.rawValue), "\(output)")
                for node in nodes { try await node.awaitActive(held) }

                let again = try await bench.run("swarm-publish", arguments)
                #expect(again.status == 0 && again.text.contains("not on hold"), "\(again)")
            }
        }

        @Test("lift --when says at once what no waiting will mend, and leaves the hold")
        func faults() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 65, large: 2, small: 3)
                let master = try await Master.sample(bench, &archive)
                let held = try await master.snapshot("--hold").snapshot
                let server = try await master.serve()
                let stranger = try await TrackerProcess(bench, master, server, set: "fedora")
                func lift(_ arguments: String...) async throws -> ProgramOutput {
                    try await bench.run("swarm-publish", ["lift", "--store", master.store] + arguments)
                }
                let unknown = try await lift("latest", "--when", "80%", "--tracker", stranger.url)
                #expect(unknown.status == 1, "\(unknown)")
                #expect(unknown.errors.contains("does not follow the set"), "\(unknown)")
                let web = try await lift("latest", "--when", "80%", "--tracker", server.url)
                #expect(web.status == 1 && web.errors.contains("\(server.url) answers 404"), "\(web)")
                let gone = try await lift("ffff", "--when", "80%", "--tracker", stranger.url)
                #expect(gone.status == 1 && gone.errors.contains("no live snapshot “ffff”"), "\(gone)")
                for usage in [
                    ["--when", "80%"], ["--tracker", stranger.url], ["--deadline", "1h"],
                    ["--when", "180%", "--tracker", stranger.url], ["--when", "80%", "--tracker", "tracker:6969"],
                    ["--when", "80%", "--tracker", stranger.url, "--deadline", "soon"],
                ] {
                    let output = try await bench.run(
                        "swarm-publish", ["lift", "latest", "--store", master.store] + usage)
                    #expect(output.status == 64, "\(output)")
                }
                let list = try await master.publish("list")
                #expect(list.contains(held.rawValue) && list.contains("on hold"), "\(list)")
            }
        }
    }
}
