import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

@Suite("Killed while publishing")
struct KilledSnapshotTests {
    @Test(
        "Of 2,000 files with changes, snapshot is killed at any moment: the next one publishes exactly the source")
    func anyMoment() async throws {
        try await TestBench.run { bench in
            var random = SeededRandom(seed: 110)
            var paths = (0..<2000).map { "pool/\($0 % 30)/package\($0).deb" }
            let master = try await Master(bench, configuration: "shard-files = 500") { tree in
                for path in paths { try tree.write(path, random.bytes(Int.random(in: 20...3000, using: &random))) }
                try tree.write("dists/stable/Release", "0")
            }
            _ = try await master.snapshot()
            let server = try await master.serve()
            let node = Node(master)
            let daemon = try await node.run(server.url)
            try await node.awaitActive(#require(master.feed().newest?.uuid))
            try change(master.source, &paths, 0)
            let started = ContinuousClock.now
            _ = try await master.snapshot()
            var length = ContinuousClock.now - started
            var kills = 0
            for round in 1...20 {
                try change(master.source, &paths, round)
                let program = try bench.start("swarm-publish", ["snapshot", "--store", master.store])
                // Not a wait for something: the moment of the kill is arbitrary, but for being within a whole run.
                let moment = length * Double.random(in: 0.05...0.95, using: &random)
                try await Task.sleep(for: moment)
                program.signal(SIGKILL)
                if await program.end() == -SIGKILL {
                    kills += 1
                } else {
                    // Over already: a run is shorter than the first one was.
                    length = length * 4 / 5
                }
                _ = try await master.snapshot()
                let source = try master.tree()
                let difference = try TreeState("\(master.store)/current").differences(from: source)
                #expect(difference == [], "round \(round), killed after \(moment)")
                #expect(try await master.snapshot().uuid == nil, "round \(round), killed after \(moment)")
                let newest = try #require(master.feed().newest?.uuid)
                try await node.awaitActive(newest)
                let mirrored = try node.tree().differences(from: source, allowingMoreLinks: true)
                #expect(mirrored == [], "round \(round)")
            }
            #expect(kills >= 5, "most runs were over before they were killed")
            daemon.program.signal(SIGTERM)
            #expect(await daemon.program.end() == 0)
            #expect(
                try await TreeComparison.differences(node.current, from: master.source.root) == "")
        }
    }

    /// What happens to an archive between two snapshots, the same in every run.
    private func change(_ tree: FileTreeWriter, _ paths: inout [String], _ round: Int) throws {
        var random = SeededRandom(seed: UInt64(round))
        for _ in 0..<30 {
            let index = Int.random(in: paths.indices, using: &random)
            let path = paths[index]
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                try tree.remove(path)
                paths.remove(at: index)
            case 1:
                paths[index] = "pool/moved\(round)/\(index).deb"
                try tree.move(path, to: paths[index])
            case 2: try tree.touch(path, mtime: 1_700_000_000 + round)
            case 3:
                let link = "pool/linked\(round)/\(index).deb"
                guard !paths.contains(link) else { continue }
                try tree.hardLink(link, to: path)
                paths.append(link)
            default: try tree.write(path, random.bytes(Int.random(in: 0...200_000, using: &random)))
            }
        }
        try tree.write("dists/stable/Release", "\(round)", mtime: 1_700_000_000 + round)
    }
}
