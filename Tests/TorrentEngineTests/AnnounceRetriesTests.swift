import SwarmCore
import struct SwarmTestSupport.SeededRandom
import Testing

@testable import TorrentEngine

@Suite struct AnnounceRetriesTests {
    private let start = ContinuousClock.now
    private let torrent: InfoHash
    private let other: InfoHash
    private var retries = AnnounceRetries()
    private var random = SeededRandom(seed: 1)

    init() throws {
        torrent = try #require(InfoHash(bytes: [UInt8](repeating: 1, count: 20)))
        other = try #require(InfoHash(bytes: [UInt8](repeating: 2, count: 20)))
    }

    private mutating func fail(
        _ failures: Int, at seconds: Double, of infoHash: InfoHash? = nil, by url: String = "udp://a/announce"
    ) -> Bool {
        retries.fail(infoHash ?? torrent, url, failures: failures, now: start + .seconds(seconds), using: &random)
    }

    @Test func `pauses double, until libtorrent is sooner`() {
        #expect(
            (1...6).map { AnnounceRetries.pause(after: $0) } == [
                .milliseconds(250), .milliseconds(500), .seconds(1), .seconds(2), .seconds(4), .seconds(8),
            ])
        let known = (1...127).compactMap { failures in AnnounceRetries.pause(after: failures).map { (failures, $0) } }
        #expect(known.map(\.0) == Array(1...12))
        for (failures, pause) in known { #expect(pause < .seconds(5 + 5 * failures * failures)) }
    }

    @Test mutating func `a failed announce is due once, soon`() throws {
        #expect(retries.next == nil)
        _ = fail(1, at: 0)
        let due = try #require(retries.next)
        #expect((0.18...0.32).contains((due - start) / .seconds(1)))
        #expect(retries.takeDue(start + .milliseconds(150)) == [])
        #expect(retries.takeDue(start + .milliseconds(320)) == [torrent])
        #expect(retries.takeDue(start + .seconds(100)) == [])
        #expect(retries.next == nil)
    }

    @Test mutating func `several trackers of a torrent are announced to together`() {
        _ = fail(9, at: 0, by: "udp://dead/announce")
        _ = fail(1, at: 0)
        _ = fail(9, at: 0, of: other)
        #expect(retries.takeDue(start + .milliseconds(400)) == [torrent])
        #expect(retries.takeDue(start + .seconds(100)) == [other])
    }

    @Test mutating func `nodes that failed together do not come back together`() {
        var moments: Set<Duration> = []
        for _ in 0..<20 {
            retries.forget(torrent)
            _ = fail(9, at: 0)
            if let next = retries.next { moments.insert(next - start) }
        }
        #expect(moments.count > 10)
        #expect(moments.allSatisfy { $0 >= .seconds(48) && $0 <= .seconds(80) })
    }

    @Test mutating func `what lasts is told, and each row of failures counts anew`() {
        #expect([fail(1, at: 0), fail(2, at: 0.25), fail(3, at: 0.75)] == [false, false, false])
        let lasting = fail(4, at: 1.75)
        #expect(lasting)
        // Another tracker of the torrent.
        #expect(!fail(1, at: 2, by: "udp://b/announce"))
        // It has answered in between.
        #expect(!fail(1, at: 300))
        // Notices were lost.
        #expect([fail(5, at: 0, of: other), fail(6, at: 8, of: other)] == [false, true])
    }

    @Test mutating func `a torrent that was removed is forgotten`() {
        _ = fail(1, at: 0)
        retries.forget(torrent)
        #expect(retries.next == nil)
        #expect(retries.takeDue(start + .seconds(1)) == [])
    }
}
