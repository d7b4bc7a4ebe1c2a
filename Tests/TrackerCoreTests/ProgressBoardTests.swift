import FoundationEssentials
import SwarmCore
import Testing

@testable import TrackerCore

struct ProgressBoardTests {
    @Test func takesReportsOfRegisteredNodesOnly() {
        var board = board([report("a")])
        let isTaken = board.take(report("b"), received: noon, place: nil)
        #expect(!isTaken)
        #expect(board.standings(set("debian"), snapshot(1), now: noon).map(\.node) == [node("a")])
        board.setRegistrations([])
        #expect(board.standings(set("debian"), snapshot(1), now: noon) == [])
    }

    @Test func standsAsReported() throws {
        let states: [(NodeReport, SnapshotStanding.State, Double)] = [
            (report("a", state: .active), .active, 1), (report("a", state: .ready), .ready, 1),
            (report("a", state: .retained, current: 2), .active, 1),
            (report("a", state: .fetching, had: 250), .fetching, 0.25),
            // All bytes are here, and not yet all is checked.
            (report("a", state: .fetching, had: 1000), .fetching, 0.999),
            (report("a", serial: 9, state: .active, current: 9), .active, 1),
            (report("a", serial: 0, state: .active, current: 0), .waiting, 0),
        ]
        for (report, state, share) in states {
            let standing = try #require(board([report]).standings(set("debian"), snapshot(1), now: noon).first)
            #expect(standing.state == state)
            #expect(standing.share == share)
        }
    }

    @Test func partialMirrorsCountByWhatTheyCarry() throws {
        let waiting = report("a", serial: 0, state: .active, of: 300, isFiltered: true, current: 0)
        let standing = try #require(board([waiting]).standings(set("debian"), snapshot(1), now: noon).first)
        #expect(standing.bytesTotal == 300)
        let whole = report("a", serial: 0, state: .active, of: 300, current: 0)
        #expect(board([whole]).standings(set("debian"), snapshot(1), now: noon).first?.bytesTotal == 1000)
    }

    @Test func oldReportsSayNothing() throws {
        let board = board([report("a", state: .active), report("b", had: 10)])
        let later = noon.addingTimeInterval(181)
        #expect(board.standings(set("debian"), snapshot(1), now: later).map(\.state) == [.silent, .silent])
        #expect(
            board.standings(set("debian"), snapshot(1), now: noon.addingTimeInterval(180)).map(\.state) == [
                .active, .fetching,
            ])
    }

    @Test func measuresTheRate() throws {
        var board = board([report("a", had: 0, of: 100_000, rate: 500)])
        func standing() throws -> SnapshotStanding {
            try #require(board.standings(set("debian"), snapshot(1), now: noon).first)
        }
        #expect(try standing().rate == 500)
        #expect(try standing().secondsLeft == 200)
        // What comes is less than what the node believes; the mean follows.
        for minute in 1...20 {
            let now = noon.addingTimeInterval(Double(minute) * 60)
            board.take(report("a", had: Int64(minute) * 600, of: 100_000, rate: 500), received: now, place: nil)
        }
        #expect(abs(try standing().rate - 10) < 1)
        // It began anew.
        board.take(report("a", had: 10, of: 100_000), received: noon.addingTimeInterval(1300), place: nil)
        #expect(try standing().rate == 0)
        #expect(try standing().secondsLeft == nil)
    }

    @Test func findsSnapshotsByWord() {
        var board = board([])
        board.setFeed(feed([1, 42]), read: noon)
        #expect(board.snapshot("latest", of: set("debian"))?.serial == 42)
        #expect(board.snapshot("1", of: set("debian"))?.serial == 1)
        #expect(board.snapshot("00000042", of: set("debian"))?.serial == 42)
        #expect(board.snapshot("0000", of: set("debian")) == nil)
        #expect(board.snapshot("7", of: set("debian")) == nil)
        #expect(board.snapshot("latest", of: set("fedora")) == nil)
    }

    @Test func registeredRegionComesFirst() {
        var board = ProgressBoard()
        board.setRegistrations([.init(name: node("a"), region: "north"), .init(name: node("b"))])
        board.setFeed(feed([1]), read: noon)
        board.take(report("a"), received: noon, place: Place(continent: "EU"))
        board.take(report("b"), received: noon, place: Place(continent: "EU"))
        #expect(board.standings(set("debian"), snapshot(1), now: noon).map(\.region) == ["north", "EU"])
    }
}
