import ContentServer
import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    /// To a node, a master's clock that is fast and its own that is slow are the same.
    @Suite("Clocks")
    struct ClockTests {
        @Test("A feed from the future, or from too long ago, is refused with both clocks named, until they agree")
        func wrongClock() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 90, large: 2, small: 4)
                let master = try await Master.sample(bench, &archive)
                let first = try await master.snapshot().snapshot
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                _ = try archive.update(master.source, round: 1)
                let second = try await master.snapshot().snapshot
                func shifted(by seconds: TimeInterval, version: UInt64) throws -> [UInt8] {
                    try master.signed { feed in
                        feed.version += version
                        feed.issued.addTimeInterval(seconds)
                        feed.expires.addTimeInterval(seconds)
                    }
                }
                let days: TimeInterval = 86_400
                let moments = try [shifted(by: 3 * days, version: 1), shifted(by: -30 * days, version: 1)]
                for (moment, words) in zip(moments, ["the feed was issued at", "the feed expired at"]) {
                    let output = try await UpstreamServer.run(master, moment) { try await node.sync($0.url) }
                    #expect(output.status == 1, "\(output)")
                    let complaint = output.errors.split(separator: "\n").last.map { String($0) } ?? ""
                    #expect(complaint.contains(words), "\(output)")
                    #expect(complaint.contains("clock"), "\(output)")
                    #expect(node.currentTarget == "trees/\(first)/debian")
                }
                // A daemon says so, and goes on by itself once the clocks agree.
                try await UpstreamServer.run(master, moments[0]) { upstream in
                    let daemon = try await node.run(upstream.url, set: "poll-interval = \"1s\"")
                    let status = try await node.awaitStatus("the complaint") { $0.error != nil }
                    #expect(status.error?.contains("clock") == true, "\(status)")
                    #expect(node.currentTarget == "trees/\(first)/debian")
                    upstream.feed.publish(version: 2, bytes: try shifted(by: 300, version: 2))
                    try await node.awaitActive(second)
                    daemon.program.signal(SIGTERM)
                    #expect(await daemon.program.end() == 0)
                }
                try expectSource(node, master)
            }
        }
    }
}
