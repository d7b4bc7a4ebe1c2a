import SwarmTestSupport
import SwarmCore
import Testing
import TrackerCore

struct HTTPWireTests {
    private let id = "&peer_id=-XX0001-abcdefghijkl"
    private let torrent = "info_hash=" + String(repeating: "%07", count: 20)

    private func parse(_ target: String) throws(Refusal) -> HTTPTrackerRequest? {
        try HTTPTrackerRequest.parse(target: Array(target.utf8).span)
    }

    @Test func readsAnnounce() throws {
        let request = try parse(
            "/announce?\(torrent)\(id)&port=6881&uploaded=0&downloaded=0&left=1234&compact=1&event=started&numwant=30")
        let expected = Announce(infoHash: hash(7), port: 6881, left: 1234, event: .started, wanted: 30)
        #expect(request == .announce(expected, token: nil))
    }

    @Test func readsAnyEncoding() throws {
        // The characters of an info-hash that need no encoding come as they are; hexadecimal in either case.
        let request = try parse("/announce/tok-1?info_hash=aaaaaaaaaaaaaaaaaaa%e1\(id)&port=1&left=0&event=paused")
        let bytes = [UInt8](repeating: 0x61, count: 19) + [0xe1]
        let expected = Announce(infoHash: try #require(InfoHash(bytes: bytes)), port: 1, left: 0, event: .paused)
        #expect(request == .announce(expected, token: "tok-1"))
    }

    @Test func readsScrape() throws {
        let other = "info_hash=" + String(repeating: "%08", count: 20)
        #expect(try parse("/scrape?\(torrent)&\(other)") == .scrape([hash(7), hash(8)], token: nil))
        #expect(try parse("/scrape/x?\(torrent)") == .scrape([hash(7)], token: "x"))
    }

    @Test(arguments: ["/", "/announcer?x=1", "/announce.php", "/scraper", "", "/api/v1/sets"])
    func leavesOtherPaths(target: String) throws { #expect(try parse(target) == nil) }

    @Test(
        arguments: [
            ("/announce", "an announce names one torrent: info_hash=…"),
            ("/announce?info_hash=abc", "info_hash is not 20 bytes in percent-encoding"),
            ("/announce?info_hash=%0", "info_hash is not 20 bytes in percent-encoding"),
            ("/announce?info_hash=%zz", "info_hash is not 20 bytes in percent-encoding"),
            ("/announce?info_hash=aaaaaaaaaaaaaaaaaaaaa", "info_hash is not 20 bytes in percent-encoding"),
            ("/announce?info_hash=aaaaaaaaaaaaaaaaaaaa&port=1", "peer_id is missing"),
            ("/announce?peer_id=short", "peer_id is not 20 bytes in percent-encoding"),
            ("/announce?port=-1", "port is not a number"), ("/announce?port=", "port is not a number"),
            ("/announce?left=9999999999999999999", "left is not a number"),
            ("/scrape", "a scrape names its torrents: ?info_hash=… for each"),
        ])
    func refuses(target: String, reason: String) {
        #expect(throws: Refusal(reason)) { try parse(target) }
    }

    @Test(arguments: ["0", "65536"])
    func refusesPort(port: String) {
        #expect(throws: Refusal("port is missing, or not from 1 to 65535")) {
            try parse("/announce?\(torrent)\(id)&port=\(port)")
        }
    }

    @Test func boundsWhatItReads() {
        let many = Array(repeating: torrent, count: HTTPTrackerRequest.scrapeLimit + 1).joined(separator: "&")
        #expect(throws: Refusal.self) { try parse("/scrape?\(many)") }
        #expect(throws: Refusal("the request is longer than 8192 bytes")) {
            try parse("/announce?" + String(repeating: "x", count: 9000))
        }
    }

    @Test func writesAnnounce() throws {
        let peers = [
            PeerEndpoint(address: ip("192.0.2.1"), port: 6881), PeerEndpoint(address: ip("2001:db8::1"), port: 80),
        ]
        let answer = AnnounceAnswer(
            interval: 300, minInterval: 60,
            counts: SwarmCounts(complete: 1, incomplete: 2, downloaders: 1, downloaded: 3), peers: peers)
        let expected =
            Array("d8:completei1e10:downloadedi3e11:downloadersi1e11:external ip4:".utf8) + [198, 51, 100, 7]
            + Array("10:incompletei2e8:intervali300e12:min intervali60e5:peers6:".utf8)
            + [192, 0, 2, 1, 0x1a, 0xe1] + Array("6:peers618:".utf8)
            + ip("2001:db8::1").bytes + [0, 80] + Array("e".utf8)
        #expect(HTTPTrackerAnswer.announce(answer, seenAt: ip("198.51.100.7")) == expected)
    }

    @Test func writesScrapeInOrder() {
        let text = String(
            decoding: HTTPTrackerAnswer.scrape([
                (hash(0x62), SwarmCounts(complete: 1)), (hash(0x61), SwarmCounts()), (hash(0x62), SwarmCounts()),
            ]), as: UTF8.self)
        let a = String(repeating: "a", count: 20)
        let b = String(repeating: "b", count: 20)
        let rest = "10:downloadedi0e11:downloadersi0e10:incompletei0ee"
        #expect(text == "d5:filesd20:\(a)d8:completei0e\(rest)20:\(b)d8:completei1e\(rest)ee")
    }

    @Test func writesRefusal() {
        let never = HTTPTrackerAnswer.refusal(Refusal("no"))
        #expect(String(decoding: never, as: UTF8.self) == "d14:failure reason2:no8:retry in5:nevere")
        let later = HTTPTrackerAnswer.refusal(Refusal("no", retry: .minutes(5)))
        #expect(String(decoding: later, as: UTF8.self) == "d14:failure reason2:no8:retry ini5ee")
        let soon = HTTPTrackerAnswer.refusal(Refusal("no", retry: .unsaid))
        #expect(String(decoding: soon, as: UTF8.self) == "d14:failure reason2:noe")
    }
}
