import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Synchronization
import Testing

extension EndToEnd {
    @Suite("Fetching over HTTP")
    struct HTTPFetchTests {
        /// An upstream without BitTorrent that shows trees under paths of the test's choice, and notes what it is asked for.
        final class Shelf: Sendable {
            private struct State {
                var trees: [String: String] = [:]
                var requests: [String] = []
            }
            private let state = Mutex(State())
            private let master: Master
            private let server = Mutex<SmallHTTPServer?>(nil)

            init(_ master: Master, note: [UInt8]) throws {
                self.master = master
                let server = try SmallHTTPServer { [weak self] request in
                    guard request.path != "/.swarm/debian/feed" else { return .ok(note) }
                    return self?.answer(request) ?? .missing
                }
                self.server.withLock { $0 = server }
            }

            var url: String { server.withLock { $0?.url ?? "" } }
            /// Paths of the trees' files that were asked for.
            var requests: [String] { state.withLock { $0.requests } }

            /// Shows the directory `tree` under `prefix`.
            func show(_ tree: String, at prefix: String) { state.withLock { $0.trees[prefix] = tree } }

            func stop() { server.withLock { $0?.stop() } }

            private func answer(_ request: SmallHTTPServer.Request) -> SmallHTTPServer.Reply {
                guard let range = request.range else {
                    let path = request.path.replacing("/.swarm/debian/", with: "")
                    return FileManager.default.contents(atPath: "\(master.store)/.swarm/\(path)").map { .ok(Array($0)) }
                        ?? .missing
                }
                let tree = state.withLock { state in
                    state.requests.append(request.path)
                    return state.trees.first { request.path.hasPrefix($0.key) }
                }
                guard let (prefix, directory) = tree,
                    let data = FileManager.default.contents(
                        atPath: "\(directory)/\(request.path.dropFirst(prefix.count))")
                else { return .missing }
                guard range.upperBound < data.count else { return .content(status: 416, []) }
                return .content(status: 206, Array(data[range]))
            }
        }

        /// The master's feed without peers.
        private func note(_ master: Master) throws -> [UInt8] {
            try master.signed { feed in
                feed.version += 1
                feed.peers = []
            }
        }

        private func copy(_ tree: String, to directory: String) throws -> String {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/cp")
            process.arguments = ["-a", tree, directory]
            try process.run()
            process.waitUntilExit()
            return directory
        }

        @Test("A large file comes in few requests, and as fast as they can be answered")
        func largeFile() async throws {
            try await TestBench.run { bench in
                var random = SeededRandom(seed: 90)
                let master = try await Master(bench, preset: "plain") { tree in
                    try tree.write("large", random.bytes(30_000_000))
                    for number in 0..<100 { try tree.write("small/\(number)", random.bytes(1000 + number)) }
                }
                let snapshot = try await master.snapshot().snapshot
                let shelf = try Shelf(master, note: try note(master))
                defer { shelf.stop() }
                shelf.show(master.source.root, at: "/.swarm/debian/snap/\(snapshot)/")
                let node = Node(master)
                let result = try await node.synced(shelf.url, "--http-after", "0s")
                try expectSource(node, master)
                #expect(result.bytesFromHTTP == result.bytesWanted)
                #expect(shelf.requests.count { $0.hasSuffix("/large") } <= 10)
                #expect(shelf.requests.count <= 112)
            }
        }

        @Test("What has not changed comes from other snapshots while the new one is not open")
        func otherSnapshots() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 91, large: 6, small: 20)
                let master = try await Master.sample(bench, &archive)
                let first = try await master.snapshot().snapshot
                let old = try copy(master.source.root, to: bench["old"])
                let gone = archive.small[3]
                try master.source.write(archive.large[0], archive.random.bytes(200_000), mtime: 1_630_000_000)
                _ = try archive.update(master.source, round: 1)
                try master.source.remove(gone)
                let second = try await master.snapshot("--hold").snapshot
                // Otherwise the node would fetch it first, for its readers.
                try await master.publish("hold", first.rawValue)
                let shelf = try Shelf(master, note: try note(master))
                defer { shelf.stop() }
                // What is current there is the first snapshot; one file in it is another one, of the same length.
                shelf.show(old, at: "/debian/")
                let swapped = archive.large[4]
                let right = try Data(contentsOf: URL(fileURLWithPath: "\(old)/\(swapped)"))
                try shelf.show(copy(old, to: bench["right"]), at: "/.swarm/debian/snap/\(first)/")
                try FileTreeWriter(old).write(swapped, archive.random.bytes(right.count))

                let node = Node(master)
                let daemon = try await node.run(
                    shelf.url, set: "http-after = \"0s\"\npoll-interval = \"1s\"")
                // (The first small one has a twin, which is fetched in its place.)
                let changed: Set = [archive.large[0], archive.large[1], archive.small[0]]
                let packages = (archive.large + archive.small).filter { !changed.contains($0) && $0 != gone }
                try await eventually("all that has not changed") {
                    packages.allSatisfy { path in
                        let here = "\(node.root)/trees/\(second)/debian/\(path)"
                        return (try? mode(here)) == 0o444
                    } ? () : nil
                }
                for path in packages {
                    let here = "\(node.root)/trees/\(second)/debian/\(path)"
                    #expect(FileManager.default.contentsEqual(atPath: here, andPath: master.source.location(path)))
                }
                #expect(node.currentTarget == nil)
                // What no open snapshot has is not asked for again and again.
                let status = try await node.awaitStatus("a reason") { $0.snapshots.last?.error != nil }
                #expect(status.snapshots.last?.error?.contains("open yet") == true)
                let missed = shelf.requests.count { $0 == "/debian/\(archive.large[0])" }
                #expect(missed <= 4, "\(missed)")

                shelf.show(master.source.root, at: "/.swarm/debian/snap/\(second)/")
                try await node.awaitStatus("ready") { $0.snapshots.last?.state == .ready }
                daemon.program.signal(SIGTERM)
                #expect(await daemon.program.end() == 0)
            }
        }
    }
}
