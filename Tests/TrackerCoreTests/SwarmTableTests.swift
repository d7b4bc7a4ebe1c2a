import SwarmCore
import SwarmTestSupport
import Testing

@testable import TrackerCore

/// A table with short words for announces.
struct TestTable {
    var table: SwarmTable
    var random = SeededRandom(seed: 1)
    var now = 10_000

    init(
        _ limits: SwarmTable.Limits = .init(), policy: PeerChoicePolicy = .init(),
        admission: SwarmTable.Admission = .open
    ) {
        table = SwarmTable(limits: limits, policy: policy, admission: admission, hash: paperHash)
    }

    mutating func announce(
        _ address: String, torrent: InfoHash = hash(1), port: UInt16 = 6881, left: Int64 = 100,
        event: Announce.Event = .started, wanted: Int? = nil, region: String? = nil, group: String? = nil,
        isNode: Bool = false, onlySameFamily: Bool = false
    ) throws(Refusal) -> AnnounceAnswer {
        let place = table.id(of: Place(region: region, group: group))
        return try table.announce(
            Announce(infoHash: torrent, port: port, left: left, event: event, wanted: wanted), from: ip(address),
            at: place, isNode: isNode, onlySameFamily: onlySameFamily, now: now, using: &random)
    }
}

struct SwarmTableTests {
    @Test func tellsPeersOfEachOther() throws {
        var table = TestTable()
        #expect(try table.announce("192.0.2.1").peers == [])
        let answer = try table.announce("192.0.2.2", left: 0)
        #expect(answer.peers == [PeerEndpoint(address: ip("192.0.2.1"), port: 6881)])
        #expect(answer.counts == SwarmCounts(complete: 1, incomplete: 1, downloaders: 1))
        #expect((300...330).contains(answer.interval))
        #expect(answer.minInterval == 60)
    }

    @Test func forgetsWhoStops() throws {
        var table = TestTable()
        _ = try table.announce("192.0.2.1")
        #expect(try table.announce("192.0.2.1", event: .stopped).counts == SwarmCounts())
        #expect(try table.announce("192.0.2.2").peers == [])
        #expect(try table.announce("192.0.2.3", event: .stopped).peers == [])
        #expect(table.table.peerCount == 1)
    }

    @Test func countsCompletionsAndPausedPeers() throws {
        var table = TestTable()
        _ = try table.announce("192.0.2.1")
        _ = try table.announce("192.0.2.1", left: 0, event: .completed)
        _ = try table.announce("192.0.2.2", left: 5, event: .paused)
        let counts = table.table.counts(of: hash(1))
        #expect(counts == SwarmCounts(complete: 1, incomplete: 1, downloaders: 0, downloaded: 1))
        // A partial seed has no use for a seed.
        table.now += 100
        #expect(try table.announce("192.0.2.2", left: 5, event: .paused).peers == [])
    }

    @Test func forgetsTheSilent() throws {
        var table = TestTable()
        _ = try table.announce("192.0.2.1")
        table.now += 700
        _ = try table.announce("192.0.2.2")
        table.table.sweep(now: table.now + 49)
        #expect(table.table.peerCount == 2)
        table.table.sweep(now: table.now + 51)
        #expect(table.table.peerCount == 1)
        #expect(table.table.counts(of: hash(1)) == SwarmCounts(incomplete: 1, downloaders: 1))
        table.table.sweep(now: table.now + 10_000)
        #expect(table.table.swarmCount == 0)
    }

    @Test func answersTheHastyWithoutPeers() throws {
        var table = TestTable()
        _ = try table.announce("192.0.2.1")
        _ = try table.announce("192.0.2.2")
        table.now += 30
        #expect(try table.announce("192.0.2.1", event: .regular).peers == [])
        // News is never too early.
        #expect(try table.announce("192.0.2.1", event: .started).peers.count == 1)
        table.now += 60
        #expect(try table.announce("192.0.2.1", event: .regular).peers.count == 1)
    }

    @Test func givesAsManyAsAskedFor() throws {
        var limits = SwarmTable.Limits()
        limits.peers = 5
        limits.maxPeers = 7
        var table = TestTable(limits)
        for host in 1...20 { _ = try table.announce("192.0.2.\(host)") }
        #expect(try table.announce("192.0.2.30").peers.count == 5)
        #expect(try table.announce("192.0.2.31", wanted: 3).peers.count == 3)
        #expect(try table.announce("192.0.2.32", wanted: 100).peers.count == 7)
        #expect(try table.announce("192.0.2.33", wanted: 0).peers == [])
    }

    @Test func keepsFamiliesApartForUDP() throws {
        var table = TestTable()
        _ = try table.announce("192.0.2.1")
        _ = try table.announce("2001:db8::1")
        #expect(try table.announce("192.0.2.2", onlySameFamily: true).peers.map(\.address) == [ip("192.0.2.1")])
        #expect(try table.announce("2001:db8::2", onlySameFamily: true).peers.map(\.address) == [ip("2001:db8::1")])
        #expect(try table.announce("192.0.2.3").peers.count == 4)
    }

