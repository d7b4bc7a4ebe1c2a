import FileTree
import Testing

@testable import Publishing

/// When changes are published, by a clock that tests set.
struct ChangeGathererTests {
    private let start = ContinuousClock.now
    private var gatherer = ChangeGatherer(.init(settle: .seconds(2), settleLimit: .seconds(60)), pathLimit: 5)

    private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test("the source must rest")
    mutating func rest() {
        #expect(gatherer.due(at(0)) == nil)
        gatherer.note(.changed("a"), at: at(0))
        #expect(gatherer.due(at(1)) == at(2))
        gatherer.note(.renamed("b", to: "c"), at: at(1.5))
        #expect(gatherer.due(at(2)) == at(3.5))
        #expect(gatherer.take(at(3.5)) == .paths(["a", "b", "c"]))
        gatherer.succeeded()
        #expect(gatherer.due(at(4)) == nil && gatherer.isEmpty)
    }

    @Test("one that never rests is published all the same")
    mutating func restless() {
        for second in 0..<100 { gatherer.note(.changed("\(second % 4)"), at: at(Double(second))) }
        #expect(gatherer.due(at(99)) == at(60))
        #expect(gatherer.take(at(99)) == .paths(["0", "1", "2", "3"]))
    }

    @Test("a file that is being written is activity, and is left out until it is closed")
    mutating func writing() {
        gatherer.note(.changed("a"), at: at(0))
        gatherer.note(.changed("b"), at: at(0))
        gatherer.note(.beingWritten("b"), at: at(1))
        #expect(gatherer.due(at(1)) == at(3))
        #expect(gatherer.take(at(3)) == .paths(["a"]))
        gatherer.succeeded()
        gatherer.note(.renamed("b", to: "c"), at: at(4))
        #expect(gatherer.take(at(6)) == .paths(["b"]))
        gatherer.succeeded()
        gatherer.note(.changed("c"), at: at(8))
        #expect(gatherer.due(at(8)) == at(10))
        #expect(gatherer.take(at(10)) == .paths(["c"]))
    }

    @Test("a file that nobody closes is looked at in the end")
    mutating func neverClosed() {
        gatherer.note(.beingWritten("a"), at: at(0))
        #expect(gatherer.due(at(1)) == at(60))
        #expect(gatherer.take(at(59)) == .paths([]))
        #expect(gatherer.take(at(60)) == .paths(["a"]))
        gatherer.succeeded()
        #expect(gatherer.due(at(61)) == nil)
    }

    @Test("a lost watch, or too many paths, is a look at everything")
    mutating func everything() {
        for name in ["1", "2", "3", "4", "5"] { gatherer.note(.changed(name), at: at(0)) }
        #expect(gatherer.take(at(2)) == .paths(["1", "2", "3", "4", "5"]))
        for name in ["1", "2", "3", "4", "5", "6"] { gatherer.note(.changed(name), at: at(3)) }
        #expect(gatherer.take(at(5)) == .everything)
        gatherer.note(.changed("1"), at: at(6))
        gatherer.note(.lost("why"), at: at(6))
        gatherer.note(.changed("2"), at: at(6))
        #expect(gatherer.take(at(9)) == .everything)
        #expect(gatherer.isEmpty)
    }

    @Test("hurry does not wait, and is over with the next snapshot")
    mutating func hurry() {
        gatherer.hurry()
        #expect(gatherer.due(at(0)) == at(0))
        #expect(gatherer.take(at(0)) == .paths([]))
        #expect(gatherer.due(at(0)) == nil)
    }

    @Test("after a failure nothing is lost, and pauses grow until something changes")
    mutating func failure() {
        gatherer.note(.changed("a"), at: at(0))
        var moment = at(2)
        for pause in [5, 10, 20, 40, 80, 160, 300, 300] {
            let batch = gatherer.take(moment)
            #expect(batch == .paths(["a"]))
            #expect(gatherer.failed(batch, at: moment) == .seconds(pause))
            #expect(gatherer.due(moment) == moment + .seconds(pause))
            moment += .seconds(pause)
        }
        let batch = gatherer.take(moment)
        gatherer.note(.beingWritten("a"), at: moment)
        _ = gatherer.failed(batch, at: moment)
        #expect(gatherer.isEmpty, "it comes when it is closed")
        gatherer.note(.changed("b"), at: moment + .seconds(1))
        #expect(gatherer.due(moment) == moment + .seconds(3))
        let next = gatherer.take(moment + .seconds(3))
        #expect(next == .paths(["b"]))
        gatherer.succeeded()
        gatherer.note(.changed("c"), at: moment + .seconds(4))
        _ = gatherer.failed(gatherer.take(moment + .seconds(6)), at: moment + .seconds(6))
        #expect(gatherer.due(moment) == moment + .seconds(11), "a success makes the pauses short again")
        gatherer.noteEverything(at: moment + .seconds(7))
        #expect(gatherer.due(moment) == moment + .seconds(11))
    }
}
