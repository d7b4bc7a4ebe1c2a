import Foundation
import FoundationNetworking
import SwarmCore
import SwarmTestSupport
import Testing
import TrackerCore

@testable import TrackerServer

/// The program itself, over loopback.
@Suite("swarm-tracker", .serialized)
struct ProgramTests {
    /// A running tracker.
    struct RunningTracker {
        let bench: TestBench
        let program: RunningProgram
        let configuration: String
        let port: UInt16

        var url: String { "http://127.0.0.1:\(port)" }

        init(_ bench: TestBench, _ more: String) async throws {
            self.bench = bench
            configuration = bench["tracker.toml"]
            let text = "listen = [\"127.0.0.1:0\"]\nstore = \"\(bench["t.sqlite"])\"\n\(more)\n"
            try text.write(toFile: configuration, atomically: true, encoding: .utf8)
            let ready: ReadyFile
            (program, ready) = try await bench.startDaemon("swarm-tracker", ["run", "--config", configuration])
            port = try #require(ready.http.first.flatMap { Endpoint($0) }).port
        }

        func ask(_ arguments: String..., code: Int32 = 0) async throws -> String {
            let output = try await bench.run("swarm-tracker", arguments)
            guard output.status == code else { throw ProgramFailure("\(output)") }
            return output.text
        }
    }

