import Foundation
import Glibc
import SwarmCore
import SwarmTestSupport
import TrackerCore
import Testing

extension EndToEnd {
    @Suite("A private set")
    struct PrivateSetTests {
        @Test("A node with its token finds others by the tracker alone; one without, or with a wrong one, is refused")
        func tokens() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 66, large: 4, small: 10)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                var server = try await master.serve()
                let tracker = try await TrackerProcess(bench, master, server, lines: "private = true")
                // Each has to know where the other is: from now on the feed names the tracker.
                for program in [server.program, tracker.program] {
                    program.signal(SIGTERM)
                    await program.end()
                }
                try master.setSetting(
                    "trackers", "[\"udp://\(tracker.address)/announce\", \"http://\(tracker.address)/announce\"]")
                _ = try archive.update(master.source, round: 1)
                let snapshot = try await master.snapshot().snapshot
                server = try await master.serve(listen: server.address)
                try await tracker.start()

                let first = Node(master, 2)
                let registration = try await tracker.registration(of: "first.example")
                let (_, ready) = try await first.run(
                    server.url, top: "http-listen = \"\(first.address):0\"\n\(registration)")
                let upstream = "http://\(try #require(ready.http.first))"
                try await first.awaitActive(snapshot)
                // The master, in the swarms of both snapshots, has no token: the signed feed says where it is.
                try await eventually("the tracker knows the master and the node") {
                    try await bench.run("swarm-tracker", ["report", "--tracker", tracker.url])
                        .text.contains("3 peers in 2 swarms") ? () : nil
                }
                // The feed is read from the first node, and the master, which it names as a peer, is gone.
                server.program.signal(SIGKILL)
                await server.program.end()

                let second = Node(master, 3)
                let token = try await tracker.token(of: "second.example")
                try "\(token)\n".write(toFile: bench["token"], atomically: true, encoding: .utf8)
                let report = "[report]\ntracker = \"\(tracker.url)\"\nnode = \"second.example\"\n"
                let (other, _) = try await second.run(
                    upstream,
                    top: "\(report)token-file = \"\(bench["token"])\"\n[peers]\nnear = \"\(first.address)\"",
                    set: "http-after = \"never\"")
                try await second.awaitActive(snapshot)
                try expectSource(second, master)
                let status = try #require(try await second.socketStatus()?.snapshots.last)
                #expect(status.bytesFromPeers > 0 && status.bytesFromMaster == 0 && status.bytesFromHTTP == 0)
                #expect(!other.errors.contains(token))
                // What it got came from a peer that it calls near.
                let text = try await second.statusText()
                let traffic = try #require(try Documents.decode(NodeStatus.self, from: Array(text.utf8)).traffic)
                #expect(traffic.receivedNear == status.bytesFromPeers && traffic.receivedFar == 0)

                try await eventually("the tracker shows what near peers gave") {
                    let shown = try await bench.run("swarm-tracker", ["report", "--json", "--tracker", tracker.url])
                    let nodes = try Documents.decode(TrackerReport.self, from: Array(shown.text.utf8))
                        .sets.first?.snapshots.first?.nodes
                    let split = nodes?.first { $0.node.rawValue == "second.example" }?.traffic
                    return split?.near == status.bytesFromPeers && split?.far == 0 ? () : nil
                }
                let shown = try await bench.run("swarm-tracker", ["report", "--tracker", tracker.url])
                #expect(shown.text.contains("near peers"))

                let stranger = Node(master, 4)
                let (refused, _) = try await stranger.run(upstream, set: "http-after = \"never\"")
                try await eventually("the stranger is told why it gets no peers") {
                    refused.errors.contains("is for registered nodes: announce to /announce/TOKEN") ? () : nil
                }
                try await eventually("over UDP it is told that libtorrent does not say why") {
                    refused.errors.contains("an http:// announce URL tells it") ? () : nil
                }
                let impostor = Node(master, 5)
                let wrong = "0123456789abcdef"
                let (refusedToo, _) = try await impostor.run(
                    upstream, top: "\(report)token = \"\(wrong)\"", set: "http-after = \"never\"")
                try await eventually("the impostor is told that its token is wrong") {
                    refusedToo.errors.contains("the token in the announce URL is nobody's") ? () : nil
                }
                #expect(refusedToo.errors.contains("/announce/TOKEN"), "\(refusedToo.errors)")
                #expect(!refusedToo.errors.contains(wrong), "\(refusedToo.errors)")
                for node in [stranger, impostor] {
                    #expect(node.currentTarget == nil)
                    #expect(try await node.socketStatus()?.snapshots.last?.bytesFetched == 0)
                }
            }
        }
    }
}
