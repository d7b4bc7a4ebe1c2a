import Foundation
import NIOHTTP1
import SwarmCore
import SwarmTestSupport
import Testing
import TrackerCore

@testable import TrackerServer

/// Text that would be harmful as markup: in quotes, as an attribute, with marks that join a quotation mark.
private let hostile = "<script>alert('1')</script>\"\u{301} onmouseover=\"x\u{202e}\u{1b}[2J{{summary}}&amp;"

struct PageTests {
    private let clock = ManualClock()
    private let tracker: Tracker
    private let site: Site
    private let snapshot: SnapshotID

    init() throws {
        let followed = """
            [[set]]
            name = "demo"
            upstream = "http://127.0.0.1:9"
            key = "debian-archive+614c1832+ASKZDIwtVCV3Are+WQlDBZaCTzS02GgDs203lqniJwyC"
            """
        tracker = Tracker(try .test(followed), clock: clock.clock)
        site = Site(tracker: tracker)
        snapshot = try #require(SnapshotID("6f1c2a9e-0000-4000-8000-000000000000"))
        tracker.followDemo(snapshot, hold: true)
        tracker.register([
            (
                NodeRegistration(
                    name: node("a"), group: hostile, region: hostile,
                    urls: ["javascript:alert(1)", "https://a/\(hostile)"]
                ), NodeToken.random().digest
            ), (NodeRegistration(name: node("b")), NodeToken.random().digest),
        ])
    }