    @Test func admitsKnownTorrentsOnly() throws {
        var table = TestTable(admission: .known)
        for index in 0..<10_000 {
            let bytes = withUnsafeBytes(of: UInt64(index).bigEndian) { Array($0) } + [UInt8](repeating: 0, count: 12)
            let bogus = try #require(InfoHash(bytes: bytes))
            #expect(throws: Refusal.self) { try table.announce("192.0.2.1", torrent: bogus) }
        }
        #expect(table.table.swarmCount == 0)
        table.table.setKnown([hash(1): .init(set: set("debian"))], masters: [])
        _ = try table.announce("192.0.2.1")
        #expect(table.table.peerCount == 1)
        table.table.setKnown([:], masters: [])
        #expect(table.table.swarmCount == 0)
    }

    @Test func privateSetsAreForNodes() throws {
        var table = TestTable(admission: .open)
        table.table.setKnown([hash(1): .init(set: set("debian"), isPrivate: true)], masters: [])
        #expect(throws: Refusal.self) { try table.announce("192.0.2.1") }
        _ = try table.announce("192.0.2.1", isNode: true)
        _ = try table.announce("192.0.2.1", torrent: hash(2))
    }

    @Test func masterThatHasYetToAnnounceIsWhereTheFeedSays() throws {
        let master = PeerEndpoint(address: ip("192.0.2.99"), port: 6881)
        var table = TestTable(admission: .known)
        table.table.setKnown([hash(1): .init(set: set("debian"), masters: [master])], masters: [master])
        #expect(try table.announce("192.0.2.1").peers == [master])
        #expect(try table.announce("2001:db8::1", onlySameFamily: true).peers == [])
        #expect(try table.announce("192.0.2.2", wanted: 1).peers.count == 1)
        // It is counted when it announces, and is told of nobody as if it were somebody else.
        #expect(table.table.counts(of: hash(1)).complete == 0)
        #expect(!(try table.announce("192.0.2.99", left: 0).peers.contains(master)))
        #expect(table.table.counts(of: hash(1)).complete == 1)
        // From then on it is a peer like any other: who hears of others need not hear of it, and once.
        #expect(try table.announce("192.0.2.3").peers.count { $0 == master } <= 1)
        // A seed has no use for it, nor a peer that wants nothing more.
        table.table.setKnown([hash(1): .init(set: set("debian"), masters: [master])], masters: [master])
        _ = try table.announce("192.0.2.99", left: 0, event: .stopped)
        #expect(!(try table.announce("192.0.2.4", left: 0).peers.contains(master)))
    }

    @Test func absentMasterIsForThoseWhoFeedTheirRegion() throws {
        let master = PeerEndpoint(address: ip("192.0.2.99"), port: 6881)
        var table = TestTable()
        table.table.setKnown([hash(1): .init(set: set("debian"), masters: [master])], masters: [master])
        // All ask at once: the first, who hears of nobody else, and gateways hear of it.
        let first = try (1...40).map { try table.announce("10.0.0.\($0)").peers.contains(master) }
        #expect(first[0] && (1...3).contains(first.count { $0 }))
        table.now += 100
        let told = try (1...40).count { node in
            try table.announce("10.0.0.\(node)", left: Int64(node), event: .regular).peers.contains(master)
        }
        // Those who received nothing since their last announce hear of it as well; these did receive something.
        #expect(told == 2)
        #expect(try table.announce("10.0.0.50").peers.count { $0 == master } == 0)
        table.now += 100
        #expect(try table.announce("10.0.0.50", event: .regular).peers.contains(master))
    }

    @Test func boundsOpenSwarms() throws {
        var limits = SwarmTable.Limits()
        limits.openTorrents = 2
        limits.peersPerTorrent = 3
        var table = TestTable(limits)
        _ = try table.announce("192.0.2.1", torrent: hash(1))
        _ = try table.announce("192.0.2.1", torrent: hash(2))
        #expect(throws: Refusal.self) { try table.announce("192.0.2.1", torrent: hash(3)) }
        _ = try table.announce("192.0.2.2", torrent: hash(1))
        _ = try table.announce("192.0.2.3", torrent: hash(1))
        #expect(throws: Refusal.self) { try table.announce("192.0.2.4", torrent: hash(1)) }
        _ = try table.announce("192.0.2.3", torrent: hash(1), left: 0)
        #expect(table.table.peerCount == 4)
    }

    @Test func peerIsSmall() {
        #expect(MemoryLayout<PackedPeer<UInt32>>.stride == 16)
        #expect(MemoryLayout<PackedPeer<IPAddress>>.stride == 32)
    }
}
