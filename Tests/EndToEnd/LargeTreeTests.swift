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

                let snapshot = try await node.synced(server.url)
                #expect(snapshot.bytesWanted == bytes)
                // Blocks are fetched whole: what is new in one of the three shards ends within one.
                #expect(Double(snapshot.bytesFetched) <= Double(bytes) * 1.05 + 3 * 16384)
                try expectSource(node, master)

                // The third tree is linked from the second; then that of the first is free, and the fourth is made over it.
                for (index, path) in [files[11], files[12]].enumerated() {
                    try master.source.write(path, "another \(index)", mtime: 1_691_000_000)
                    changed.insert(path)
                    _ = try await master.snapshot()
                    if index == 0 { try await node.synced(server.url) }
                }
                let touched = try await pathsInSystemCalls(node, server)
                try expectSource(node, master)
                guard let touched else { return }
                #expect(touched.contains(files[12]))
                let needless = touched.subtracting(changed)
                #expect(needless.isEmpty, "\(needless.count), such as \(needless.sorted().prefix(5))")
            }
        }

        /// The packages that a synchronisation names in its system calls; nil where they cannot be traced.
        private func pathsInSystemCalls(_ node: Node, _ server: Master.Server) async throws -> Set<String>? {
            let trace = node.bench["trace"]
            let isTraced = FileManager.default.isExecutableFile(atPath: Self.strace)
            let wrapper = isTraced ? [Self.strace, "-f", "-qq", "-e", "trace=%file", "-o", trace] : []
            let program = try node.bench.start("swarm-node", node.syncArguments(server.url, []), wrapper: wrapper)
            let output = try await program.wait()
            #expect(output.status == 0, "\(output.errors)")
            guard isTraced else { return nil }
            let calls = try String(contentsOfFile: trace, encoding: .utf8)
            return Set(calls.matches(of: /pool\/\d+\/package\d+\.deb/).map { String($0.output) })
        }
    }
}
