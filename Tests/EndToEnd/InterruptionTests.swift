import Foundation
import Glibc
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("Interruptions")
    struct InterruptionTests {
        /// Files that somebody may write in, or whose time is not the source's.
        private func unfinished(_ node: Node, _ master: Master) throws -> [String] {
            try FileManager.default.subpathsOfDirectory(atPath: "\(node.root)/\(node.currentTarget ?? "")").filter {
                path in
                var (here, there) = (stat(), stat())
                guard lstat("\(node.current)/\(path)", &here) == 0, here.st_mode & S_IFMT == S_IFREG,
                    lstat(master.source.location(path), &there) == 0
                else { return false }
                return here.st_mode & 0o222 != 0 || here.st_mtim.tv_sec != there.st_mtim.tv_sec
            }
        }

        /// A master of files that are packed, so that each shares its pieces with the next one.
        private func packed(_ bench: TestBench, seed: UInt64) async throws -> Master {
            var random = SeededRandom(seed: seed)
            return try await Master(bench, preset: "plain") { tree in
                for number in 0..<80 {
                    try tree.write("f\(number)", random.bytes(40_000 + number), mtime: 1_600_000_000 + number)
                }
            }
        }

        /// Kills a synchronisation each time that so many bytes have been fetched.
        private func interrupt(_ node: Node, _ url: String, at parts: [Int64]) async throws {
            for part in parts {
                let program = try node.startSync(url)
                try await node.awaitStatus("a part") { ($0.snapshots.last?.bytesFetched ?? 0) > part }
                program.signal(SIGKILL)
                await program.end()
            }
        }

        @Test("After two kills no file is writable, and each has its time")
        func attributes() async throws {
            try await TestBench.run { bench in
                let master = try await packed(bench, seed: 71)
                _ = try await master.snapshot()
                let server = try await master.serve("--upload-limit", "800KiB")
                let node = Node(master)
                try await interrupt(node, server.url, at: [700_000, 1_400_000, 2_100_000])
                let snapshot = try await node.synced(server.url)
                #expect(try unfinished(node, master) == [])
                try expectSource(node, master)
                #expect(snapshot.bytesDone == snapshot.bytesWanted)
                #expect(snapshot.filesDone == snapshot.filesWanted)
                #expect(snapshot.bytesLinked + snapshot.bytesWanted == snapshot.bytesTotal)
            }
        }

        @Test("What an interrupted fetch left half written is set right in the snapshot that takes its tree over")
        func superseded() async throws {
            try await TestBench.run { bench in
                let master = try await packed(bench, seed: 72)
                for number in 0..<80 { try master.source.hardLink("z/\(number)", to: "f\(number)") }
                _ = try await master.snapshot()
                let server = try await master.serve("--upload-limit", "800KiB")
                let node = Node(master)
                try await interrupt(node, server.url, at: [700_000, 1_400_000])
                // The first run, in which files ended in the middle of a piece, leaves some of its files.
                for number in stride(from: 0, to: 80, by: 3) { try master.source.remove("f\(number)") }
                try master.source.move("f1", to: "moved")
                _ = try await master.snapshot()
                try await node.synced(server.url)
                #expect(try unfinished(node, master) == [])
                try expectSource(node, master)
            }
        }

        @Test("A master that moves during a fetch is found again, with a tracker that answers nobody")
        func movedMaster() async throws {
            try await TestBench.run { bench in
                let board = try AnnounceBoard()
                let tracker = board.url
                board.stop()
                var archive = SampleArchive(seed: 73)
                let master = try await Master.sample(bench, &archive, options: ["--tracker", tracker])
                _ = try await master.snapshot()
                let server = try await master.serve("--upload-limit", "1MB")
                let node = Node(master)
                let (daemon, _) = try await node.run(
                    server.url, set: "http-after = \"never\"\npoll-interval = \"1s\"")
                try await node.awaitStatus("a part") { ($0.snapshots.last?.bytesFetched ?? 0) > 500_000 }
                server.program.signal(SIGTERM)
                await server.program.end()
                // The same address for HTTP, another one for peers.
                let again = try await master.serve(peerListen: "127.0.0.1:0", listen: server.address)
                #expect(again.peers != server.peers)
                try await node.awaitStatus("all of it") { $0.current != nil }
                try expectSource(node, master)
                #expect(daemon.isRunning)
            }
        }
    }
}
