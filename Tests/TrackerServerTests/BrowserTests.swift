import Foundation
import FoundationNetworking
import SwarmCore
import SwarmTestSupport
import Testing
import TrackerCore

@testable import TrackerServer

/// The pages in a real browser.
@Suite("Pages in Chromium", .serialized, .enabled(if: Chromium.isInstalled, "apt-get install chromium"))
struct BrowserTests {
    /// A master, a tracker, and nodes that report whatever a test says.
    private struct Network {
        let tracker: ProgramTests.RunningTracker
        let snapshot: SnapshotID
        let tokens: [String: String]

        init(_ bench: TestBench) async throws {
            let master = try await Master(bench) { tree in try tree.write("dists/stable/Release", "Release\n") }
            snapshot = try await master.snapshot("--hold").snapshot
            let server = try await master.serve()
            tracker = try await ProgramTests.RunningTracker(
                bench, "[[set]]\nname = \"debian\"\nupstream = \"\(server.url)\"\nkey = \"\(master.key)\"")
            var tokens: [String: String] = [:]
            for name in ["one.example.org", "two.example.net"] {
                tokens[name] = try await tracker.ask("node", "add", name, "--config", tracker.configuration)
                    .trimmingCharacters(in: .whitespacesAndNewlines)
            }
            self.tokens = tokens
            for name in tokens.keys {
                _ = try await eventually("a report of \(name)") { try await send(name, 10) == 204 ? true : nil }
            }
            _ = try await eventually("the feed") {
                let (data, _) = try await URLSession.shared.data(from: #require(URL(string: tracker.url)))
                return String(decoding: data, as: UTF8.self).contains("one.example.org") ? true : nil
            }
        }

        func send(_ name: String, _ had: Int64, error: String? = nil) async throws -> Int {
            var report = TrackerServerTests.report(name, snapshot, state: had < 100 ? .fetching : .ready, had: had)
            report.sets[0].set = debian
            report.sets[0].snapshots[0].error = error
            report.sets[0].snapshots[0].bytesFromNearPeers = 3
            report.sets[0].reads = .init(
                since: ManualClock.start, files: [.init(path: String(repeating: "directory/", count: 20), reads: 3)])
            report.sent = Date()
            var request = URLRequest(url: try #require(URL(string: "\(tracker.url)/api/v1/report")))
            request.httpMethod = "POST"
            request.httpBody = Data(try Documents.encode(report))
            request.setValue("Bearer \(tokens[name] ?? "")", forHTTPHeaderField: "Authorization")
            let (_, response) = try await URLSession.shared.data(for: request)
            return (response as? HTTPURLResponse)?.statusCode ?? 0
        }
    }

    private func withPages(_ body: (Network, Chromium) async throws -> Void) async throws {
        try await TestBench.run { bench in
            let network = try await Network(bench)
            let browser = try await Chromium()
            let result: Result<Void, any Error>
            do { result = .success(try await body(network, browser)) } catch { result = .failure(error) }
            await browser.end()
            try result.get()
            let output = network.tracker.program
            output.signal(SIGTERM)
            #expect(await output.end() == 0)
        }
    }

    private func awaited(_ browser: Chromium, _ expression: String, _ wanted: String) async throws {
        _ = try await eventually("\(expression) is “\(wanted)”") {
            // Between two pages there is nothing to ask.
            try? await browser.evaluate(expression) == wanted ? true : nil
        }
    }

    @Test func openPageFollowsTheState() async throws {
        try await withPages { network, browser in
            try await browser.open(network.tracker.url)
            let key = "debian/\(network.snapshot)"
            let done = "document.querySelector('span[data-live=\"\(key)/one.example.org/done\"]').textContent"
            #expect(try await browser.evaluate(done) == "10 %")
            try await awaited(browser, "document.getElementById('live').textContent", "live")
            // The page stays; what it shows changes.
            _ = try await browser.evaluate("window.isStillHere = 'yes'")
            let error = "<img src=x onerror=\"window.isStillHere = 'no'\">"
            #expect(try await network.send("one.example.org", 55, error: error) == 204)
            try await awaited(browser, done, "55 %")
            try await awaited(
                browser, "document.querySelector('td[data-live=\"\(key)/one.example.org/error\"]').textContent", error)
            #expect(try await network.send("two.example.net", 100) == 204)
            try await awaited(
                browser, "document.querySelector('span[data-live=\"\(key)/nodes\"]').textContent", "1 of 2 have it")
            try await awaited(
                browser, "document.querySelector('meter[data-live=\"\(key)/nodes\"]').value", "0.5")
            // The chart is drawn anew.
            try await awaited(
                browser, "document.querySelector('figure svg desc').textContent.includes('1 of 2 nodes have it')",
                "true")
            #expect(try await browser.evaluate("window.isStillHere") == "yes")
            #expect(try await browser.evaluate("document.querySelectorAll('td img').length") == "0")

            // A node that comes makes another page.
            _ = try await network.tracker.ask(
                "node", "remove", "two.example.net", "--config", network.tracker.configuration)
            try await awaited(browser, "document.querySelectorAll('table.nodes tbody tr').length", "1")
            #expect(try await browser.evaluate("window.isStillHere") == "yes")
            #expect(browser.complaints == [])
        }
    }

    @Test func sortsFiltersAndLeadsOn() async throws {
        try await withPages { network, browser in
            // Without scripts: by links and forms alone.
            try await browser.show(width: 1280, isDark: false, runsScripts: false)
            try await browser.open("\(network.tracker.url)/?sort=node&order=desc")
            let names = "[...document.querySelectorAll('table.nodes tbody th')].map(x => x.textContent).join()"
            #expect(try await browser.evaluate(names) == "two.example.net,one.example.org")
            _ = try await browser.evaluate("document.querySelector('th[aria-sort] a').click()")
            try await awaited(browser, names, "one.example.org,two.example.net")
            _ = try await browser.evaluate(
                "(document.getElementById('q').value = 'two.ex', document.querySelector('form').requestSubmit())")
            try await awaited(browser, names, "two.example.net")
            _ = try await browser.evaluate("document.querySelector('table.nodes tbody th a').click()")
            try await awaited(browser, "document.querySelector('h1').textContent", "two.example.net")
            _ = try await browser.evaluate("document.querySelector('tbody th a').click()")
            try await awaited(browser, "location.pathname", "/sets/debian/snapshots/\(network.snapshot)")
            #expect(try await browser.evaluate("document.getElementById('live').textContent") == "")
            #expect(try await browser.evaluate("document.querySelectorAll('figure svg .wide polyline').length") == "3")
            #expect(browser.complaints == [])
        }
    }

    /// No page scrolls sideways as a whole, and every text stands out from what is behind it.
    @Test func readsWellOnNarrowAndDarkScreens() async throws {
        try await withPages { network, browser in
            let long = String(repeating: "no-space-to-break-", count: 20)
            #expect(try await network.send("one.example.org", 30, error: long) == 204)
            let snapshot = "/sets/debian/snapshots/\(network.snapshot)"
            for path in ["/", "/nodes/one.example.org", snapshot, "/sets/debian/popular"] {
                for width in [320, 1280] {
                    for isDark in [false, true] {
                        try await browser.show(width: width, isDark: isDark)
                        try await browser.open(network.tracker.url + path)
                        #expect(
                            try await browser.evaluate("document.documentElement.scrollWidth <= innerWidth") == "true",
                            "\(path) at \(width)")
                        let tight = try await browser.evaluate(Self.tightCharts)
                        #expect(tight == "", "\(path) at \(width)")
                        #expect(try await browser.evaluate(Self.weakTexts) == "", "\(path), dark: \(isDark)")
                        #expect(try await browser.evaluate(Self.unnamed) == "", "\(path)")
                    }
                }
            }
            #expect(browser.complaints == [])
        }
    }

