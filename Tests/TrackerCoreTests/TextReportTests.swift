import FoundationEssentials
import SwarmCore
import Testing

@testable import TrackerCore

struct TextReportTests {
    private func network() -> ProgressBoard {
        var all = board(
            [
                report("ftp.example.org", state: .active, current: 1), report("mirror.example.net", had: 250, rate: 10),
                report(
                    "slow.example.com", had: 10,
                    error: "the disk is full: free 3 GB, or take away a snapshot that no reader needs any more"),
            ],
            regions: ["ftp.example.org": "europe", "mirror.example.net": "europe"])
        all.setFeed(feed([0, 1], hold: true), read: noon.addingTimeInterval(-4))
        return all
    }

    @Test func fitsEightyColumns() {
        let report = network().report(swarms: 2, peers: 31, now: noon)
        #expect(
            TextReport().render(report) == """
                swarm-tracker 0.1.0   2026-03-01 12:00:00 UTC
                3 nodes, 3 reporting; 31 peers in 2 swarms

                debian  feed 7, read 4s ago
                  newest 1  00000001  made 12m ago  HELD  1.0 kB in 10 files
                    nodes  [##########....................]  33%  1 of 3 have it
                    bytes  [############..................]  42%  1.3 kB of 3.0 kB
                    active 1  ready 0  fetching 2  waiting 0  silent 0
                    linked 130 B, fetched 130 B: peers 100%, master 0%, HTTP 0%
                    region           nodes  done  silent  bytes  least
                    elsewhere            1     0       0     1%  slow.example.com 1%
                    europe               2     1       0    62%  mirror.example.net 25%
                    behind
                      slow.example.com             elsewhere    1%  does not move
                        the disk is full: free 3 GB, or take away a snapshot that no reader
                        needs any more
                      mirror.example.net           europe      25%  1m 15s left
                  earlier 0  00000000  1 of 3 nodes have it, or went past it

                """)
    }

    @Test func showsOneSnapshotWithAllItsNodes() {
        var all = network()
        var late = report("slow.example.com", had: 10, error: "the disk is full")
        late.sent = noon.addingTimeInterval(90)
        all.take(late, received: noon, place: nil)
        let report = all.report(swarms: 2, peers: 31, now: noon)
        for word in ["latest", "1", "00000001-0000"] {
            #expect(report.only(word).sets.map { $0.snapshots.map(\.serial) } == [[1]])
        }
        #expect(report.only("7").sets.isEmpty && report.only("00x").sets.isEmpty && report.only("f001").sets.isEmpty)
        #expect(TextReport().render(report).contains("the clock of slow.example.com is 1m 30s fast\n"))
        let text = TextReport().renderSnapshots(report.only("1"))
        #expect(
            text == """
                debian 1  00000001-0000-4000-8000-000000000000  HELD
                    made 2026-03-01 11:48:00 UTC, 12m ago; 1.0 kB in 10 files
                    nodes  [##########....................]  33%  1 of 3 have it, 1 show it
                    bytes  [############..................]  42%  1.3 kB of 3.0 kB
                    linked 130 B, fetched 130 B: peers 100%, master 0%, HTTP 0%
                    region           nodes  done  silent  bytes  least
                    elsewhere            1     0       0     1%  slow.example.com 1%
                    europe               2     1       0    62%  mirror.example.net 25%
                    node                    region     state     done   master    peers     HTTP
                    ftp.example.org         europe     active    100%        -        -        -
                    mirror.example.net      europe     fetching   25%        -    125 B        -
                        1m 15s left
                    slow.example.com        elsewhere  fetching    1%        -      5 B        -
                        does not move
                        its clock is 1m 30s fast
                        the disk is full

                """)
    }

    @Test func splitsTrafficByDistance() {
        var taken = report("ftp.example.org", had: 500)
        taken.sets[0].snapshots[0].bytesFromNearPeers = 200
        taken.sets[0].snapshots[0].bytesFromFarPeers = 25
        taken.sets[0].snapshots[0].bytesFromHTTP = 250
        // It says more than there is: a part is not more than the whole.
        var wrong = report("mirror.example.net", had: 100)
        wrong.sets[0].snapshots[0].bytesFromNearPeers = .max
        wrong.sets[0].snapshots[0].bytesFromFarPeers = .min
        let all = board([taken, wrong]).report(swarms: 0, peers: 0, now: noon)
        #expect(all.sets[0].snapshots[0].nodes.map(\.traffic.near) == [200, 50])
        #expect(all.sets[0].snapshots[0].nodes.map(\.traffic.far) == [25, 0])
        #expect(all.sets[0].snapshots[0].traffic.fetched == 550)
        #expect(
            TextReport().renderSnapshots(all).contains(
                """
                    linked 300 B, fetched 550 B: near peers 45%, far peers 4%, other peers 4%,
                    master 0%, HTTP 45%
                """))
        #expect(TextReport().renderSnapshots(all).contains("        of the peers' bytes 200 B near, 25 B far\n"))
        #expect(!network().report(swarms: 0, peers: 0, now: noon).sets[0].snapshots[0].traffic.isSplit)
    }

    @Test func sumsOfWhatNodesSayDoNotOverflow() {
        let reports = (0..<3).map { number in
            var taken = report("n\(number)", had: .max, of: .max)
            taken.sets[0].snapshots[0].bytesFromMaster = .max
            taken.sets[0].snapshots[0].bytesFromHTTP = .min
            return taken
        }
        var all = board(reports)
        // The second report measures how fast it grows.
        for report in reports { all.take(report, received: noon.addingTimeInterval(10), place: nil) }
        let snapshot = all.report(swarms: 0, peers: 0, now: noon).sets[0].snapshots[0]
        #expect(ProgressSample.Counts(snapshot).bytesTotal == 3 << 50)
        #expect(TextReport().render(all.report(swarms: 0, peers: 0, now: noon)).contains("HTTP 0%"))
    }

    @Test(arguments: [60, 80, 200])
    func noLineIsWiderThanAskedFor(width: Int) {
        var all = network()
        let long = String(repeating: "long words of a node ", count: 30) + "\u{1b}[2J\u{202e}"
        let name = String(repeating: "n", count: 64)
        all.setRegistrations([NodeRegistration(name: node(name), region: String(repeating: "r", count: 40))])
        all.take(report(name, had: 1, error: long), received: noon, place: nil)
        let text = TextReport(width: width).render(all.report(swarms: 0, peers: 0, now: noon))
        let one = TextReport(width: width).renderSnapshots(all.report(swarms: 0, peers: 0, now: noon))
        #expect((text + one).split(separator: "\n").allSatisfy { $0.count <= width })
        #expect(!(text + one).contains("\u{1b}") && !text.contains("\u{202e}"))
    }

    @Test func emptyNetworkIsReportedToo() {
        var empty = ProgressBoard()
        #expect(
            TextReport().render(empty.report(swarms: 0, peers: 0, now: noon)).contains("no set's feed was read yet"))
        empty.setFeed(feed([]), read: noon)
        empty.setRegistrations([.init(name: node("a"))])
        let text = TextReport().render(empty.report(swarms: 0, peers: 0, now: noon))
        #expect(text.contains("no snapshot is live"))
        #expect(text.contains("never heard of: a"))
    }

    @Test func showsTheEmbargo() throws {
        let question = EmbargoQuestion(threshold: 0.6, regionMinimum: 0.5)
        let answer = try #require(network().embargo(set("debian"), snapshot(1), question, now: noon))
        #expect(
            TextReport().render(answer) == """
                HOLD  debian 1  00000001  33% (1 of 3 nodes), 60% needed
                  in every region: 50% needed
                  europe           50% (1 of 2 nodes)
                  elsewhere        0% (0 of 1 node)
                  not to be expected: too few of the missing nodes make progress
                    behind
                      mirror.example.net           europe      25%  1m 15s left
                      slow.example.com             elsewhere    1%  does not move
                        the disk is full: free 3 GB, or take away a snapshot that no reader
                        needs any more

                """)
        #expect(TextReport(color: true).render(answer).hasPrefix("\u{1b}[33mHOLD"))
    }

    @Test func reportSurvivesJSON() throws {
        let report = network().report(swarms: 2, peers: 31, now: noon)
        #expect(try Documents.decode(TrackerReport.self, from: Documents.encode(report)) == report)
    }
}
