import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("A large tree")
    struct LargeTreeTests {
        private static let strace = "/usr/bin/strace"

        @Test("Of 12,000 files in shards, an update touches the shards and files that changed, and no others")
        func shards() async throws {
            try await TestBench.run { bench in
                var random = SeededRandom(seed: 60)
                let files = (0..<12_000).map { "pool/\($0 % 40)/package\($0).deb" }
                let master = try await Master(bench, configuration: "shard-files = 1000") { tree in
                    for path in files { try tree.write(path, random.bytes(Int.random(in: 50...400, using: &random))) }
                    try tree.write("dists/stable/Release", "one")
                }
                let first = try await master.snapshot()
                #expect(first.torrents.count > 8)
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                try expectSource(node, master)

                var changed: Set<String> = []
                var bytes: Int64 = 0
                for index in 0..<120 {
                    // All in the directories 3 and 7.
                    let path = files[(index / 2) * 40 + (index % 2 == 0 ? 3 : 7)]
                    let content = random.bytes(300)
                    try master.source.write(path, content, mtime: 1_690_000_000)
                    changed.insert(path)
                    bytes += Int64(content.count)
                }
                try master.source.write("dists/stable/Release", "two")
                changed.insert("dists/stable/Release")
                bytes += 3
                let second = try await master.snapshot()
                #expect(second.bytesRead == bytes)
                let same = Set(first.torrents.map(\.infoHash)).intersection(second.torrents.map(\.infoHash))
                #expect(same.count >= first.torrents.count - 5, "\(second.torrents.map(\.label))")

                let trace = bench["trace"]
                let isTraced = FileManager.default.isExecutableFile(atPath: Self.strace)
                let wrapper = isTraced ? [Self.strace, "-f", "-qq", "-e", "trace=%file", "-o", trace] : []
                let program = try bench.start("swarm-node", node.syncArguments(server.url, ["--json"]), wrapper: wrapper)
                let output = try await program.wait()
                #expect(output.status == 0, "\(output.errors)")
                let status = try Documents.decode(NodeStatus.self, from: Array(output.text.utf8))
                let snapshot = try #require(status.sets.first?.snapshots.last)
                #expect(snapshot.bytesWanted == bytes)
                #expect(Double(snapshot.bytesFetched) <= Double(bytes) * 1.05 + 2 * 16384)
                try expectSource(node, master)
                // A third snapshot is made over the tree of the first, so that what stays is not even linked.
                try await expectUpdate(master, node, server, files, wrapper, trace: isTraced ? trace : nil)
            }
        }

        /// Changes one file more; every name of an unchanged file in the node's system calls is an offence.
        private func expectUpdate(
            _ master: Master, _ node: Node, _ server: Master.Server, _ files: [String], _ wrapper: [String], trace: String?
        ) async throws {
            try master.source.write(files[11], "another", mtime: 1_691_000_000)
            _ = try await master.snapshot()
            try await node.synced(server.url)
            try master.source.write(files[12], "and one more", mtime: 1_692_000_000)
            _ = try await master.snapshot()
            let output = try await node.bench.start("swarm-node", node.syncArguments(server.url, []), wrapper: wrapper).wait()
            #expect(output.status == 0, "\(output.errors)")
            try expectSource(node, master)
            guard let trace else { return }
            let calls = try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n")
            let touched = Set(calls.flatMap { call in call.matches(of: /pool\/\d+\/package\d+\.deb/).map { String($0.output) } })
            // The changes of this update and of the one before: the tree is made over that of two snapshots ago.
            #expect(touched.subtracting([files[11], files[12]]).count == 0, "\(touched.count): \(touched.sorted().prefix(5))")
            #expect(touched.contains(files[12]))
        }
    }
}
