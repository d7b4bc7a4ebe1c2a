import FoundationEssentials
import SwarmCore
import Testing

@testable import TrackerCore

struct EmbargoTests {
    private func ask(
        _ board: ProgressBoard, _ question: EmbargoQuestion = .init(), after seconds: Double = 0
    ) throws -> EmbargoAnswer {
        try #require(
            board.embargo(set("debian"), snapshot(1), question, now: noon.addingTimeInterval(seconds)))
    }

    @Test func liftsAtTheThreshold() throws {
        let done = ["a", "b", "c", "d"].map { report($0, state: .ready) }
        let answer = try ask(board(done + [report("e", had: 999)]))
        #expect(answer.verdict == .lift)
        #expect(answer.count == .init(nil, have: 4, total: 5))
        #expect(answer.missing.map(\.node) == [node("e")])
        #expect(answer.expected == nil)
        let less = try ask(board(done.dropLast() + [report("d", had: 999), report("e")]))
        #expect(less.verdict == .hold)
        #expect(less.count.share == 0.6)
    }

    @Test func nobodyIsNotEnough() throws {
        #expect(try ask(board([]), .init(threshold: 0)).verdict == .hold)
        #expect(board([]).embargo(set("debian"), snapshot(2), .init(), now: noon) == nil)
        #expect(board([]).embargo(set("fedora"), snapshot(1), .init(), now: noon) == nil)
    }

    @Test func countsByWeightAndBytes() throws {
        let board = board(
            [report("a", state: .active), report("b", had: 250, of: 500), report("c", had: 0, of: 500)],
            weights: ["a": 8])
        #expect(try ask(board, .init(measure: .weight)).count == .init(nil, have: 8, total: 10))
        #expect(try ask(board, .init(measure: .weight)).verdict == .lift)
        #expect(try ask(board, .init(measure: .bytes)).count == .init(nil, have: 1250, total: 2000))
    }

    @Test func regionsHaveAMinimum() throws {
        let reports = ["a", "b", "c", "d"].map { report($0, state: .active) } + [report("e")]
        let board = board(reports, regions: ["a": "eu", "b": "eu", "c": "eu", "d": "eu", "e": "na"])
        #expect(try ask(board).verdict == .lift)
        let strict = try ask(board, .init(regionMinimum: 0.5))
        #expect(strict.verdict == .hold)
        #expect(strict.regions.map(\.region) == ["eu", "na"])
        #expect(strict.regions.map(\.share) == [1, 0])
    }

    @Test func anOutageDoesNotLift() throws {
        var board = board([report("a", state: .active), report("b")])
        #expect(try ask(board).count.share == 0.5)
        // The node that is behind falls silent: it still counts, until it was silent for a day.
        board.take(report("a", state: .active), received: noon.addingTimeInterval(3600), place: nil)
        let silent = try ask(board, after: 3600)
        #expect(silent.count == .init(nil, have: 1, total: 2))
        #expect(silent.missing.first?.state == .silent)
        board.take(report("a", state: .active), received: noon.addingTimeInterval(86_500), place: nil)
        let absent = try ask(board, after: 86_500)
        #expect(absent.verdict == .lift)
        #expect(absent.absent == [node("b")])
        #expect(absent.count.total == 1)
    }

    @Test func whoeverWasDoneAndFallsSilentCountsAsMissing() throws {
        let answer = try ask(board([report("a", state: .active)]), after: 200)
        #expect(answer.verdict == .hold)
        #expect(answer.count.share == 0)
        #expect(try ask(board([report("a", state: .active)]), .init(measure: .bytes), after: 200).count.have == 0)
    }

    @Test func saysWhenItIsExpected() throws {
        // At 10 B/s: a needs 50 s, b 100 s, c does not move.
        let reports = [
            report("a", had: 500, rate: 10), report("b", had: 0, rate: 10), report("c"),
        ]
        func expected(_ question: EmbargoQuestion) throws -> Double? {
            try ask(board(reports), question).expected.map { $0.timeIntervalSince(noon) }
        }
        #expect(try expected(.init(threshold: 0.3)) == 50)
        #expect(try expected(.init(threshold: 0.6)) == 100)
        #expect(try expected(.init(threshold: 0.8)) == nil)
        // 500 of 3000 bytes are there, and 20 more come each second until a is done.
        #expect(try expected(.init(threshold: 0.4, measure: .bytes)).map { abs($0 - 35) <= 1 } == true)
        #expect(try expected(.init(threshold: 0.3, regionMinimum: 0.9)) == nil)
    }

    @Test func nearestToDoneComesFirst() throws {
        let reports = [
            report("stuck", had: 900), report("slow", had: 0, rate: 1), report("fast", had: 500, rate: 100),
            report("empty"),
        ]
        #expect(try ask(board(reports)).missing.map(\.node.rawValue) == ["fast", "slow", "stuck", "empty"])
    }
}