    private func get(_ target: String, status: HTTPResponseStatus = .ok) throws -> String {
        let reply = site.get(try #require(RequestTarget(target)), from: ip("192.0.2.1"))
        #expect(reply.status == status)
        return String(decoding: reply.body, as: UTF8.self)
    }

    private func take(_ name: String, had: Int64, error: String? = nil) {
        var taken = report(name, snapshot, state: .fetching, had: had)
        taken.sets[0].snapshots[0].error = error
        taken.sets[0].error = error
        taken.version = error ?? "0.1.0"
        taken.sent = clock.clock.date()
        #expect(tracker.take(taken, from: ip("192.0.2.1")))
    }

    /// What the page shows, with its attributes: no markup but ours, whoever sends what.
    private func expectHarmless(_ page: String, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(page.contains("&lt;script&gt;alert(&#39;1&#39;)"), sourceLocation: sourceLocation)
        let rest = page.replacing(/<script src="\/live\.js\?[0-9a-f]{12}" defer><\/script>/, with: "")
        #expect(!rest.contains("<script"), sourceLocation: sourceLocation)
        #expect(rest.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
        #expect(!rest.contains("\u{202e}") && !rest.contains("href=\"javascript"), sourceLocation: sourceLocation)
        // By bytes: a quotation mark that a combining mark follows is no character of its own to Swift.
        #expect(!rest.utf8.contains(subsequence: "\"\u{301}".utf8), sourceLocation: sourceLocation)
        #expect(!rest.contains("onmouseover=\""), sourceLocation: sourceLocation)
        #expect(rest.contains("{{summary}}&amp;amp;"), sourceLocation: sourceLocation)
    }

    @Test func nothingFromNodesIsMarkup() throws {
        take("a", had: 50, error: hostile)
        expectHarmless(try get("/"))
        expectHarmless(try get("/nodes/a"))
        expectHarmless(try get("/sets/demo/snapshots/\(snapshot)"))
        expectHarmless(try get("/?q=\(RequestTarget.encoded(path: hostile))"))
    }

    @Test func pagesAllowNothingFromElsewhere() throws {
        take("a", had: 50)
        for target in ["/", "/nodes/a", "/sets/demo/snapshots/\(snapshot)"] {
            let reply = site.get(try #require(RequestTarget(target)), from: ip("192.0.2.1"))
            let policy = try #require(reply.headers.first(name: "Content-Security-Policy"))
            #expect(policy.hasPrefix("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("http"))
            let page = String(decoding: reply.body, as: UTF8.self)
            #expect(!page.contains("style=") && !page.contains("<style") && !page.contains(/\son\w+="/))
            // The only address that is not ours is the name of SVG's vocabulary, and the nodes' own.
            #expect(
                page.matches(of: /(?:src|href|action)="([^"]*)"/).allSatisfy {
                    $0.output.1.hasPrefix("/") || $0.output.1 == "#main" || $0.output.1.hasPrefix("https://a/")
                })
            for asset in page.matches(of: /(?:src|href)="(\/(?:style\.css|live\.js)[^"]*)"/) {
                #expect(try get(String(asset.output.1)).count > 1000)
            }
        }
    }

    @Test func tableSortsAndFilters() throws {
        take("a", had: 50)
        take("b", had: 10)
        let page = try get("/?sort=done&order=desc&state=fetching")
        #expect(
            page.contains("<th scope=\"col\" aria-sort=\"descending\"><a href=\"/?sort=done&amp;order=asc&amp;state="))
        let first = try #require(page.range(of: "href=\"/nodes/a\""))
        let second = try #require(page.range(of: "href=\"/nodes/b\""))
        #expect(first.lowerBound < second.lowerBound)
        #expect(page.contains("<option value=\"fetching\" selected>"))
        let filtered = try get("/?q=no+such")
        #expect(!filtered.contains("/nodes/a"))
        #expect(filtered.contains("No node is as asked for."))
        #expect(filtered.contains(": 0 of 2 shown</span></caption>"))
    }

    @Test func trafficIsSplitWherePeersAreToldApart() throws {
        func take(_ name: String, near: Int64?, far: Int64?) {
            var taken = report(name, snapshot)
            taken.sets[0].snapshots[0].bytesFromPeers = 40
            taken.sets[0].snapshots[0].bytesFromNearPeers = near
            taken.sets[0].snapshots[0].bytesFromFarPeers = far
            taken.sets[0].snapshots[0].bytesFromMaster = 20
            #expect(tracker.take(taken, from: ip("192.0.2.1")))
        }
        let page = "/sets/demo/snapshots/\(snapshot)"
        take("a", near: nil, far: nil)
        let plain = "100 B were there already, 60 B fetched: 66 % from other nodes, 33 % from the master, 0 % by HTTP"
        #expect(try get("/").contains(plain))
        #expect(try get(page).contains(plain) && !(try get(page).contains(" near</span>")))
        #expect(try get("/nodes/a").contains("<th scope=\"col\">From nodes</th><th scope=\"col\">From the master</th>"))
        #expect(try get("/metrics").contains("newest_bytes_from{set=\"demo\",source=\"peers\"} 40\n"))
        #expect(!(try get("/metrics").contains("source=\"near\"")))

        take("b", near: 30, far: 10)
        #expect(
            try get(page).contains(
                "120 B fetched: 25 % from near nodes, 8 % from far nodes, 33 % from nodes of unknown distance,"
                    + " 33 % from the master, 0 % by HTTP"))
        #expect(
            try get("/nodes/b").contains(
                "<td class=\"number\">40 B<br><span class=\"aside\">30 B near</span><br>"
                    + "<span class=\"aside\">10 B far</span></td><td class=\"number\">20 B</td>"))
        #expect(try get(page).contains("<td class=\"number\">40 B<br><span class=\"aside\">30 B near</span>"))
        #expect(!(try get("/nodes/a").contains("near")))
        for (source, bytes) in ["linked": 200, "near": 30, "far": 10, "peers": 40, "master": 40, "http": 0] {
            #expect(try get("/metrics").contains("newest_bytes_from{set=\"demo\",source=\"\(source)\"} \(bytes)\n"))
        }
        #expect(try get("/report.txt").contains("near peers 25%, far peers 8%, other peers 33%,"))
        let json = try Documents.decode(TrackerReport.self, from: Array(try get("/api/v1/report").utf8))
        #expect(json.sets[0].snapshots[0].nodes.map(\.traffic.near) == [nil, 30])
    }

    @Test func popularFilesAreShown() throws {
        let page = "/sets/demo/popular"
        #expect(try get(page).contains("No node has reported that anything was read."))
        func take(_ files: [(String, Int64)]) {
            var taken = report("a", snapshot)
            taken.sets[0].reads = .init(
                since: ManualClock.start, files: files.map { .init(path: $0.0, reads: $0.1) })
            #expect(tracker.take(taken, from: ip("192.0.2.1")))
        }
        take([("pool/a.deb", 40), (hostile, 10)])
        #expect(try get("/").contains("<a href=\"/sets/demo/popular\">"))
        #expect(try get("/sets/demo/snapshots/\(snapshot)").contains("<a href=\"/sets/demo/popular\">"))
        let all = try get(page)
        expectHarmless(all)
        #expect(all.contains("Reads since 2026-02-23 (UTC)") && all.contains("name=\"days\" type=\"number\""))
        #expect(all.contains("<th scope=\"row\">pool/a.deb</th>"))
        #expect(all.contains("value=\"1.0\" aria-hidden=\"true\"></meter> <span>40</span>"))
        #expect(all.contains("value=\"0.25\" aria-hidden=\"true\"></meter> <span>10</span>"))
        clock.advance(2 * 86_400)
        #expect(!(try get("\(page)?days=2").contains("pool/a.deb")))
        let three = try get("\(page)?days=3&limit=1")
        #expect(
            three.contains("pool/a.deb") && !three.contains("&lt;script") && three.contains("max=\"31\" value=\"3\""))
        // What makes no sense is as if it were not there.
        #expect(try get("\(page)?days=0&limit=x").contains("max=\"31\" value=\"7\""))
        #expect(try get("/sets/other/popular", status: .notFound).contains("does not follow"))
    }

    @Test func unknownPagesSaySo() throws {
        for target in ["/nodes/x", "/nodes/..", "/sets/demo/snapshots/x", "/sets/other/snapshots/\(snapshot)"] {
            #expect(try get(target, status: .notFound).contains("<h1>Not here</h1>"))
        }
        #expect(try get("/nodes/b").contains("It has never reported."))
    }

    @Test func silentNodesAndWrongClocksAreShown() throws {
        take("a", had: 50)
        var late = report("b", snapshot)
        late.sent = clock.clock.date().addingTimeInterval(-3600)
        #expect(tracker.take(late, from: ip("192.0.2.2")))
        #expect(try get("/").contains("The clock of b is 1h slow"))
        #expect(try get("/nodes/b").contains("<dt>Clock</dt><dd>1h slow</dd>"))
        clock.advance(1000)
        #expect(try get("/nodes/a").contains("It is silent"))
        #expect(try get("/").contains("data-state=\"silent\""))
    }

    @Test func chartShowsTheProgress() throws {
        let page = "/sets/demo/snapshots/\(snapshot)"
        #expect(!(try get(page).contains("<svg")))
        _ = try get("\(page)/chart.svg", status: .notFound)
        take("a", had: 0)
        _ = tracker.takeSample()
        #expect(try get(page).contains("<polyline class=\"line bytes\" points=\"56,222\"/>"))
        clock.advance(60)
        take("a", had: 75)
        _ = tracker.takeSample()
        let chart = try get("\(page)/chart.svg")
        #expect(try get(page).contains(chart))
        #expect(chart.contains("<title id=\"chart-\(snapshot)-title\">Progress of demo, snapshot 1, over time</title>"))
        #expect(chart.contains("Now: 75 % of the bytes; 0 of 1 node have it, and readers see it at 0.</desc>"))
        #expect(chart.contains("aria-labelledby=\"chart-\(snapshot)-title chart-\(snapshot)-desc\""))
        // From nothing at the left to three quarters at the right.
        #expect(chart.contains("<polyline class=\"line bytes\" points=\"56,222 690,67.5\"/>"))
    }

    @Test func chartIsSmallWhateverTheHistory() {
        let samples = (0..<6000).map { step in
            ProgressSample(
                time: ManualClock.start.addingTimeInterval(Double(step) * 20),
                counts: .init(nodes: 10, complete: step / 600, active: 0, bytesTotal: 6000, bytesHad: Int64(step)))
        }
        let svg = ProgressChart.svg(set: demo, serial: 1, snapshot: snapshot, samples: samples)
        #expect(svg.utf8.count < 100_000)
        for days in [0.00001, 0.01, 0.3, 2, 40, 800] {
            let ticks = ProgressChart.ticks(ManualClock.start, ManualClock.start.addingTimeInterval(days * 86_400))
            #expect(ticks.count <= 7)
            #expect(Set(ticks.map(\.label)).count == ticks.count)
            #expect(ProgressChart.ends(ManualClock.start, ManualClock.start + days * 86_400).count == 2)
        }
    }
}

