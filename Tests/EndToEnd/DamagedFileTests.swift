import Foundation
import Glibc
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    /// A file of a mirrored tree is no longer what the node wrote: a bad disk, or somebody with a shell.
    @Suite("Damaged files")
    struct DamagedFileTests {
        static let victim = "pool/main/l/large1/large1_1.0_amd64.deb"

        /// What was done to the file.
        enum Damage: String, CaseIterable {
            case altered, truncated, removed

            func apply(to node: Node) throws {
                let tree = try FileTreeWriter("\(node.root)/\(try #require(node.currentTarget))")
                let path = DamagedFileTests.victim
                switch self {
                case .altered:
                    // In each piece, with the size and the time that it had.
                    for offset in stride(from: 10, to: 200_000, by: 30_000) {
                        try tree.damage(path, at: offset, [0xde, 0xad, 0xbe, 0xef])
                    }
                case .truncated: #expect(truncate(tree.location(path), 70_000) == 0)
                case .removed: try tree.remove(path)
                }
            }
        }

        @Test("harm nobody else: who asks refuses what is wrong and gets it from others", arguments: Damage.allCases)
        func seeded(_ damage: Damage) async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 120, large: 4, small: 6)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                try damage.apply(to: node)
                let daemon = try await node.run(server.url, top: "http-listen = \"127.0.0.1:0\"")
                let (http, peer) = (try #require(daemon.ready.http.first), try #require(daemon.ready.peers.first))
                server.program.signal(SIGTERM)
                await server.program.end()

                // With nobody else to ask, the other one waits, and shows nothing.
                let other = Node(master, 3)
                let alone = try other.startSync("http://\(http)", "--peer", peer, "--http-after", "1s")
                if damage == .altered {
                    try await eventually("a refusal") {
                        alone.errors.contains("a piece was refused: its hash is wrong") ? () : nil
                    }
                } else {
                    try await eventually("the damaged node says what it cannot read") {
                        let log = daemon.program.errors
                        return log.contains("cannot be read") && log.contains(Self.victim) ? () : nil
                    }
                }
                #expect(other.currentTarget == nil)
                alone.signal(SIGTERM)
                let ended = try await alone.wait()
                #expect(ended.status != 0, "\(ended)")
                // Then the master is there again.
                let back = try await master.serve(peerListen: try #require(server.peers.first), listen: server.address)
                let both = try await other.sync("http://\(http)", "--peer", peer, "--upstream", back.url)
                #expect(both.status == 0, "\(both)")
                try expectSource(other, master)
                daemon.program.signal(SIGTERM)
                #expect(await daemon.program.end() == 0)
            }
        }

        @Test(
            "are found and fetched again, and nothing else is, by a node without its state", arguments: Damage.allCases)
        func recovered(_ damage: Damage) async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 121, large: 4, small: 6)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                // A second tree, so that the file has an inode that two trees share.
                _ = try archive.update(master.source, round: 2)
                _ = try await master.snapshot()
                try await node.synced(server.url)
                try damage.apply(to: node)
                let kept = try inode("\(node.current)/\(archive.large[0])")
                for name in try FileManager.default.contentsOfDirectory(atPath: "\(node.root)/.swarm")
                where name.hasPrefix("state.sqlite") {
                    try FileManager.default.removeItem(atPath: "\(node.root)/.swarm/\(name)")
                }
                // A daemon has no rights beyond its files': to write in a read-only one fails.
                let wrapper = try Unprivileged.wrapper(owning: node.root)
                let program = try bench.start(
                    "swarm-node", node.syncArguments(server.url, ["--json", "--timeout", "150s"]), wrapper: wrapper)
                let output = try await program.wait()
                #expect(output.status == 0, "\(output)")
                try expectSource(node, master)
                let status = try Documents.decode(NodeStatus.self, from: Array(output.text.utf8))
                let snapshot = try #require(status.sets.first?.snapshots.last)
                // The file has four pieces.
                #expect(snapshot.bytesFetched <= 4 * 65_536, "\(snapshot.bytesFetched)")
                #expect(try inode("\(node.current)/\(archive.large[0])") == kept)
            }
        }

        @Test("A file that is missing where it is to be linked from is fetched, and no other")
        func linkedFrom() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 122, large: 4, small: 6)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                try Damage.removed.apply(to: node)
                for path in [Self.victim, archive.large[2]] { try master.source.move(path, to: "moved/\(path)") }
                _ = try await master.snapshot()
                let output = try await node.sync(server.url)
                #expect(output.status == 0, "\(output)")
                #expect(output.errors.contains("\(Self.victim) is gone"), "\(output)")
                try expectSource(node, master)
                let snapshot = try #require(try await node.status()?.snapshots.last)
                #expect(snapshot.bytesWanted == 203_001, "the size of the one file")
            }
        }

        @Test("A file that is missing in the tree that is made over is fetched")
        func madeOver() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 123, large: 4, small: 6)
                let master = try await Master.sample(bench, &archive)
                // The first snapshot alone has this content, under this name.
                try master.source.write("pool/once.deb", archive.random.bytes(150_000))
                let first = try await master.snapshot().snapshot
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                let content = try Data(contentsOf: URL(fileURLWithPath: master.source.location("pool/once.deb")))
                try master.source.remove("pool/once.deb")
                for round in 0..<2 {
                    _ = try archive.update(master.source, round: round)
                    _ = try await master.snapshot()
                    try await node.synced(server.url)
                }
                let tree = "\(node.root)/trees/\(first)/debian"
                try FileManager.default.removeItem(atPath: "\(tree)/pool/once.deb")
                try master.source.write("pool/again.deb", Array(content))
                _ = try await master.snapshot()
                let output = try await node.sync(server.url)
                #expect(output.status == 0, "\(output)")
                #expect(output.errors.contains("pool/once.deb is gone"), "\(output)")
                try expectSource(node, master)
                let snapshot = try #require(try await node.status()?.snapshots.last)
                #expect(snapshot.bytesWanted == 150_000)
            }
        }
    }
}

/// Runs a program without the rights of root.
enum Unprivileged {
    private static let user: UInt32 = 65_534

    /// The command that gives them up, and `directory` to the user that is left. Empty when this process has no such
    /// rights, or when the programs lie where others may not go: then the test shows less.
    static func wrapper(owning directory: String) throws -> [String] {
        guard getuid() == 0 else { return [] }
        let wrapper = ["/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(user)", "--clear-groups"]
        guard try run(wrapper + ["/usr/bin/test", "-x", RunningProgram.path("swarm-node")]) else { return [] }
        guard try run(["/usr/bin/chown", "-R", "--no-dereference", "\(user):\(user)", directory]) else {
            throw SystemCallFailure("chown", directory)
        }
        return wrapper
    }

    private static func run(_ command: [String]) throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
