import Foundation
import FoundationNetworking
import Metainfo
import SwarmCore
import SwarmTestSupport
import Synchronization
import Testing

extension EndToEnd {
    @Suite("The master's daemon")
    struct ServeTests {
        /// The torrents that were announced to a tracker.
        private final class Announced: Sendable {
            let torrents = Mutex<Set<InfoHash>>([])
        }

        @Test("Trackers that were named while it runs stand in the feed that it shows, and hear of what is new in it")
        func trackers() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 90, large: 2, small: 5)
                let announced = Announced()
                let tracker = try SmallHTTPServer { request in
                    if let infoHash = request.parameter("info_hash").flatMap({ InfoHash(bytes: $0) }) {
                        announced.torrents.withLock { _ = $0.insert(infoHash) }
                    }
                    return .ok(Array("d8:intervali60e5:peers0:e".utf8))
                }
                defer { tracker.stop() }
                let master = try await Master.sample(bench, &archive)
                let before = try Self.torrents(of: master, try await master.snapshot().snapshot)
                let server = try await master.serve()
                let trackers = ["\(tracker.url)/announce"]
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
                let new = try Self.torrents(of: master, snapshot).subtracting(before)
                #expect(!new.isEmpty)
                try await eventually("the new torrents are announced") {
                    announced.torrents.withLock { $0.isSuperset(of: new) } ? () : nil
                }
            }
        }

        private static func torrents(of master: Master, _ snapshot: SnapshotID) throws -> Set<InfoHash> {
            let bytes = try #require(
                FileManager.default.contents(atPath: "\(master.store)/.swarm/manifests/\(snapshot).json"))
            return Set(try Documents.decode(Manifest.self, from: Array(bytes)).shards.map(\.infoHash))
        }
    }
}
