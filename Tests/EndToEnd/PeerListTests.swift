import Foundation
import Glibc
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("Lists of peers")
    struct PeerListTests {
        @Test("A list names an autonomous system, whose addresses come from a database")
        func autonomousSystem() async throws {
            try #require(PlaceDatabaseWriter.isPossible, "needs libmaxmind-db-writer-perl")
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 72, large: 2, small: 10)
                let master = try await Master.sample(bench, &archive)
                let snapshot = try await master.snapshot().snapshot
                let server = try await master.serve()
                let database = bench["asn.mmdb"]
                try PlaceDatabaseWriter.asn(["127.0.0.1/32": 64500, "127.0.0.9/32": 64501], to: database)
                let node = Node(master)
                let lists = "near = \"AS64500\"\nfar = \"0.0.0.0/0\"\nblock = \"AS64501\""
                let top = "[peers]\ndatabases = \"\(database)\"\n\(lists)"
                _ = try await node.run(server.url, top: top, set: "http-after = \"never\"")
                try await node.awaitActive(snapshot)
                let text = try await node.statusText()
                let traffic = try #require(try Documents.decode(NodeStatus.self, from: Array(text.utf8)).traffic)
                #expect(traffic.receivedNear > 0 && traffic.receivedFar == 0)

                let checked = try await bench.run("swarm-node", ["check-config", node.configurationFile])
                #expect(checked.status == 0 && checked.text.contains("AS64500: 1 block of addresses"), "\(checked)")
                let other = Node(master, 3)
                try other.configuration(server.url, top: "[peers]\n\(lists)")
                    .write(toFile: other.configurationFile, atomically: true, encoding: .utf8)
                let refused = try await bench.run("swarm-node", ["check-config", other.configurationFile])
                #expect(
                    refused.status == 78
                        && refused.errors.contains("peers.near: AS64500 needs a database of autonomous systems"),
                    "\(refused)")
            }
        }

        @Test(
            "A node gets nothing from a master that it blocks, until SIGHUP brings another list; near ones are counted")
        func reload() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 67, large: 4, small: 10)
                let master = try await Master.sample(bench, &archive)
                let snapshot = try await master.snapshot().snapshot
                let server = try await master.serve()
                let (wary, other) = (Node(master, 2), Node(master, 3))
                let set = "http-after = \"never\""
                let (daemon, _) = try await wary.run(server.url, top: "[peers]\nblock = \"127.0.0.1\"", set: set)
                try await wary.awaitStatus("it wants to fetch") { $0.snapshots.contains { $0.state == .fetching } }
                _ = try await other.run(server.url, set: set)
                try await other.awaitActive(snapshot)
                let blocked = try #require(try await wary.socketStatus()?.snapshots.last)
                #expect(blocked.state == .fetching && blocked.bytesFetched == 0 && blocked.peers == 0)

                let rules = "[peers]\nblock = \"127.0.0.9\"\nnear = \"127.0.0.0/8\"\nfar = \"0.0.0.0/0\""
                try wary.configuration(server.url, top: rules, set: set)
                    .write(toFile: wary.configurationFile, atomically: true, encoding: .utf8)
                daemon.signal(SIGHUP)
                try await wary.awaitActive(snapshot)
                try expectSource(wary, master)
                let text = try await wary.statusText()
                let status = try Documents.decode(NodeStatus.self, from: Array(text.utf8))
                let traffic = try #require(status.traffic)
                #expect(traffic.receivedNear > 0 && traffic.receivedNear == traffic.received)
                #expect(traffic.receivedFar == 0)
                let split = try #require(status.sets.first?.snapshots.last)
                #expect(split.bytesFromNearPeers == split.bytesFromPeers && split.bytesFromFarPeers == 0)
                let shown = try await bench.run("swarm-node", ["status", "--root", wary.root])
                #expect(shown.text.contains("peers since the start") && shown.text.contains("far 0 B received"))
                let plain = try Documents.decode(NodeStatus.self, from: Array(try await other.statusText().utf8))
                #expect(plain.traffic == nil)
            }
        }
    }
}
