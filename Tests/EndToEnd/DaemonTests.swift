import Foundation
import FoundationNetworking
import SwarmCore
import SwarmTestSupport
import Synchronization
import Testing

extension EndToEnd {
    @Suite("The daemon")
    struct DaemonTests {
        @Test("A root has one daemon; SIGTERM ends it in order, and SIGHUP reads its configuration again")
        func life() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 50, large: 4)
                let master = try await Master.sample(bench, &archive)
                let first = try await master.snapshot().snapshot
                let server = try await master.serve()
                let node = Node(master)
                let (daemon, _) = try await node.run(server.url)
                try await node.awaitActive(first)

                let second = try await bench.run("swarm-node", ["run", "--config", node.configurationFile])
                #expect(second.status == 1, "\(second)")
                #expect(second.errors.contains("process \(daemon.pid)"), "\(second)")
                #expect(second.errors.contains("is held by"), "\(second)")

                // A new configuration: it serves HTTP from now on.
                try node.configuration(server.url, top: "http-listen = \"\(node.address):0\"")
                    .write(toFile: node.configurationFile, atomically: true, encoding: .utf8)
                daemon.signal(SIGHUP)
                let address = try await eventually("HTTP after SIGHUP") {
                    daemon.errors.firstMatch(of: /serving (http:\/\/127\.0\.0\.2:\d+)/).map { String($0.output.1) }
                }
                let url = try #require(URL(string: "\(address)/debian/dists/stable/Release"))
                let release = try await URLSession.shared.data(from: url).0
                #expect(release == FileManager.default.contents(atPath: master.source.location("dists/stable/Release")))

                // A broken one changes nothing.
                try "peer-listen = 5\n".write(toFile: node.configurationFile, atomically: true, encoding: .utf8)
                daemon.signal(SIGHUP)
                try await eventually("a complaint") {
                    daemon.errors.contains("the configuration stays as it was") ? () : nil
                }
                _ = try archive.update(master.source, round: 1)
                try await node.awaitActive(try await master.snapshot().snapshot)
                try expectSource(node, master)
                #expect(daemon.isRunning)

