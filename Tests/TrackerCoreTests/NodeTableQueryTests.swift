import FoundationEssentials
import SwarmCore
import Testing

@testable import TrackerCore

struct NodeTableQueryTests {
    private func names(_ parameters: [String: String]) throws -> [String] {
        let all = board(
            [
                report("a.example", had: 500, rate: 10), report("b.example", had: 500, rate: 1, error: "disk full"),
                report("c.example", state: .active, current: 1), report("d.example", had: 10),
            ], regions: ["a.example": "north", "c.example": "South"])
        let standings = all.standings(set("debian"), snapshot(1), now: noon)
        return NodeTableQuery(parameters: parameters).rows(standings).map { String($0.node.rawValue.prefix(1)) }
    }

    @Test(arguments: [
        (["sort": "node"], "abcd"), (["sort": "node", "order": "desc"], "dcba"), (["sort": "done"], "dabc"),
        (["sort": "done", "order": "desc"], "cabd"), (["sort": "left"], "cabd"), (["sort": "region"], "cbda"),
        (["sort": "state"], "cabd"), (["sort": "reported"], "abcd"), (["sort": "'; DROP"], "abcd"), ([:], "abcd"),
        (["q": "DISK+full"], "b"), (["q": "south"], "c"), (["q": "elsewhere"], "bd"), (["q": "zebra"], ""),
        (["state": "fetching", "order": "desc"], "dba"), (["state": "odd"], "abcd"),
    ])
    func sortsAndFilters(parameters: [String: String], expected: String) throws {
        #expect(try names(parameters).joined() == expected)
    }

    @Test func longTextIsCut() {
        #expect(NodeTableQuery(parameters: ["q": String(repeating: "x", count: 1000)]).text.count == 100)
    }
}

struct NodeDetailTests {
    @Test func tellsWhatIsKnown() throws {
        let early = noon.addingTimeInterval(-25)
        var all = board([])
        all.setRegistrations([
            NodeRegistration(name: node("a"), group: "g", region: "north"), NodeRegistration(name: node("b")),
        ])
        all.take(report("a", had: 250), received: early, place: Place(region: "x", country: "DE"))
        let detail = try #require(all.detail(node("a"), now: noon))
        #expect(detail.place == Place(region: "north", group: "g", country: "DE"))
        #expect(detail.clockOffset == 25)
        #expect(detail.isFresh)
        #expect(detail.sets.first?.snapshots.first?.standing.bytesHad == 250)
        #expect(all.detail(node("b"), now: noon)?.report == nil)
        #expect(all.detail(node("c"), now: noon) == nil)
        #expect(all.detail(node("a"), now: noon.addingTimeInterval(1000))?.isFresh == false)
        let clocks = all.report(swarms: 0, peers: 0, now: noon).clocks
        #expect(clocks == [.init(node: node("a"), offset: 25)])
        #expect(all.report(swarms: 0, peers: 0, now: noon.addingTimeInterval(1000)).clocks.isEmpty)
    }
}
