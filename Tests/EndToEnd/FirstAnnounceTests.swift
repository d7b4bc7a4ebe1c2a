import Glibc
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("The first announce of a torrent")
    struct FirstAnnounceTests {
        /// So much that a node would give its tracker ten seconds before it turned to the master by itself.
        private static let large = 40_000_000
        /// Less than that.
        private static let soon = Duration.seconds(9)

        @Test("A node hears of the master from the tracker at once, of a snapshot that the tracker has yet to read of")
        func newSnapshot() async throws {
            try await TestBench.run { bench in
                let tracked = try await TrackedMaster(bench)
                try await tracked.tracker.start()
                let first = try await tracked.master.snapshot().snapshot
                let node = Node(tracked.master, 2)
                _ = try await node.run(tracked.server.url, set: "http-after = \"never\"")
                try await node.awaitActive(first)
                try await expectSoonFetched(tracked, node)
            }
        }

        @Test("A node hears of the master from a tracker that was away when the master announced")
        func trackerComesLater() async throws {
            try await TestBench.run { bench in
                let tracked = try await TrackedMaster(bench)
                let node = Node(tracked.master, 2)
                try tracked.grow()
                let snapshot = try await tracked.master.snapshot().snapshot
                try await tracked.tracker.start()
                _ = try await node.run(tracked.server.url, set: "http-after = \"never\"")
                try await expectSoon(snapshot, node)
            }
        }

        private func expectSoonFetched(_ tracked: TrackedMaster, _ node: Node) async throws {
            try tracked.grow()
            try await expectSoon(try await tracked.master.snapshot().snapshot, node)
        }

        /// Expects that the first bytes come before the node would have dialled the master by itself.
        private func expectSoon(_ snapshot: SnapshotID, _ node: Node) async throws {
            try await node.awaitStatus("\(snapshot) is being fetched") { status in
                status.snapshots.contains { $0.uuid == snapshot }
            }
            try await node.awaitStatus("\(snapshot) comes", within: Self.soon) { status in
                status.snapshots.contains { $0.uuid == snapshot && $0.bytesFromMaster > 0 }
            }
            try await node.awaitActive(snapshot)
        }

        /// A master whose feed names a tracker that does not run yet.
        private struct TrackedMaster {
            let master: Master
            let server: Master.Server
            let tracker: TrackerProcess

            init(_ bench: TestBench) async throws {
                var archive = SampleArchive(seed: 72, large: 2, small: 5)
                master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                // Each has to know where the other is.
                let before = try await master.serve()
                tracker = try await TrackerProcess(bench, master, before)
                for program in [before.program, tracker.program] {
                    program.signal(SIGTERM)
                    await program.end()
                }
                try master.setSetting("trackers", "[\"udp://\(tracker.address)/announce\"]")
                try master.source.write("pool/main/n/new/new_1.0_all.deb", "news\n")
                server = try await master.serve(listen: before.address)
            }

            /// Gives the source a large file.
            func grow() throws {
                var random = SeededRandom(seed: 73)
                try master.source.write(
                    "pool/main/g/great/great_1.0_amd64.deb", random.bytes(FirstAnnounceTests.large))
            }
        }
    }
}