                daemon.signal(SIGTERM)
                let output = try await daemon.wait()
                #expect(output.status == 0, "\(output)")
                let stored = try #require(try await node.status())
                #expect(stored.current?.uuid == stored.snapshots.last?.uuid)
            }
        }

        @Test("A new configuration that cannot be had leaves the old one at work")
        func impossibleConfiguration() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 51, large: 4)
                let master = try await Master.sample(bench, &archive)
                let first = try await master.snapshot().snapshot
                let server = try await master.serve()
                let node = Node(master)
                let (daemon, _) = try await node.run(server.url)
                try await node.awaitActive(first)
                // The address of the master: taken.
                try node.configuration(server.url, top: "http-listen = \"\(server.address)\"")
                    .write(toFile: node.configurationFile, atomically: true, encoding: .utf8)
                daemon.signal(SIGHUP)
                try await eventually("a complaint") {
                    daemon.errors.contains("the configuration stays as it was") ? () : nil
                }
                _ = try archive.update(master.source, round: 1)
                try await node.awaitActive(try await master.snapshot().snapshot)
                #expect(daemon.isRunning)
            }
        }

        @Test("A node is the upstream of another when the master is gone, by peers and by HTTP")
        func chain() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 52, large: 6)
                let master = try await Master.sample(bench, &archive)
                let first = try await master.snapshot().snapshot
                let server = try await master.serve()
                let node = Node(master, 2)
                let (_, ready) = try await node.run(server.url, top: "http-listen = \"127.0.0.2:0\"")
                try await node.awaitActive(first)
                let url = "http://\(try #require(ready.http.first))"
                let peer = try #require(ready.peers.first)

                let follower = Node(master, 5)
                let following = try await follower.run(url)
                server.program.signal(SIGKILL)
                await server.program.end()
                let byPeer = try await Node(master, 3).synced(url, "--peer", peer)
                #expect(byPeer.bytesFromPeers > 0 && byPeer.bytesFromHTTP == 0)
                try expectSource(Node(master, 3), master)
                let byHTTP = try await Node(master, 4).synced(url, "--http-after", "0s")
                #expect(byHTTP.bytesFromHTTP > 0)
                try expectSource(Node(master, 4), master)
                following.program.signal(SIGTERM)
                #expect(await following.program.end() == 0)
            }
        }

        @Test("The documents of an update come with the feed: nobody asks for them, along a chain of nodes either")
        func oneAnswer() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 54, large: 4)
                let master = try await Master.sample(bench, &archive)
                let first = try await master.snapshot().snapshot
                let server = try await master.serve()
                let (relay, leaf) = (Node(master, 2), Node(master, 3))
                let (daemon, ready) = try await relay.run(
                    server.url, top: "log-level = \"trace\"\nhttp-listen = \"127.0.0.2:0\"")
                let url = "http://\(try #require(ready.http.first))"
                try await relay.awaitActive(first)
                _ = try await leaf.run(url, set: "peers = [\"\(try #require(ready.peers.first))\"]")
                try await leaf.awaitActive(first)
                func requests() -> [String] {
                    daemon.errors.matches(of: /target=(\/\.swarm\/debian\/\S+)/).map { String($0.output.1) }
                }
                #expect(requests().contains { $0.contains("/manifests/") })
                try await eventually("the leaf waits for news") {
                    requests().last?.contains("with=documents") == true ? () : nil
                }
                let before = requests().count
                _ = try archive.update(master.source, round: 1)
                let second = try await master.snapshot().snapshot
                try await leaf.awaitActive(second)
                try expectSource(leaf, master)
                let news = requests().dropFirst(before)
                #expect(news.allSatisfy { $0.contains("/feed?") }, "\(news)")
                let status = try #require(try await leaf.status()?.snapshots.last)
                #expect(status.bytesMetadata > 0 && status.bytesFromHTTP == 0)
            }
        }

        @Test("Without BitTorrent the content comes over HTTP, and only once")
        func withoutPeers() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 53)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                let server = try await master.serve()
                // The master's own daemon is no peer that anyone is told of.
                let note = try master.signed { feed in
                    feed.version += 1
                    feed.peers = []
                }
                let node = Node(master)
                let snapshot = try await UpstreamServer.run(master, note) {
                    try await node.synced($0.url, "--http-after", "2s")
                }
                // A piece may cover a file that is needed twice and fetched once.
                #expect(snapshot.bytesFromHTTP >= snapshot.bytesWanted)
                #expect(Double(snapshot.bytesFromHTTP) <= 1.02 * Double(snapshot.bytesWanted))
                #expect(snapshot.bytesFetched == snapshot.bytesFromHTTP)
                try expectSource(node, master)
                #expect(try await master.uploaded(server) == 0)
            }
        }

        @Test("An upstream that sends the same feed at once is asked at intervals, and no more often")
        func poll() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 54, large: 2, small: 2)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                let note = try Array(Data(contentsOf: URL(fileURLWithPath: "\(master.store)/.swarm/feed")))
                let moments = Moments()
                let upstream = try SmallHTTPServer { request in
                    guard request.path.hasSuffix("/feed") else { return .missing }
                    moments.add()
                    return .ok(note)
                }
                defer { upstream.stop() }
                _ = try await Node(master).run(upstream.url, set: "poll-interval = \"1s\"")
                let asked = try await eventually("four questions") { moments.list.count >= 4 ? moments.list : nil }
                // The first brings the feed; from the second on there is no news.
                #expect(asked[2] - asked[1] > .milliseconds(900))
                #expect(asked[3] - asked[2] > .milliseconds(900))
            }
        }

        /// When something happened.
        private final class Moments: Sendable {
            private let moments = Mutex<[ContinuousClock.Instant]>([])
            var list: [ContinuousClock.Instant] { moments.withLock { $0 } }
            func add() { moments.withLock { $0.append(.now) } }
        }
    }
}
