import Foundation
import SwarmCore
import Testing

@testable import Mirroring

@Suite("When a node reports")
struct ReportScheduleTests {
    private let start = ContinuousClock.now

    private func situation(_ state: NodeStatus.State, error: String? = nil) throws
        -> ReportSchedule.Situation
    {
        let set = try #require(SetName("debian"))
        let uuid = try #require(SnapshotID("00000000-0000-4000-8000-000000000001"))
        let snapshot = NodeStatus.Snapshot(uuid: uuid, serial: 1, state: state)
        return ReportSchedule.Situation([
            NodeStatus.SetStatus(
                set: set, root: "/r", upstream: "http://u", current: nil, snapshots: [snapshot], feedVersion: 1,
                error: error)
        ])
    }

    @Test("At once after a change, every ten seconds while it fetches, every minute otherwise")
    func intervals() throws {
        var schedule = ReportSchedule()
        let (fetching, ready) = (try situation(.fetching), try situation(.ready))
        #expect(schedule.isDue(fetching, at: start))
        schedule.sent(fetching, at: start)
        #expect(!schedule.isDue(fetching, at: start + .seconds(9)))
        #expect(schedule.isDue(fetching, at: start + .seconds(10)))
        #expect(schedule.isDue(ready, at: start + .seconds(1)))
        schedule.sent(ready, at: start)
        #expect(!schedule.isDue(ready, at: start + .seconds(59)))
        #expect(schedule.isDue(ready, at: start + .seconds(60)))
        #expect(schedule.isDue(try situation(.ready, error: "no upstream"), at: start + .seconds(1)))
    }

    @Test("After a failure it waits, whatever changes")
    func failure() throws {
        var schedule = ReportSchedule()
        schedule.failed(at: start)
        #expect(!schedule.isDue(try situation(.ready), at: start + .seconds(9)))
        #expect(schedule.isDue(try situation(.ready), at: start + .seconds(10)))
    }

    @Test("The tracker, the name and the token are read; a mistake is named")
    func configuration() throws {
        let set = """
            [[set]]
            name = "debian"
            root = "/srv/mirror"
            upstream = "http://master.example"
            key = "debian-archive+614c1832+ASKZDIwtVCV3Are+WQlDBZaCTzS02GgDs203lqniJwyC"
            """
        let good =
            "[report]\ntracker = \"http://t.example:6969/\"\nnode = \"M.example\"\ntoken = \"abc\"\nurl = \"https://m.example\"\n"
        let reporting = try #require(try NodeConfiguration(text: good + set, file: "f").reporting)
        #expect(reporting.tracker == "http://t.example:6969" && reporting.node.rawValue == "m.example")
        #expect(reporting.token == "abc" && reporting.urls == ["https://m.example"])
        #expect(try NodeConfiguration(text: set, file: "f").reporting == nil)
        let bad = "[report]\ntracker = \"udp://t\"\nnode = \"-\"\ntoken = \"a b\"\nurls = []\n"
        let error = #expect(throws: (any Error).self) { try NodeConfiguration(text: bad + set, file: "f") }
        let text = "\(error.map { "\($0)" } ?? "")"
        for key in ["report.tracker", "report.node", "report.token", "report.urls"] {
            #expect(text.contains(key), "\(text)")
        }
    }
}
