import Foundation
import Glibc
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    /// Programs that read a node's files over one connection, while it goes from one snapshot to the next.
    @Suite("Readers of a node")
    struct ReaderTests {
        /// A master with a node that keeps no snapshot beside the current one.
        private struct Bench {
            let master: Master
            let server: Master.Server
            let node: Node
            var archive: SampleArchive
            let first: SnapshotID
            let before: TreeState

            init(_ bench: TestBench, seed: UInt64) async throws {
                archive = SampleArchive(seed: seed, large: 3, small: 12)
                master = try await Master.sample(bench, &archive)
                first = try await master.snapshot().snapshot
                before = try master.tree()
                server = try await master.serve()
                node = Node(master)
            }

            func run(top: String = "", wrapper: [String] = []) async throws -> (RunningProgram, ReadyFile) {
                let started = try await node.run(server.url, top: top, set: "keep = 0", wrapper: wrapper)
                try await node.awaitActive(first)
                return started
            }

            /// Publishes what changes, removes and adds files.
            mutating func publish() async throws -> SnapshotID {
                _ = try archive.update(master.source, round: 1)
                try master.source.move(archive.small[0], to: "pool/moved.deb")
                try master.source.write(archive.small[1], archive.random.bytes(5000))
                return try await master.snapshot().snapshot
            }
        }

        /// What a connection is answered for the files of a tree, by path: nil for one that is not there.
        private func read(
            _ connection: RawConnection, _ prefix: String, _ paths: some Sequence<String>
        ) async throws -> [String: [UInt8]?] {
            let targets = try paths.map { path in
                (path, try #require(path.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed)))
            }
            return try await offload {
                var result: [String: [UInt8]?] = [:]
                for (path, target) in targets {
                    let response = try connection.request("\(prefix)/\(target)")
                    guard response.status == 200 || response.status == 404 else {
                        throw ProgramFailure("\(response.status) for \(path)")
                    }
                    result[path] = .some(response.status == 200 ? response.body : nil)
                }
                return result
            }
        }

        /// Expects that a connection is shown the files of a tree, whole and as they are there.
        private func expect(
            _ connection: RawConnection, shows tree: TreeState, sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            let files = Self.files(tree)
            let seen = try await read(connection, "/debian", files.keys)
            let wrong = files.filter { seen[$0.key] != .some($0.value) }.keys.sorted()
            #expect(wrong == [], sourceLocation: sourceLocation)
        }

        private static func files(_ tree: TreeState) -> [String: [UInt8]] {
            tree.nodes.compactMapValues { node in
                if case .file(let content, _, _) = node { content } else { nil }
            }
        }

        @Test("A connection is shown the snapshot that it began with, whole, for its minute, though it has expired")
        func itsMinute() async throws {
            try await TestBench.run { bench in
                var setting = try await Bench(bench, seed: 114)
                let node = setting.node
                let (_, ready) = try await setting.run(top: "http-listen = \"\(node.address):0\"")
                let unread = Node(setting.master, 3)
                try await unread.synced(setting.server.url)
                let address = try #require(ready.http.first.flatMap { Endpoint($0) })
                let connection = try RawConnection(to: address)
                try await expect(connection, shows: setting.before)

                let next = try await setting.publish()
                try await node.awaitActive(next)
                try await node.awaitStatus("the first has expired") { $0.spare == setting.first }
                // A node without readers brings its expired tree up to date, from its activation to the end of that.
                _ = try await unread.run(setting.server.url, set: "keep = 0")
                try await unread.awaitStatus("its spare tree is up to date") { $0.spare == next }
                try await expect(connection, shows: setting.before)
                #expect(try await node.socketStatus()?.spare == setting.first)
                try await expect(try RawConnection(to: address), shows: try setting.master.tree())
            }
        }

        @Test(
            "Once its tree has gone to be made over, a connection is shown the newest one, and nothing half made",
            .enabled(if: SystemCallKiller.isPossible, "\(SystemCallKiller.requirement)"))
        func halfMade() async throws {
            try await TestBench.run { bench in
                var setting = try await Bench(bench, seed: 115)
                let (node, first) = (setting.node, setting.first)
                let holder = SystemCallHolder(
                    "unlinkat", paths: ["\(node.root)/.swarm/spare/\(first)/debian"], log: bench["strace"])
                // Who asks over the socket is not waited for: where nothing else is listened at, a node has no readers.
                let (program, _) = try await setting.run(wrapper: holder.wrapper)
                let connection = try RawConnection(unix: "\(node.root)/.swarm/status.sock")
                try await expect(connection, shows: setting.before)

                let next = try await setting.publish()
                try await node.awaitActive(next)
                try await holder.awaitHeld()
                let after = try setting.master.tree()
                try await expect(connection, shows: after)
                let all = Set(Self.files(setting.before).keys).union(Self.files(after).keys)
                let named = try await read(connection, "/.swarm/debian/snap/\(first)", all)
                #expect(named.count == all.count && named.values.allSatisfy { $0 == nil })
                try holder.release(program)
                try await node.awaitStatus("the spare tree is up to date") { $0.spare == next }
                try await expect(connection, shows: after)
            }
        }
    }
}