    /// Texts whose contrast to their background is below 4.5 : 1, by WCAG's formula.
    private static let weakTexts = """
        (() => {
          const light = c => { const [r, g, b] = c.match(/[0-9.]+/g).map(Number).slice(0, 3)
              .map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
            return .2126 * r + .7152 * g + .0722 * b; };
          const behind = e => { for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor;
            if (!c.startsWith('rgba') || c.endsWith(', 1)')) return c; } return 'rgb(255, 255, 255)'; };
          const weak = [];
          for (const e of document.querySelectorAll('body *')) {
            if (!e.checkVisibility() || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
            const style = getComputedStyle(e);
            const ink = e instanceof SVGElement ? style.fill : style.color;
            const [a, b] = [light(ink), light(behind(e))].sort((x, y) => y - x);
            if ((a + .05) / (b + .05) < 4.5) weak.push(`${e.tagName} ${e.textContent.slice(0, 20)} ${ink}`);
          }
          return weak.join('; ');
        })()
        """

    /// Texts of charts that are too small to read, or do not lie inside of their chart.
    private static let tightCharts = """
        (() => {
          const tight = [];
          for (const chart of document.querySelectorAll('figure > svg')) {
            const frame = chart.getBoundingClientRect();
            const texts = [...chart.querySelectorAll('text')].filter(t => t.checkVisibility());
            if (texts.length < 8 || frame.right > innerWidth) tight.push('chart');
            for (const t of texts) {
              const box = t.getBoundingClientRect();
              if (box.height < 12 || box.left < frame.left || box.right > frame.right || box.bottom > frame.bottom)
                tight.push(`${t.textContent} ${box.left} ${box.right} ${box.height} in ${frame.left} ${frame.right}`);
            }
          }
          return tight.join('; ');
        })()
        """

