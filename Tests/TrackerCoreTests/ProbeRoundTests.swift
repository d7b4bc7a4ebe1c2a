import FoundationEssentials
import SwarmCore
import Testing

@testable import TrackerCore

struct ProbeRoundTests {
    /// Runs a round in which each question is answered with the next outcome, and each claim is the next of `claims`.
    private func run(_ outcomes: [ProbeOutcome], claims: [Int?]) -> (verdict: ProbeRound.Verdict?, asked: [SnapshotID])
    {
        var round = ProbeRound()
        var outcomes = outcomes[...]
        var claims = claims[...]
        var asked: [SnapshotID] = []
        for _ in 0..<50 {
            let claim = (claims.count > 1 ? claims.removeFirst() : claims.first ?? nil).map { snapshot($0) }
            switch round.next(claim: claim) {
            case .ask(let snapshot):
                asked.append(snapshot)
                round.take(outcomes.popFirst() ?? .good)
            case .pause: break
            case .conclude(let verdict): return (verdict, asked)
            }
        }
        return (nil, asked)
    }

    @Test func oneFailureIsForgiven() {
        #expect(run([.good], claims: [1]) == (.good, [snapshot(1)]))
        #expect(run([.bad("x"), .good], claims: [1]) == (.good, [snapshot(1), snapshot(1)]))
    }

    @Test func twoFailuresMakeSuspect() {
        #expect(run([.bad("x"), .bad("y")], claims: [1]) == (.suspect("y"), [snapshot(1), snapshot(1)]))
    }

    @Test func aSwitchBetweenQuestionAndAnswerIsNoFailure() {
        // The claims are read before each question, before each pause, and after it.
        #expect(
            run([.bad("x"), .good], claims: [1, 1, 2]) == (.good, [snapshot(1), snapshot(2)]))
        // One that comes during the second attempt: the failures of the old snapshot are forgotten.
        #expect(
            run([.bad("x"), .bad("x"), .good], claims: [1, 1, 1, 1, 2])
                == (.good, [snapshot(1), snapshot(1), snapshot(2)]))
        #expect(
            run([.bad("x"), .bad("x"), .bad("x"), .bad("y")], claims: [1, 1, 1, 1, 2])
                == (.suspect("y"), [snapshot(1), snapshot(1), snapshot(2), snapshot(2)]))
    }

    @Test func whoGoesOnSwitchingIsLeftAlone() {
        let outcome = run(Array(repeating: .bad("x"), count: 50), claims: (0..<100).map { $0 })
        guard case .none? = outcome.verdict else {
            Issue.record("\(outcome)")
            return
        }
    }

    @Test func nothingIsSaidWithoutAClaimOrDocuments() {
        guard case .none? = run([], claims: [nil]).verdict else {
            Issue.record("without a claim")
            return
        }
        #expect(run([.unknown("no upstream")], claims: [1]).verdict == ProbeRound.Verdict.none("no upstream"))
        // The node fell silent while it was asked.
        guard case .none? = run([.bad("x")], claims: [1, 1, nil]).verdict else {
            Issue.record("silent")
            return
        }
    }
}

private func == (
    left: (verdict: ProbeRound.Verdict?, asked: [SnapshotID]), right: (ProbeRound.Verdict, [SnapshotID])
) -> Bool { left.verdict == right.0 && left.asked == right.1 }

struct ProbeScheduleTests {
    private func candidates(_ names: [String]) -> [ProbeCandidate] {
        var all = board(names.map { report($0, state: .active, current: 1) })
        all.setRegistrations(names.map { NodeRegistration(name: node($0), urls: ["http://\($0)/"]) })
        return all.probeCandidates(now: noon)
    }

    @Test func eachIsProbedInItsTurn() throws {
        var schedule = ProbeSchedule(period: 100, width: 2)
        var random = SplitMix(seed: 1)
        let all = candidates(["a", "b", "c"])
        #expect(all.count == 3)
        func next(_ seconds: Double) -> ProbeCandidate? {
            schedule.next(of: all, now: noon.addingTimeInterval(seconds), using: &random)
        }
        let first = try #require(next(0))
        let second = try #require(next(0))
        #expect(first.key != second.key)
        // Two are under way: no third one.
        #expect(next(0) == nil)
        schedule.finish(first.key, now: noon, using: &random)
        let third = try #require(next(1))
        #expect(Set([first, second, third].map(\.key)).count == 3)
        schedule.finish(second.key, now: noon, using: &random)
        schedule.finish(third.key, now: noon, using: &random)
        #expect(next(49) == nil)
        #expect(next(151) != nil)
    }

    @Test func onlyClaimsThatCanBeChecked() {
        var all = board([
            report("full", state: .active, current: 1), report("partial", state: .active, isFiltered: true, current: 1),
            report("fetching"), report("elsewhere", state: .active, current: 9), report("unregistered", current: 1),
        ])
        all.setRegistrations(
            ["full", "partial", "fetching", "elsewhere", "unregistered"].map {
                NodeRegistration(name: node($0), urls: $0 == "unregistered" ? [] : ["http://\($0)/"])
            })
        #expect(all.probeCandidates(now: noon).map(\.key.node) == [node("full")])
        #expect(all.probeCandidates(now: noon.addingTimeInterval(181)).isEmpty)
    }
}

struct ProbeQuestionTests {
    private let digest: SHA256Digest

