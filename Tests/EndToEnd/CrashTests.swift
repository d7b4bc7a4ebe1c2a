import Foundation
import Glibc
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("Crashes")
    struct CrashTests {
        @Test("After kill -9 in the middle of a fetch, the rest is fetched and nothing twice")
        func killedFetch() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 30)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                let server = try await master.serve("--upload-limit", "4MB")
                let node = Node(master)
                for part in [1_000_000, 3_000_000] as [Int64] {
                    let program = try node.startSync(server.url)
                    try await node.awaitStatus("a part") { ($0.snapshots.last?.bytesFetched ?? 0) > part }
                    program.signal(SIGKILL)
                    await program.end()
                    #expect(node.currentTarget == nil)
                }
                try await node.synced(server.url)
                try expectSource(node, master)
                let content = try master.tree().nodes.values.reduce(0) { sum, node in
                    if case .file(let bytes, _, _) = node { sum + bytes.count } else { sum }
                }
                let sent = try await master.uploaded(server)
                // What was on its way at a kill comes again; of the four megabytes had before, hardly anything.
                #expect(sent <= Int64(content) + 2_000_000, "sent \(sent) for \(content)")
            }
        }

        @Test("Documents of which a power loss left nothing but the names are fetched again")
        func tornDocuments() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 32)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                let server = try await master.serve("--upload-limit", "4MB")
                let node = Node(master)
                let program = try node.startSync(server.url)
                try await node.awaitStatus("a part") { ($0.snapshots.last?.bytesFetched ?? 0) > 1_000_000 }
                program.signal(SIGKILL)
                await program.end()
                var torn = 0
                for kind in ["manifests", "torrents"] {
                    let directory = "\(node.root)/.swarm/\(kind)"
                    for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
                        try #require(truncate("\(directory)/\(name)", 0) == 0)
                        torn += 1
                    }
                }
                #expect(torn >= 3, "a manifest, and a torrent in two forms")
                try await node.synced(server.url)
                try expectSource(node, master)
            }
        }

        @Test("Killed at any moment of a series of updates, a node shows a whole snapshot")
        func killedAnywhere() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 31, large: 3, small: 40)
                let master = try await Master.sample(bench, &archive)
                var snapshots: [String: TreeState] = [:]
                func publish() async throws {
                    let snapshot = try await master.snapshot().snapshot
                    snapshots["trees/\(snapshot)/debian"] = try master.tree()
                }
                try await publish()
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                for round in 0..<24 {
                    _ = try archive.update(master.source, round: round)
                    try master.source.move(archive.small[round], to: "pool/moved/\(round).deb")
                    try master.source.write(archive.small[round], archive.random.bytes(4000 + round))
                    try await publish()
                    let daemon = try node.startSync(server.url)
                    let moment = Int.random(in: 60...500, using: &archive.random)
                    // Not a wait for something: the moment of the crash is arbitrary.
                    try await Task.sleep(for: .milliseconds(moment))
                    daemon.signal(SIGKILL)
                    await daemon.end()
                    let target = try #require(node.currentTarget)
                    let expected = try #require(snapshots[target], "\(target) was never published")
                    let differences = try node.tree().differences(from: expected, allowingMoreLinks: true)
                    #expect(differences == [], "after \(moment) ms in round \(round)")
                }
                try await node.synced(server.url)
                try expectSource(node, master)
                let left = try FileManager.default.contentsOfDirectory(atPath: "\(node.root)/trees")
                #expect(left.count <= 3, "\(left)")
                #expect(!FileManager.default.fileExists(atPath: "\(node.root)/.swarm/stage/"))
            }
        }
    }
}
