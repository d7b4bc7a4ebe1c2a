import Foundation
import SwarmTestSupport
import Testing

/// Upstreams that take a request and then let the asker wait: what cannot be told from a slow line for a while must be
/// given up in the end, and the next upstream asked.
@Suite("Slow upstreams")
struct SlowUpstreamTests {
    /// What the first of two upstreams does.
    enum Fault: String, CaseIterable {
        case silentFeed, trickledFeed, stoppedFeed, trickledManifest, silentManifest, stoppedTorrent

        /// Whether it shows in the answer to this path.
        func concerns(_ path: String) -> Bool {
            switch self {
            case .silentFeed, .trickledFeed, .stoppedFeed: path == "feed"
            case .trickledManifest, .silentManifest: path.hasPrefix("manifests/")
            case .stoppedTorrent: path.hasPrefix("torrents/")
            }
        }

        /// The answer in place of `content`.
        func reply(_ content: [UInt8]) -> SmallHTTPServer.Reply {
            switch self {
            case .silentFeed, .silentManifest: .silence
            case .trickledFeed, .trickledManifest: .trickled(length: content.count, content)
            case .stoppedFeed, .stoppedTorrent: .stalled(length: content.count, Array(content.dropLast(1)))
            }
        }
    }

    @Test("are left for the next one in a minute or so", arguments: Fault.allCases)
    func given(_ fault: Fault) async throws {
        try await TestBench.run { bench in
            let master = try await Master(bench) { try PublishedTree.sample($0) }
            _ = try await master.snapshot()
            let server = try await master.serve()
            let swarm = "\(master.store)/.swarm"
            let slow = try SmallHTTPServer { request in
                let prefix = "/.swarm/debian/"
                guard request.path.hasPrefix(prefix) else { return .missing }
                let path = String(request.path.dropFirst(prefix.count))
                // A question for a later feed is held back, as an honest upstream does.
                if request.parameter("after") != nil { return .silence }
                guard let data = FileManager.default.contents(atPath: "\(swarm)/\(path)") else { return .missing }
                return fault.concerns(path) ? fault.reply(Array(data)) : .ok(Array(data))
            }
            defer { slow.stop() }
            let node = Node(master)
            let output = try await node.sync(slow.url, "--upstream", server.url, deadline: .seconds(90))
            #expect(output.status == 0, "\(output)")
            if fault.concerns("feed") {
                #expect(output.errors.contains(slow.url), "the log names who is slow: \(output)")
            }
            try expectSource(node, master)
        }
    }
}
