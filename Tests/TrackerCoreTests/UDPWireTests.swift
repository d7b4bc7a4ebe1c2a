import SwarmCore
import SwarmTestSupport
import Testing
import TrackerCore

struct UDPWireTests {
    private func parse(_ bytes: [UInt8]) -> UDPTrackerRequest? { UDPTrackerRequest(bytes.span) }

    /// An announce as BEP 15 draws it.
    private func announce(event: UInt8 = 2, wanted: [UInt8] = [255, 255, 255, 255], options: [UInt8] = []) -> [UInt8] {
        [0, 0, 0, 0, 0, 0, 0, 9] + [0, 0, 0, 1] + [0, 0, 0, 5] + [UInt8](repeating: 7, count: 20)
            + [UInt8](repeating: 1, count: 20) + [UInt8](repeating: 0, count: 8) + [0, 0, 0, 0, 0, 0, 4, 210]
            + [UInt8](repeating: 0, count: 8) + [0, 0, 0, event] + [0, 0, 0, 0] + [0, 0, 0, 3] + wanted + [0x1a, 0xe1]
            + options
    }

    @Test func readsConnect() {
        #expect(parse([0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0, 0, 0, 0, 5]) == .connect(transaction: 5))
        #expect(parse([0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x81, 0, 0, 0, 0, 0, 0, 0, 5]) == nil)
    }

    @Test(
        arguments: [
            (0, Announce.Event.regular), (1, .completed), (2, .started), (3, .stopped), (4, .paused), (77, .regular),
        ] as [(UInt8, Announce.Event)])
    func readsAnnounce(event: UInt8, expected: Announce.Event) {
        let value = Announce(infoHash: hash(7), port: 6881, left: 1234, event: expected)
        #expect(parse(announce(event: event)) == .announce(value, connection: 9, transaction: 5, token: nil))
    }

    @Test func readsNumberOfPeers() {
        let value = Announce(infoHash: hash(7), port: 6881, left: 1234, event: .started, wanted: 16)
        let read = parse(announce(wanted: [0, 0, 0, 16]))
        #expect(read == .announce(value, connection: 9, transaction: 5, token: nil))
    }

    @Test func readsTokenInParts() {
        let options: [UInt8] = [1, 2, 10] + Array("/announce/".utf8) + [2, 5] + Array("tok?x".utf8) + [0, 2, 1, 65]
        guard case .announce(_, _, _, let token) = parse(announce(options: options)) else {
            Issue.record("not an announce")
            return
        }
        #expect(token == "tok")
    }

    @Test(arguments: [[2], [2, 20, 65], [99, 200], [2, 9] + Array("/announce".utf8), [2, 3] + Array("/x/".utf8)])
    func passesOverBrokenOptions(options: [UInt8]) {
        guard case .announce(_, _, _, let token) = parse(announce(options: options)) else {
            Issue.record("not an announce")
            return
        }
        #expect(token == nil)
    }

    @Test func readsScrape() {
        let head: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 2, 0, 0, 0, 5]
        let two = [UInt8](repeating: 7, count: 20) + [UInt8](repeating: 8, count: 20)
        #expect(parse(head + two) == .scrape([hash(7), hash(8)], connection: 9, transaction: 5))
        let reason = "a scrape names 1 to 74 torrents"
        #expect(parse(head) == .invalid(reason, connection: 9, transaction: 5))
        let many = [UInt8](repeating: 7, count: 75 * 20)
        #expect(parse(head + many) == .invalid(reason, connection: 9, transaction: 5))
    }

    @Test func answersNothingToNoise() {
        var random = SeededRandom(seed: 4)
        for count in 0..<200 {
            var bytes = random.bytes(count)
            // An unknown action.
            if count >= 12 { bytes[8] = 1 }
            #expect(parse(bytes) == nil)
        }
    }

    @Test func cutAnnounceIsRefused() {
        for count in 16..<98 {
            let reason = "an announce has 98 bytes at least"
            #expect(parse(Array(announce().prefix(count))) == .invalid(reason, connection: 9, transaction: 5))
        }
    }

    /// What an answer appends to bytes that are there already.
    private func written(_ write: (inout [UInt8]) -> Void) -> [UInt8] {
        var bytes: [UInt8] = [99]
        write(&bytes)
        #expect(bytes.first == 99)
        return Array(bytes.dropFirst())
    }

    @Test func writesAnswers() {
        #expect(
            written { UDPTrackerAnswer.connect(transaction: 5, id: 9, to: &$0) }
                == [0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 9])
        let peer = PeerEndpoint(address: ip("192.0.2.1"), port: 6881)
        let answer = AnnounceAnswer(
            interval: 300, minInterval: 60, counts: SwarmCounts(complete: 1, incomplete: 2), peers: [peer])
        #expect(
            written { UDPTrackerAnswer.announce(answer, transaction: 5, to: &$0) }
                == [0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 1, 44, 0, 0, 0, 2, 0, 0, 0, 1, 192, 0, 2, 1, 0x1a, 0xe1])
        let counts = SwarmCounts(complete: 1, incomplete: 2, downloaders: 2, downloaded: 3)
        #expect(
            written { UDPTrackerAnswer.scrape([counts], transaction: 5, to: &$0) }
                == [0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 2])
        #expect(
            written { UDPTrackerAnswer.refusal(Refusal("no"), transaction: 5, to: &$0) }
                == [0, 0, 0, 3, 0, 0, 0, 5, 110, 111])
    }

    @Test func answersFitADatagram() {
        let peers = (0..<300).map { PeerEndpoint(address: IPAddress(high: 1, low: $0), port: 1) }
        let answer = AnnounceAnswer(interval: 1, minInterval: 1, counts: SwarmCounts(), peers: peers)
        #expect(written { UDPTrackerAnswer.announce(answer, transaction: 1, to: &$0) }.count <= 1400)
    }
}
