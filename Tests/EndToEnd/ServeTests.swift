import Foundation
import FoundationNetworking
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("The master's daemon")
    struct ServeTests {
        @Test("Trackers that were named while it runs stand in the feed that it shows, and stay there")
        func trackers() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 90, large: 2, small: 5)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                let server = try await master.serve()
                let trackers = ["http://127.0.0.9:6969/announce"]
                try master.setSetting("trackers", "[\"\(trackers[0])\"]")
                _ = try archive.update(master.source, round: 1)
                let snapshot = try await master.snapshot().snapshot
                let url = try #require(URL(string: "\(server.url)/.swarm/debian/feed"))
                let shown: Feed = try await eventually("the feed with the snapshot is shown") {
                    let note = try await URLSession.shared.data(from: url).0
                    let text = try SignedNote.open(Array(note), keys: [VerifyingKey(master.key)]).text
                    let feed = try Documents.decode(Feed.self, from: text)
                    return feed.newest?.uuid == snapshot ? feed : nil
                }
                #expect(shown.trackers == trackers)
                #expect(try master.feed().trackers == trackers)
            }
        }
    }
}