struct LiveStateTests {
    @Test func eventsSayWhatChanged() throws {
        let clock = ManualClock()
        let tracker = Tracker(try .test(), clock: clock.clock)
        let snapshot = try #require(SnapshotID("6f1c2a9e-0000-4000-8000-000000000000"))
        tracker.followDemo(snapshot)
        tracker.register([(NodeRegistration(name: node("a")), NodeToken.random().digest)])
        func take(_ had: Int64, error: String? = nil) -> LiveState {
            var taken = report("a", snapshot, state: .fetching, had: had)
            taken.sets[0].snapshots[0].error = error
            _ = tracker.take(taken, from: ip("192.0.2.1"))
            return LiveState(tracker.report())
        }
        let first = LiveState(tracker.report())
        let second = take(10)
        #expect(first.layout != second.layout)
        let all = String(decoding: try #require(second.event(since: nil)), as: UTF8.self)
        #expect(all.contains("\"demo/\(snapshot)/a/done\":{\"share\":0.1,\"text\":\"10 %\"}"))
        #expect(take(10).event(since: second) == nil)
        let third = take(20, error: "two\nlines\r\n\ndata: {}")
        let changes = try #require(third.event(since: second))
        let text = String(decoding: changes, as: UTF8.self)
        // One event, whatever a node sends: a line of the field and an empty line at the end.
        #expect(text.hasPrefix("event: state\ndata: {") && text.hasSuffix("}\n\n"))
        #expect(changes.count { $0 == 10 || $0 == 13 } == 3)
        #expect(text.contains("20 %") && !text.contains("reporting"))
        #expect(third.layout == second.layout)
    }
}

extension Collection where Element: Equatable {
    fileprivate func contains(subsequence: some Collection<Element>) -> Bool {
        indices.contains { self[$0...].starts(with: subsequence) }
    }
}

struct PageCacheTests {
    @Test func makesAPageOnceASecond() throws {
        let cache = PageCache()
        let target = try #require(RequestTarget("/?q=x"))
        var made = 0
        func ask(_ second: Int, _ target: RequestTarget, status: HTTPResponseStatus = .ok) -> [UInt8] {
            cache.reply(to: target, second: second) {
                made += 1
                return .text(status, "\(made)")
            }.body
        }
        #expect(ask(1, target) == Array("1".utf8))
        #expect(ask(1, target) == Array("1".utf8))
        #expect(ask(2, target) == Array("2".utf8))
        #expect(ask(2, try #require(RequestTarget("/?q=y"))) == Array("3".utf8))
        // What is not there may be there at once.
        let missing = try #require(RequestTarget("/nodes/x"))
        #expect(ask(2, missing, status: .notFound) != ask(2, missing, status: .notFound))
        for number in 0..<200 { _ = ask(3, try #require(RequestTarget("/?q=\(number)"))) }
        #expect(ask(3, try #require(RequestTarget("/?q=199"))) == Array("206".utf8))
    }
}