    init() throws { digest = try #require(SHA256Digest(bytes: [UInt8](repeating: 1, count: 32))) }

    @Test func wholeFiles() {
        let question = ProbeQuestion(whole: "dists/Release", length: 10, sha256: digest)
        #expect(question.fault(of: .init(status: 200, count: 10, isProven: true)) == nil)
        #expect(
            question.fault(of: .init(status: 404, count: 0, isProven: false))
                == "“dists/Release” is answered with the status 404")
        #expect(question.fault(of: .init(status: 302, count: 0, isProven: false))?.contains("302") == true)
        for answer in [
            ProbeAnswer(status: 200, count: 10, isProven: false), .init(status: 200, count: 11, isProven: false),
        ] {
            #expect(question.fault(of: answer) == "“dists/Release” is not the file of the snapshot")
        }
    }

    @Test func partsOfFiles() {
        let question = ProbeQuestion(100..<200, of: "pool/a.deb", length: 1000, proof: .length)
        func fault(
            _ status: Int = 206, _ range: String? = "bytes 100-199/1000", _ count: Int = 100, _ proof: Bool = true
        )
            -> String?
        {
            question.fault(of: .init(status: status, contentRange: range, count: count, isProven: proof))
        }
        #expect(fault() == nil)
        #expect(fault(200)?.contains("status 200") == true)
        #expect(fault(206, nil)?.contains("is missing") == true)
        #expect(fault(206, "bytes 100-199/999")?.contains("another length") == true)
        #expect(fault(206, "bytes 0-99/1000")?.contains("another length or part") == true)
        #expect(fault(206, "bytes 100-199/1000", 99)?.contains("99 bytes of the 100") == true)
        #expect(fault(206, "bytes 100-199/1000", 100, false)?.contains("other content") == true)
        #expect(question.fault(ofTags: "\"a\"", "\"a\"") == nil)
        #expect(question.fault(ofTags: nil, "\"a\"") == nil)
        #expect(question.fault(ofTags: "\"a\"", nil) != nil)
        #expect(question.fault(ofTags: "\"a\"", "\"b\"") != nil)
    }

    @Test func aReservoirIsFair() {
        var counts = [Int](repeating: 0, count: 20)
        var random = SplitMix(seed: 3)
        for _ in 0..<2000 {
            var reservoir = Reservoir<Int>(capacity: 5)
            for element in 0..<20 { reservoir.add(element, using: &random) }
            #expect(Set(reservoir.elements).count == 5)
            for element in reservoir.elements { counts[element] += 1 }
        }
        // Each is expected 500 times; the generator is seeded, so this does not vary.
        #expect(counts.allSatisfy { (400...600).contains($0) })
        var few = Reservoir<Int>(capacity: 5)
        few.add(1, using: &random)
        #expect(few.elements == [1])
    }
}

struct PublicAddressTests {
    @Test(arguments: [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1",
        "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2001::1", "2001:db8::1", "fec0::1",
    ])
    func notPublic(text: String) throws { #expect(!(try #require(IPAddress(text)).isPublic)) }

    @Test(arguments: ["8.8.8.8", "172.32.0.1", "193.0.0.1", "100.128.0.1", "2a00:1450::1", "2001:4860:4860::8888"])
    func isPublic(text: String) throws { #expect(try #require(IPAddress(text)).isPublic) }
}

struct SuspicionTests {
    @Test func aSuspectNodeDoesNotCount() throws {
        let names = ["a", "b", "c"]
        var all = board(names.map { report($0, state: .active, current: 1) })
        all.setRegistrations(names.map { NodeRegistration(name: node($0), urls: ["http://\($0)/"]) })
        func urls() -> [String] { all.mirrors(of: set("debian"), near: Place(), now: noon) }
        func answer() throws -> EmbargoAnswer {
            try #require(all.embargo(set("debian"), snapshot(1), .init(), now: noon))
        }
        #expect(urls() == ["http://a/", "http://b/", "http://c/"])
        let key = ProbeCandidate.Key(node: node("b"), set: set("debian"))
        all.setSuspicion("“Release” is answered with the status 404", of: key, now: noon)
        #expect(urls() == ["http://a/", "http://c/"])
        #expect(try answer().count == .init(nil, have: 2, total: 2))
        #expect(try answer().suspects == [node("b")])
        #expect(TextReport().render(try answer()).contains("suspect, not counted: b\n"))
        // The time is that of the first failure, the reason that of the last.
        let later = noon.addingTimeInterval(60)
        all.setSuspicion("it does not answer", of: key, now: later)
        #expect(all.suspicion(of: key) == Suspicion(since: noon, reason: "it does not answer"))
        let text = TextReport().render(all.report(swarms: 0, peers: 0, now: later))
        #expect(text.contains("    suspect, not counted\n      b, for 1m\n        it does not answer\n"))
        all.setSuspicion(nil, of: key, now: later)
        #expect(urls().count == 3)
        #expect(try answer().suspects == [])
    }

    @Test func anotherAddressIsAnotherMatter() {
        var all = board([report("a", state: .active, current: 1)])
        let key = ProbeCandidate.Key(node: node("a"), set: set("debian"))
        all.setRegistrations([NodeRegistration(name: node("a"), urls: ["http://a/"])])
        all.setSuspicion("x", of: key, now: noon)
        all.setRegistrations([NodeRegistration(name: node("a"), weight: 2, urls: ["http://a/"])])
        #expect(all.suspicion(of: key) != nil)
        all.setRegistrations([NodeRegistration(name: node("a"), urls: ["https://a/"])])
        #expect(all.suspicion(of: key) == nil)
    }

    @Test func aPartialMirrorIsNeverSuspect() throws {
        var all = board([report("a", state: .active, isFiltered: true, current: 1)])
        all.setSuspicion("x", of: .init(node: node("a"), set: set("debian")), now: noon)
        #expect(try #require(all.standings(set("debian"), snapshot(1), now: noon).first).suspicion == nil)
    }
}
