import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("A tracker that is away")
    struct AwayTrackerTests {
        @Test("A node turns to the master when its tracker brings nothing")
        func turnsToTheMaster() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 67, large: 2, small: 5)
                let master = try await Master.sample(bench, &archive)
                // Nobody listens there.
                try master.setSetting("trackers", "[\"http://127.0.0.9:1/announce\"]")
                let snapshot = try await master.snapshot().snapshot
                let server = try await master.serve()
                let node = Node(master, 2)
                _ = try await node.run(server.url, set: "http-after = \"never\"")
                try await node.awaitActive(snapshot)
                try expectSource(node, master)
                let status = try #require(try await node.socketStatus()?.snapshots.last)
                #expect(status.bytesFromMaster > 0 && status.bytesFromHTTP == 0)
            }
        }
    }
}