    @Test func answersPipelinedRequests() async throws {
        try await TestBench.run { bench in
            let tracker = try await RunningTracker(bench, "open = true")
            let client = try ClientSocket(port: tracker.port)
            let query = "info_hash=\(String(repeating: "%07", count: 20))&peer_id=aaaaaaaaaaaaaaaaaaaa&left=1&port="
            let requests = (1...3).map { "GET /announce?\(query)\($0) HTTP/1.1\r\nHost: t\r\n\r\n" }
            try client.send(requests.joined())
            let text = try client.text { $0.components(separatedBy: "8:intervali").count == 4 && $0.hasSuffix("e") }
            #expect(text.components(separatedBy: "HTTP/1.1 200 OK\r\n").count == 4)
            try client.send("GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
            let last = try client.text { _ in false }
            #expect(last.hasSuffix("ok\n"))
            #expect(last.contains("Connection: close"))
        }
    }

    /// What a connection brings is forgotten when it is answered, also when no request ever ends where a packet does.
    @Test func memoryOfAConnectionIsBounded() async throws {
        try await TestBench.run { bench in
            let tracker = try await RunningTracker(bench, "open = true\nrequests-per-second = 0")
            let client = try ClientSocket(port: tracker.port)
            let request = "GET /scrape?x=\(String(repeating: "y", count: 8000)) HTTP/1.1\r\nHost: t\r\n\r\n"
            let before = try #require(tracker.program.peakMemory)
            try client.send("G")
            let following = request.dropFirst() + "G"
            for _ in 0..<100 {
                try client.send(String(repeating: String(following), count: 100))
                var count = 0
                _ = try client.text { text in
                    count = text.components(separatedBy: "HTTP/1.1 ").count - 1
                    return count == 100 && text.hasSuffix("e")
                }
            }
            let after = try #require(tracker.program.peakMemory)
            #expect(after - before < 40 << 20, "\((after - before) >> 20) MiB")
        }
    }

    @Test func refusesWhatIsNoHTTPAndGoesOn() async throws {
        try await TestBench.run { bench in
            let tracker = try await RunningTracker(bench, "open = true")
            for garbage in [
                "\0\u{13}BitTorrent protocol", "GET / FTP/9\r\n\r\n", String(repeating: "x", count: 100_000),
            ] {
                let client = try ClientSocket(port: tracker.port)
                try? client.send(garbage)
                let answer = try? client.text { _ in false }
                #expect(answer?.contains("200 OK") != true)
            }
            let client = try ClientSocket(port: tracker.port)
            try client.send(
                "POST /api/v1/report HTTP/1.1\r\nHost: t\r\nContent-Length: 300000\r\n\r\n"
                    + String(repeating: "x", count: 300_000))
            #expect(try client.text { $0.contains("\r\n\r\n") }.hasPrefix("HTTP/1.1 413 "))
            let next = try ClientSocket(port: tracker.port)
            try next.send("DELETE / HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect(try next.text { $0.contains("\r\n\r\n") }.hasPrefix("HTTP/1.1 405 "))
        }
    }

    @Test func limitsEachAddress() async throws {
        try await TestBench.run { bench in
            let tracker = try await RunningTracker(bench, "requests-per-second = 1")
            let client = try ClientSocket(port: tracker.port)
            try client.send(String(repeating: "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n", count: 40))
            let text = try client.text { $0.components(separatedBy: "HTTP/1.1 ").count == 41 }
            #expect(text.contains("HTTP/1.1 200 OK"))
            #expect(text.contains("HTTP/1.1 429 Too Many Requests"))
        }
    }

    /// Announces and everything else by one connection, sent ahead, in parts, and in the order of the answers.
    @Test func answersAnnouncesAndPagesByOneConnection() async throws {
        try await TestBench.run { bench in
            let tracker = try await RunningTracker(bench, "open = true")
            let client = try ClientSocket(port: tracker.port)
            func announce(_ port: Int, _ fields: String = "") -> String {
                "GET /announce?info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb&port=\(port)&left=1"
                    + "&event=started HTTP/1.1\r\nHost: t\r\n\(fields)\r\n"
            }
            try client.send(announce(1) + announce(2) + announce(3).prefix(40))
            let two = try client.text { $0.components(separatedBy: "HTTP/1.1 200 OK").count == 3 }
            #expect(two.contains("10:incompletei2e"))
            try client.send(announce(3).dropFirst(40) + "GET /healthz HTTP/1.1\r\nHost: t\r\n\r\n" + announce(4))
            let three = try client.text { $0.components(separatedBy: "HTTP/1.1 200 OK").count == 4 }
            #expect(three.contains("10:incompletei3e"))
            #expect(three.contains("10:incompletei4e"))
            let last = try ClientSocket(port: tracker.port)
            try last.send(announce(5) + announce(6, "Connection: close\r\n") + announce(7))
            let text = try last.text { _ in false }
            #expect(text.components(separatedBy: "HTTP/1.1 200 OK").count == 3)
            #expect(text.contains("10:incompletei6e"))
        }
    }

    /// A client that asks and asks, and only then reads, gets every answer.
    @Test func waitsForAClientThatDoesNotRead() async throws {
        try await TestBench.run { bench in
            let tracker = try await RunningTracker(bench, "open = true\nrequests-per-second = 0")
            let client = try ClientSocket(port: tracker.port)
            let request = "GET /announce?info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb&port=1&left=1"
            let all = String(repeating: request + " HTTP/1.1\r\n\r\n", count: 60_000)
            let sender = Task.detached { try client.send(all) }
            var answers = 0
            var rest: [UInt8] = []
            let mark = Array("HTTP/1.1 200 OK".utf8)
            while answers < 60_000 {
                let part = try client.receive()
                try #require(!part.isEmpty)
                rest += part
                while let found = rest.firstRange(of: mark) {
                    answers += 1
                    rest.removeSubrange(..<found.upperBound)
                }
            }
            try await sender.value
        }
    }

    @Test func speaksUDPAtTheSamePort() async throws {
        try await TestBench.run { bench in
            let tracker = try await RunningTracker(bench, "open = true")
            let client = try ClientSocket(port: tracker.port, isDatagram: true)
            try client.send([1, 2, 3])
            try client.send(Datagram.announce(connection: [UInt8](repeating: 3, count: 8)))
            // The first answer is the one to the first datagram that deserves any.
            try client.send(Datagram.connect)
            let id = Array(try client.receive()[8...])
            try client.send(Datagram.announce(connection: id, port: 1))
            #expect(try client.receive().count == 20)
            try client.send(Datagram.announce(connection: id, port: 2))
            #expect(Array(try client.receive()[20...]) == [127, 0, 0, 1, 0, 1])
            tracker.program.signal(SIGTERM)
            #expect(await tracker.program.end() == 0)
        }
    }

    /// From the publication to the embargo's answer, with the nodes' reports sent as a node sends them.
    @Test func followsASetAndAnswersItsEmbargo() async throws {
        try await TestBench.run { bench in
            let master = try await Master(bench) { tree in try tree.write("dists/stable/Release", "Release\n") }
            let published = try await master.snapshot("--hold")
            let server = try await master.serve()
            let tracker = try await RunningTracker(
                bench,
                """
                [[set]]
                name = "debian"
                upstream = "\(server.url)"
                key = "\(master.key)"
                """)
            let base = ["--config", tracker.configuration]
            var tokens: [String: String] = [:]
            for name in ["one", "two"] {
                let output = try await bench.run(
                    "swarm-tracker", ["node", "add", name, "--region", "r-\(name)"] + base)
                tokens[name] = output.text.trimmingCharacters(in: .whitespacesAndNewlines)
            }
            let again = try await bench.run("swarm-tracker", ["node", "add", "one"] + base)
            #expect(again.status == 1)
            #expect(again.errors.contains("there is a node one already"))
            #expect(
                try await bench.run("swarm-tracker", ["node", "list"] + base).text.contains(
                    "one  weight 1  region r-one"))

            func send(_ name: String, _ state: NodeStatus.State) async throws -> Int {
                var report = TrackerServerTests.report(
                    name, try published.snapshot, state: state, had: state == .fetching ? 10 : 100)
                report.sets[0].set = debian
                var request = URLRequest(url: try #require(URL(string: "\(tracker.url)/api/v1/report")))
                request.httpMethod = "POST"
                request.httpBody = Data(try Documents.encode(report))
                request.setValue("Bearer \(tokens[name] ?? "")", forHTTPHeaderField: "Authorization")
                let (_, response) = try await URLSession.shared.data(for: request)
                return (response as? HTTPURLResponse)?.statusCode ?? 0
            }
            // The tracker notices registrations, and reads the feed, by itself.
            for (name, state) in [("one", NodeStatus.State.ready), ("two", .fetching)] {
                _ = try await eventually("the report of \(name)") { try await send(name, state) == 204 ? true : nil }
            }
            let question = ["embargo", "debian", "latest", "--tracker", tracker.url]
            let held = try await eventually("the feed") {
                let output = try await bench.run("swarm-tracker", question)
                return output.status == 1 ? nil : output
            }
            #expect(held.status == 2)
            #expect(held.text.hasPrefix("HOLD  debian 1 "))
            #expect(held.text.contains("50% (1 of 2 nodes), 80% needed"))
            #expect(try await send("two", .active) == 204)
            #expect(try await bench.run("swarm-tracker", question).status == 0)
            let report = try await tracker.ask("report", "--tracker", tracker.url, "--width", "80")
            #expect(report.contains("2 of 2 have it"))
            #expect(report.split(separator: "\n").allSatisfy { $0.count <= 80 })

            // Reports and the progress over time survive a restart, and a token that was rotated is good no more.
            func chart(_ base: String) async throws -> String {
                let path = "\(base)/sets/debian/snapshots/\(try published.snapshot)/chart.svg"
                let url = try #require(URL(string: path))
                return try await eventually("a chart") {
                    let text = String(decoding: try await URLSession.shared.data(from: url).0, as: UTF8.self)
                    // One sample that was kept, and how it is now.
                    return text.firstMatch(of: /From (.*?) UTC to (.*?) UTC/).flatMap {
                        $0.output.1 < $0.output.2 ? String($0.output.1) : nil
                    }
                }
            }
            let began = try await chart(tracker.url)
            tracker.program.signal(SIGTERM)
            #expect(await tracker.program.end() == 0)
            let old = tokens["one"]
            tokens["one"] = try await tracker.ask("node", "rotate", "one", "--config", tracker.configuration)
                .trimmingCharacters(in: .whitespacesAndNewlines)
            let (_, ready) = try await bench.startDaemon("swarm-tracker", ["run"] + base)
            let url = try "http://\(#require(ready.http.first))"
            let shown = try await eventually("the feed after the restart") {
                let output = try await bench.run("swarm-tracker", ["embargo", "debian", "--json", "--tracker", url])
                return output.status == 0 ? output.text : nil
            }
            let answer = try Documents.decode(EmbargoAnswer.self, from: Array(shown.utf8))
            #expect(answer.count.have == 2)
            let drawn = try await chart(url)
            #expect(drawn == began)
            #expect(old != tokens["one"])
        }
    }

    @Test func simulates() async throws {
        try await TestBench.run { bench in
            let output = try await bench.run(
                "swarm-tracker", ["simulate", "--regions", "2", "--nodes", "3", "--pieces", "20", "--runs", "1"])
            #expect(output.status == 0)
            #expect(output.text.contains("near first"))
            #expect(try await bench.run("swarm-tracker", ["simulate", "--regions", "0"]).status == 64)
        }
    }

    @Test func refusesABadConfiguration() async throws {
        try await TestBench.run { bench in
            try "stor = \"/x\"\n".write(toFile: bench["bad.toml"], atomically: true, encoding: .utf8)
            let output = try await bench.run("swarm-tracker", ["run", "--config", bench["bad.toml"]])
            #expect(output.status == 78)
            #expect(output.errors.contains("stor: unknown key; did you mean “store”?"))
        }
    }
}
