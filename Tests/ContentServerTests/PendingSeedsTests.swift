import SwarmCore
import SwarmTestSupport
import Testing

@testable import ContentServer

@Suite("Torrents that are not seeded yet", .timeLimit(.minutes(1)))
struct PendingSeedsTests {
    private let old: InfoHash
    private let new: InfoHash

    init() throws {
        old = try #require(InfoHash(bytes: [UInt8](repeating: 0x0a, count: 20)))
        new = try #require(InfoHash(bytes: [UInt8](repeating: 0xb0, count: 20)))
    }

    /// A mirror with both torrents and the delta between them.
    private func mirror(_ pending: PendingSeeds) throws -> TestMirror {
        let mirror = try TestMirror(pendingSeeds: pending)
        for torrent in [old, new] {
            try TestMirror.write("\(torrent)", to: "\(mirror.layout.torrents)/\(torrent).torrent")
            try TestMirror.write("\(torrent)", to: "\(mirror.layout.torrents)/\(torrent).torrent.zst")
        }
        try TestMirror.write("delta", to: "\(mirror.layout.deltas)/\(old)-\(new).zst")
        return mirror
    }

    @Test("What leads to a torrent is answered when it is seeded, and everything else at once")
    func waits() async throws {
        let pending = PendingSeeds()
        let mirror = try mirror(pending)
        pending.expect([new])
        try await mirror.serve { _, endpoint in
            let held = try ["torrents/\(new).torrent", "torrents/\(new).torrent.zst", "deltas/\(old)-\(new).zst"].map {
                let client = try RawConnection(to: endpoint)
                try client.send(RawConnection.request("GET", "/.swarm/debian/\($0)"))
                return client
            }
            try await eventually("three wait") { pending.waiters(for: new) == 3 ? () : nil }
            let other = try await offload {
                try RawConnection(to: endpoint).request("/.swarm/debian/torrents/\(old).torrent.zst")
            }
            #expect(other.text == "\(old)")
            #expect(pending.waiters(for: new) == 3)
            pending.settle(new)
            let answers = try await offload { try held.map { try $0.response().text } }
            #expect(answers == ["\(new)", "\(new)", "delta"])
            // It is settled, for good.
            let later = try await offload { try held[0].request("/.swarm/debian/torrents/\(new).torrent").text }
            #expect(later == "\(new)")
        }
    }

    @Test("Nobody waits for a seed that does not come")
    func limit() async throws {
        let pending = PendingSeeds(limit: .milliseconds(50))
        let mirror = try mirror(pending)
        pending.expect([new])
        try await mirror.serve { _, endpoint in
            let client = try RawConnection(to: endpoint)
            for _ in 0..<2 {
                let answer = try await offload { try client.request("/.swarm/debian/torrents/\(new).torrent") }
                #expect(answer.text == "\(new)")
            }
            pending.settle(new)
            #expect(try await offload { try client.request("/.swarm/debian/torrents/\(new).torrent").status } == 200)
        }
    }

    @Test("A client that goes while it waits does no harm")
    func gone() async throws {
        let pending = PendingSeeds()
        let mirror = try mirror(pending)
        pending.expect([new])
        try await mirror.serve { _, endpoint in
            var client: RawConnection? = try RawConnection(to: endpoint)
            try client?.send(RawConnection.request("GET", "/.swarm/debian/torrents/\(new).torrent"))
            try await eventually("it waits") { pending.waiters(for: new) == 1 ? () : nil }
            client = nil
            pending.settle(new)
            let other = try await offload {
                try RawConnection(to: endpoint).request("/.swarm/debian/torrents/\(new).torrent").text
            }
            #expect(other == "\(new)")
        }
    }

    @Test("A document leads to a torrent by its name")
    func names() {
        #expect(Document.torrent(old).torrent == old && Document.compressedTorrent(old).torrent == old)
        #expect(Document.delta("\(old)-\(new).zst").torrent == new)
        #expect(Document.delta("ab-01.zst").torrent == nil && Document.delta("-.zst").torrent == nil)
    }
}
