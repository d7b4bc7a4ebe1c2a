import Foundation
import Glibc
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("Torrents travel as patches")
    struct DeltaTests {
        private func sizes(_ master: Master, _ snapshot: SnapshotID) throws -> Int {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(master.store)/.swarm/manifests/\(snapshot).json"))
            let manifest = try Documents.decode(Manifest.self, from: Array(bytes))
            return manifest.shards.reduce(0) { $0 + $1.compressedSize }
        }

        @Test("A node takes patches: from the parent, and over several when it was away; and other nodes from it")
        func chain() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 31, large: 4, small: 900)
                let master = try await Master.sample(bench, &archive)
                let whole = try sizes(master, try await master.snapshot().snapshot)
                let server = try await master.serve()
                let (steady, away) = (Node(master, 2), Node(master, 3))
                #expect(try await steady.synced(server.url).bytesMetadata > whole)
                try await away.synced(server.url)
                for round in 0..<3 {
                    _ = try archive.update(master.source, round: round)
                    _ = try await master.snapshot("--tag", "round-\(round)")
                    let status = try await steady.synced(server.url)
                    #expect(status.bytesMetadata < whole / 5 + 4000)
                }
                // Over three patches, from a node; the master is not asked.
                let (running, ready) = try await steady.run(server.url, top: "http-listen = \"127.0.0.2:0\"")
                let url = "http://\(try #require(ready.http.first))"
                let status = try await away.synced(url)
                #expect(status.bytesMetadata < whole / 2 + 4000)
                try expectSource(away, master)
                // To one that has nothing the node hands whole torrents, which it never had as such.
                let new = Node(master, 4)
                #expect(try await new.synced(url).bytesMetadata > whole)
                try expectSource(new, master)
                running.signal(SIGTERM)
                await running.end()
                // So does the master, which made patches and nothing else of the newest.
                let another = Node(master, 5)
                #expect(try await another.synced(server.url).bytesMetadata > whole)
                try expectSource(another, master)
            }
        }

        @Test("A patch that is damaged, or gone, costs the whole torrent and nothing else")
        func damaged() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 32, large: 4, small: 900)
                let master = try await Master.sample(bench, &archive)
                let whole = try sizes(master, try await master.snapshot().snapshot)
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                for round in 0..<2 {
                    _ = try archive.update(master.source, round: round)
                    _ = try await master.snapshot("--hold")
                    let deltas = "\(master.store)/.swarm/deltas"
                    for name in try FileManager.default.contentsOfDirectory(atPath: deltas) {
                        let path = "\(deltas)/\(name)"
                        if round == 0 {
                            try FileManager.default.removeItem(atPath: path)
                        } else {
                            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
                            bytes[bytes.count / 2] ^= 0xff
                            try bytes.write(to: URL(fileURLWithPath: path))
                        }
                    }
                    _ = try await master.publish("lift", "latest")
                    #expect(try await node.synced(server.url).bytesMetadata > whole)
                    try expectSource(node, master)
                }
            }
        }
    }
}