    /// What somebody who does not see the page would not be told: tables without captions, headings that skip a level,
    /// fields and pictures without names.
    private static let unnamed = """
        (() => {
          const found = [];
          for (const t of document.querySelectorAll('table')) if (!t.caption || !t.caption.textContent) found.push('table');
          for (const c of document.querySelectorAll('th')) if (!c.scope) found.push('th');
          for (const i of document.querySelectorAll('input:not([type=hidden]), select')) if (!i.labels.length) found.push(i.id);
          for (const s of document.querySelectorAll('svg[role=img]')) if (!s.querySelector('title, desc')) found.push('svg');
          let level = 0;
          for (const h of document.querySelectorAll('h1, h2, h3, h4')) {
            const next = Number(h.tagName[1]);
            if (next > level + 1) found.push(h.textContent);
            level = next;
          }
          if (document.querySelectorAll('h1').length !== 1 || !document.documentElement.lang || !document.title) found.push('page');
          return found.join('; ');
        })()
        """
}

/// The stream of events, without a browser.
@Suite("Stream of events")
struct EventStreamTests {
    @Test func oneComputedEventForAll() async throws {
        try await TestBench.run { bench in
            let tracker = try await ProgramTests.RunningTracker(bench, "open = true\nrequests-per-second = 0")
            let clients = try (0..<3).map { _ in
                let client = try ClientSocket(port: tracker.port)
                try client.send("GET /events HTTP/1.1\r\nHost: t\r\n\r\n")
                return client
            }
            for client in clients {
                let text = try client.text { $0.contains("}\n\n") }
                #expect(text.contains("Content-Type: text/event-stream"))
                #expect(text.contains("event: state\ndata: {\"layout\":"))
                #expect(text.contains("0 nodes, 0 reporting"))
            }
            _ = try await tracker.ask("node", "add", "a", "--config", tracker.configuration)
            for client in clients { #expect(try client.text { $0.contains("1 node, ") }.contains("event: state")) }
            // Open streams do not hold up the end.
            tracker.program.signal(SIGTERM)
            #expect(await tracker.program.end() == 0)
            for client in clients { _ = try? client.text { _ in false } }
        }
    }

    @Test func streamsAreBounded() async throws {
        try await TestBench.run { bench in
            let tracker = try await ProgramTests.RunningTracker(bench, "open = true\nrequests-per-second = 0")
            var clients: [ClientSocket] = []
            for _ in 0..<EventStreams.limit {
                let client = try ClientSocket(port: tracker.port)
                try client.send("GET /events HTTP/1.1\r\nHost: t\r\n\r\n")
                #expect(try client.text { $0.contains("retry: ") }.hasPrefix("HTTP/1.1 200 OK"))
                clients.append(client)
            }
            func another() throws -> String {
                let client = try ClientSocket(port: tracker.port)
                try client.send("GET /events HTTP/1.1\r\nHost: t\r\n\r\n")
                return try client.text { $0.contains("\r\n\r\n") }
            }
            #expect(try another().hasPrefix("HTTP/1.1 503 "))
            // Who goes makes room.
            clients.removeLast()
            _ = try await eventually("room") { try another().hasPrefix("HTTP/1.1 200 ") ? true : nil }
        }
    }
}
