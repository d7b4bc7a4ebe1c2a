import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("Synchronising")
    struct SyncTests {
        @Test("Three nodes that begin at once get the source, partly from each other")
        func threeNodes() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 1)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                let server = try await master.serve("--upload-limit", "1500KiB")
                let nodes = [2, 3, 4].map { Node(master, $0) }
                let running = try nodes.map { try $0.startSync(server.url, "--json") }
                var fromPeers: Int64 = 0
                for (node, program) in zip(nodes, running) {
                    let output = try await program.wait()
                    #expect(output.status == 0, "\(output)")
                    try expectSource(node, master)
                    let status = try Documents.decode(NodeStatus.self, from: Array(output.text.utf8))
                    let snapshot = try #require(status.sets.first?.snapshots.last)
                    #expect(snapshot.bytesFetched == snapshot.bytesFromMaster + snapshot.bytesFromPeers)
                    #expect(snapshot.bytesDone == snapshot.bytesWanted)
                    fromPeers += snapshot.bytesFromPeers
                }
                #expect(fromPeers > 0)
                try await expectKeys(nodes[0])
            }
        }

        private func expectKeys(_ node: Node) async throws {
            let object = try JSONSerialization.jsonObject(with: Data(try await node.statusText().utf8))
            let sets = try #require((object as? [String: Any])?["sets"] as? [[String: Any]])
            let set = try #require(sets.first)
            #expect(set["set"] as? String == "debian")
            #expect(Set((set["current"] as? [String: Any])?.keys ?? [:].keys) == ["uuid", "serial"])
            let snapshot = try #require((set["snapshots"] as? [[String: Any]])?.first)
            let required: Set = [
                "uuid", "serial", "state", "phase", "bytesTotal", "bytesLinked", "bytesWanted", "bytesFetched",
                "bytesFromMaster", "bytesFromPeers", "bytesFromHTTP", "files", "peers", "error",
            ]
            #expect(required.subtracting(snapshot.keys) == [])
        }

        @Test("A small change costs what changed; everything else keeps its inode")
        func smallChange() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 2, large: 40, small: 300)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                let before = try Dictionary(
                    uniqueKeysWithValues: archive.small.map { ($0, try inode("\(node.current)/\($0)")) })

                var changed: Int64 = 0
                for index in [3, 77, 150] {
                    let bytes = archive.random.bytes(900 + index * 10)
                    try master.source.write(archive.small[index], bytes, mtime: 1_640_000_000)
                    changed += Int64(bytes.count)
                }
                let update = try archive.update(master.source, round: 5)
                changed += update.bytes
                let report = try await master.snapshot()
                #expect(report.bytesRead == changed)
                let snapshot = try await node.synced(server.url)
                #expect(snapshot.bytesWanted == changed)
                #expect(snapshot.bytesFetched >= changed)
                let limit = Double(changed) * 1.05 + Double((update.files + 3) * 16384)
                #expect(Double(snapshot.bytesFetched) <= limit)
                try expectSource(node, master)
                for (index, path) in archive.small.enumerated() where ![3, 77, 150].contains(index) {
                    #expect(try inode("\(node.current)/\(path)") == before[path], "\(path)")
                }
            }
        }

        @Test("What is renamed, moved or copied is not fetched")
        func renames() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 3)
                let master = try await Master.sample(bench, &archive, preset: "plain")
                _ = try await master.snapshot()
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                for round in 0..<3 {
                    // Each round the tree that is made over is another one: new, then spare ones.
                    try master.source.move("pool/main/s/small\(round)", to: "pool/moved/\(round)/small")
                    try master.source.move(archive.large[round + 2], to: "pool/renamed-\(round).deb")
                    let copied = archive.large[round + 6]
                    let content = try Data(contentsOf: URL(fileURLWithPath: master.source.location(copied)))
                    try master.source.write("copies/\(round).deb", Array(content), mtime: 1_600_000_000 + round + 6)
                    try master.source.write("copies/\(round)-later.deb", Array(content), mtime: 1_650_000_000)
                    // Two files change places.
                    try master.source.move(archive.large[12], to: "swap")
                    try master.source.move(archive.large[13], to: archive.large[12])
                    try master.source.move("swap", to: archive.large[13])
                    _ = try await master.snapshot()
                    let snapshot = try await node.synced(server.url)
                    #expect(snapshot.bytesFetched == 0)
                    #expect(snapshot.bytesWanted == 0)
                    try expectSource(node, master)
                    #expect(
                        try inode("\(node.current)/copies/\(round).deb") == inode("\(node.current)/\(copied)"),
                        "equal content, time and mode share an inode")
                }
            }
        }

        @Test("A new name of an old file shares its inode, though new files are packed around it")
        func hardLinkAmongNewFiles() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 4)
                let master = try await Master.sample(bench, &archive, preset: "plain")
                _ = try await master.snapshot()
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                for index in 0..<20 {
                    try master.source.write("new/\(index)a", archive.random.bytes(900))
                    try master.source.hardLink("new/\(index)b", to: archive.small[index])
                }
                _ = try await master.snapshot()
                try await node.synced(server.url)
                try expectSource(node, master)
            }
        }

        @Test("Names of one inode stay names of one inode when its time or mode changes, or when they come anew")
        func hardLinksThatChange() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 6, large: 4, small: 12)
                let master = try await Master.sample(bench, &archive, preset: "plain")
                _ = try await master.snapshot()
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                for round in 0..<4 {
                    // A packed file and a large one, each with a second name.
                    for (index, path) in [archive.small[0], archive.large[0]].enumerated() {
                        switch round {
                        case 0: try master.source.touch(path, mtime: 1_700_000_100)
                        case 1: try master.source.setExecutable(path, true)
                        case 2: try master.source.hardLink("third\(index)", to: path)
                        default: try master.source.touch("third\(index)", mtime: 1_700_000_200)
                        }
                    }
                    if round == 3 {
                        // New, under two names of one inode and a third with another time.
                        let content = archive.random.bytes(5000)
                        try master.source.write("new/one", content, mtime: 1_700_000_300)
                        try master.source.hardLink("new/two", to: "new/one")
                        try master.source.write("new/three", content, mtime: 1_700_000_301)
                        try master.source.hardLink("new/four", to: "new/three")
                    }
                    _ = try await master.snapshot()
                    let snapshot = try await node.synced(server.url)
                    #expect(snapshot.bytesWanted == (round == 3 ? 5000 : 0))
                    try expectSource(node, master)
                }
            }
        }

        @Test("Who was away for several snapshots goes to the newest")
        func away() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 5)
                let master = try await Master.sample(bench, &archive)
                let first = try await master.snapshot().snapshot
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                var last = first
                for round in 0..<4 {
                    _ = try archive.update(master.source, round: round)
                    last = try await master.snapshot().snapshot
                }
                try await node.synced(server.url)
                let status = try #require(try await node.status())
                #expect(status.current?.uuid == last)
                #expect(status.snapshots.map(\.uuid) == [first, last])
                #expect(status.snapshots.map(\.state) == [.retained, .active])
                try expectSource(node, master)
            }
        }

        @Test("A partial mirror has what is included, and nothing of what is excluded")
        func partial() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 6)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                let server = try await master.serve()
                let node = Node(master)
                let filter = PathFilter(include: ["/dists/", "/pool/"], exclude: ["small3*", "/pool/main/l/large1*/"])
                let compiled = try filter.compiled()
                let arguments =
                    filter.include.flatMap { ["--include", $0] } + filter.exclude.flatMap { ["--exclude", $0] }
                for round in 0..<3 {
                    let output = try await bench.run(
                        "swarm-node", node.syncArguments(server.url, arguments + ["--json"]))
                    #expect(output.status == 0, "\(output)")
                    let (have, source) = (try node.tree(), try master.tree())
                    let expected = source.nodes.filter { compiled.includes($0.key) }
                    #expect(Set(have.nodes.keys) == Set(expected.keys))
                    #expect(expected.keys.filter { have.nodes[$0] != expected[$0] } == [])
                    #expect(expected.count < source.nodes.count - 10)
                    #expect(FileManager.default.fileExists(atPath: "\(node.root)/.swarm/parts") == false)
                    _ = try archive.update(master.source, round: round)
                    try master.source.write("pool/main/s/small0/small3\(round)-new", archive.random.bytes(5000))
                    try master.source.write("pool/main/s/small0/other\(round)-new", archive.random.bytes(5000))
                    _ = try await master.snapshot()
                }
            }
        }
    }
}
