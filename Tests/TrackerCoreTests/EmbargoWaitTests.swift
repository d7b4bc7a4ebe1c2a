import FoundationEssentials
import SwarmCore
import Testing

@testable import TrackerCore

struct EmbargoWaitTests {
    private let question = EmbargoQuestion(threshold: 0.5)

    private func wait(deadline: Double? = nil) -> EmbargoWait {
        EmbargoWait(
            set: set("debian"), snapshot: snapshot(1), question: question,
            deadline: deadline.map { noon.addingTimeInterval($0) })
    }

    /// The answer of a tracker with nodes of which so many are done.
    private func answer(_ done: Int, of count: Int, _ question: EmbargoQuestion? = nil) throws
        -> EmbargoWait.Finding
    {
        let reports = (0..<count).map { report("n\($0)", state: $0 < done ? .ready : .fetching) }
        let board = board(reports)
        return .answer(
            try #require(board.embargo(set("debian"), snapshot(1), question ?? self.question, now: noon)))
    }

    @Test func liftsOnTheTrackersWordOnly() throws {
        var wait = wait()
        #expect(wait.take(try answer(0, of: 2), now: noon) == .ask(after: EmbargoWait.interval))
        #expect(wait.take(try answer(0, of: 0), now: noon) == .ask(after: EmbargoWait.interval))
        #expect(wait.last?.count.total == 0)
        #expect(wait.take(try answer(1, of: 2), now: noon) == .lift)
        #expect(wait.last?.count.have == 1)
    }

    @Test func anAnswerToAnotherQuestionDoesNotLift() throws {
        for other in [
            EmbargoQuestion(threshold: 0.1), EmbargoQuestion(threshold: 0.5, measure: .bytes),
            EmbargoQuestion(threshold: 0.5, regionMinimum: 0.1),
        ] {
            var wait = wait()
            guard case .fail(let reason) = wait.take(try answer(2, of: 2, other), now: noon) else {
                Issue.record("\(other) lifted")
                continue
            }
            #expect(reason.contains("another question"))
            #expect(wait.last == nil)
        }
        var elsewhere = EmbargoWait(
            set: set("debian"), snapshot: snapshot(2), question: question, deadline: nil)
        guard case .fail = elsewhere.take(try answer(2, of: 2), now: noon) else {
            Issue.record("another snapshot's answer lifted")
            return
        }
    }

    @Test func waitsLongerAndLongerForATrackerThatIsAway() throws {
        var wait = wait()
        var pauses: [Duration] = []
        for _ in 0..<6 {
            guard case .ask(let pause) = wait.take(.away("down"), now: noon) else { continue }
            pauses.append(pause)
        }
        #expect(pauses == [2, 4, 8, 16, 30, 30].map { .seconds($0) })
        #expect(wait.take(try answer(0, of: 2), now: noon) == .ask(after: EmbargoWait.interval))
        #expect(wait.take(.away("down"), now: noon) == .ask(after: .seconds(2)))
    }

    @Test func givesUpWhenTheTrackerCannotKnow() {
        var wait = wait()
        #expect(wait.take(.refused("no such set"), now: noon) == .fail("no such set"))
        #expect(wait.take(.unlisted, now: noon) == .ask(after: EmbargoWait.interval))
        #expect(wait.take(.unlisted, now: noon.addingTimeInterval(59)) == .ask(after: EmbargoWait.interval))
        // What came between begins the time anew.
        #expect(wait.take(.away("down"), now: noon.addingTimeInterval(60)) == .ask(after: .seconds(2)))
        #expect(wait.take(.unlisted, now: noon.addingTimeInterval(61)) == .ask(after: EmbargoWait.interval))
        guard case .fail(let reason) = wait.take(.unlisted, now: noon.addingTimeInterval(121)) else {
            Issue.record("it waits for ever")
            return
        }
        #expect(reason.contains("does not list"))
    }

    @Test func endsAtTheDeadline() throws {
        var wait = wait(deadline: 10)
        #expect(wait.take(try answer(0, of: 2), now: noon) == .ask(after: EmbargoWait.interval))
        // The last question comes at the deadline, not after it.
        #expect(
            wait.take(.away("down"), now: noon.addingTimeInterval(9.5)) == .ask(after: .milliseconds(501)))
        #expect(wait.take(try answer(0, of: 2), now: noon.addingTimeInterval(10)) == .expired)
        #expect(wait.take(.away("down"), now: noon.addingTimeInterval(10)) == .expired)
        #expect(wait.take(try answer(2, of: 2), now: noon.addingTimeInterval(11)) == .lift)
    }

    @Test func asksWhatTheTrackerReads() {
        #expect(
            wait().target == "/api/v1/sets/debian/snapshots/\(snapshot(1))/embargo?by=nodes&threshold=0.5")
        let strict = EmbargoWait(
            set: set("debian"), snapshot: snapshot(1),
            question: EmbargoQuestion(threshold: 0.8, measure: .weight, regionMinimum: 0.25), deadline: nil)
        #expect(strict.target.hasSuffix("/embargo?by=weight&threshold=0.8&per-region=0.25"))
    }

    @Test func saysInALineHowFarItIs() throws {
        let reports = ["a", "b", "c"].map { report($0, state: .ready) } + [report("d", had: 500, rate: 5)]
        let board = board(reports, regions: ["a": "eu", "b": "eu", "c": "eu", "d": "na\u{1b}"])
        let answer = try #require(
            board.embargo(
                set("debian"), snapshot(1), EmbargoQuestion(threshold: 0.9, regionMinimum: 0.5), now: noon))
        #expect(
            TextReport.line(answer)
                == "75% (3 of 4 nodes), 90% needed; in every region 50%: na? 0% (0 of 1 node)")
        #expect(TextReport.expectation(answer) == "expected in 1m 40s")
        #expect(TextReport().bar(answer).hasSuffix("]  75%"))
    }
}
