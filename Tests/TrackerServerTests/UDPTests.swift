import SwarmTestSupport
import SwarmCore
import Testing
import TrackerCore

@testable import TrackerServer

struct UDPTests {
    private let clock = ManualClock()
    private let tracker: Tracker

    init() throws { tracker = Tracker(try .test(), clock: clock.clock) }

    private func ask(
        _ datagram: [UInt8], from address: String = "192.0.2.1", of other: Tracker? = nil
    ) -> [UInt8]? {
        var reply: [UInt8] = []
        (other ?? tracker).answer(datagram: datagram.span, from: ip(address), to: &reply)
        return reply.isEmpty ? nil : reply
    }

    private func connect(_ address: String = "192.0.2.1") throws -> [UInt8] {
        let answer = try #require(ask(Datagram.connect, from: address))
        #expect(answer.count == Datagram.connect.count)
        return Array(answer[8...])
    }

    @Test func peersHearOfEachOther() throws {
        _ = try #require(ask(Datagram.announce(connection: try connect())))
        let other = "192.0.2.2"
        let answer = try #require(ask(Datagram.announce(connection: try connect(other), port: 80), from: other))
        #expect(Array(answer[20...]) == [192, 0, 2, 1, 0x1a, 0xe1])
        #expect(Array(answer[12..<20]) == [0, 0, 0, 2, 0, 0, 0, 0])
        let counts = try #require(ask(Datagram.scrape(connection: try connect())))
        #expect(Array(counts[8...]) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2])
    }

    @Test func forgedConnectionsGetNothing() throws {
        let forged = [UInt8](repeating: 9, count: 8)
        #expect(ask(Datagram.announce(connection: forged)) == nil)
        #expect(ask(Datagram.scrape(connection: forged)) == nil)
        #expect(ask(Array(Datagram.announce(connection: forged).prefix(50))) == nil)
        // An id is of one address, and of a short time.
        let id = try connect()
        #expect(ask(Datagram.announce(connection: id), from: "192.0.2.9") == nil)
        clock.advance(240)
        #expect(ask(Datagram.announce(connection: id)) == nil)
        #expect(tracker.report().peers == 0)
    }

    @Test func saysWhatIsWrongToWhoIsConnected() throws {
        let id = try connect()
        let answer = try #require(ask(Array(Datagram.announce(connection: id).prefix(50))))
        #expect(answer.prefix(4) == [0, 0, 0, 3])
        #expect(String(decoding: answer[8...], as: UTF8.self) == "an announce has 98 bytes at least")
    }

    @Test func limitsEachAddress() throws {
        let tracker = Tracker(try .test("open = true\nrequests-per-second = 2"), clock: clock.clock)
        func refusals(_ address: String) throws -> Int {
            let answer = try #require(ask(Datagram.connect, from: address, of: tracker))
            let announce = Datagram.announce(connection: Array(answer[8...]))
            return (0..<30).count { _ in
                ask(announce, from: address, of: tracker)?.prefix(4) == [0, 0, 0, 3]
            }
        }
        #expect(try refusals("192.0.2.1") == 10)
        #expect(try refusals("192.0.2.2") == 10)
    }
}
