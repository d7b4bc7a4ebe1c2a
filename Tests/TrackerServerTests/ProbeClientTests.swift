import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Synchronization
import Testing
import TrackerCore

@testable import TrackerServer

/// What nodes answer to probes, over real sockets.
struct ProbeClientTests {
    private static let file = Array("Origin: test\n".utf8)

    private let question = ProbeQuestion(
        whole: "dists/a b/Release", length: Int64(file.count), sha256: Digest.sha256(file))

    private func client(_ change: (inout ProbeConfiguration) -> Void = { _ in }) -> ProbeClient {
        var configuration = ProbeConfiguration()
        configuration.allowsPrivate = true
        change(&configuration)
        return ProbeClient(configuration: configuration)
    }

    private func outcome(
        _ question: ProbeQuestion, _ client: ProbeClient,
        _ answer:
            @escaping @Sendable (SmallHTTPServer.Request) ->
            SmallHTTPServer.Reply
    ) async throws -> ProbeOutcome {
        let server = try SmallHTTPServer(answer: answer)
        defer { server.stop() }
        return await client.ask([question], at: "http://127.0.0.1:\(server.port)/mirror", set: demo).outcome
    }

    private func reason(_ outcome: ProbeOutcome) -> String {
        if case .bad(let reason) = outcome { reason } else { "\(outcome)" }
    }

    @Test func takesTheRightFile() async throws {
        let found = try await outcome(question, client()) { request in
            request.path == "/mirror/demo/dists/a b/Release" ? .ok(Self.file) : .missing
        }
        #expect(found == .good)
    }

    @Test func findsWhatIsWrong() async throws {
        #expect(reason(try await outcome(question, client()) { _ in .missing }).contains("status 404"))
        let other = try await outcome(question, client()) { _ in .ok(Array("Origin: Test\n".utf8)) }
        #expect(reason(other).contains("is not the file of the snapshot"))
        // Without an end, no more is read than is due.
        #expect(reason(try await outcome(question, client()) { _ in .endless }).contains("is not the file"))
        #expect(reason(try await outcome(question, client()) { _ in .garbage([0, 1, 2]) }).contains("cannot be read"))
        let slow = client { $0.timeout = .seconds(1) }
        let stalled = try await outcome(question, slow) { _ in .stalled(length: 13, [1]) }
        #expect(reason(stalled).contains("no whole answer within 1s"))
    }

    @Test func followsNoRedirect() async throws {
        let asked = Mutex(0)
        let target = try SmallHTTPServer { _ in
            asked.withLock { $0 += 1 }
            return .ok(Self.file)
        }
        defer { target.stop() }
        let port = target.port
        let found = try await outcome(question, client()) { request in
            .garbage(
                Array(
                    "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:\(port)\(request.path)\r\nContent-Length: 0\r\n\r\n"
                        .utf8))
        }
        #expect(reason(found).contains("status 302"))
        #expect(asked.withLock { $0 } == 0)
    }

    @Test func asksNoPrivateAddress() async throws {
        let asked = Mutex(0)
        let server = try SmallHTTPServer { _ in
            asked.withLock { $0 += 1 }
            return .ok(Self.file)
        }
        defer { server.stop() }
        // However the address is written, and whatever a name leads to.
        for host in ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "mirror.example"] {
            var strict = client { $0.allowsPrivate = false }
            if host == "mirror.example" { strict.resolve = { _ in [ip("10.0.0.1"), ip("127.0.0.1")] } }
            let found = await strict.ask([question], at: "http://\(host):\(server.port)/mirror", set: demo).outcome
            guard case .unknown(let reason) = found else {
                Issue.record("\(host): \(found)")
                continue
            }
            #expect(reason.contains("not public"), "\(host): \(reason)")
        }
        #expect(asked.withLock { $0 } == 0)
    }

    /// The address that was judged is the one that is connected to: a name that leads elsewhere the next time gains nothing.
    @Test func connectsToTheAddressThatWasJudged() async throws {
        let hosts = Mutex<[String]>([])
        let server = try SmallHTTPServer(host: "127.0.0.9") { request in
            hosts.withLock { $0.append(request.headers["host"] ?? "") }
            return .ok(Self.file)
        }
        defer { server.stop() }
        var client = client()
        client.resolve = { $0 == "mirror.invalid" ? [ip("127.0.0.8"), ip("127.0.0.9")] : [] }
        let base = "http://mirror.invalid:\(server.port)/"
        #expect(await client.ask([question], at: base, set: demo).outcome == .good)
        #expect(hosts.withLock { $0 } == ["mirror.invalid:\(server.port)"])
    }

    @Test func unknownNamesAreBad() async throws {
        let found = await client().ask([question], at: "http://mirror.invalid/", set: demo).outcome
        #expect(reason(found).contains("cannot be resolved"))
    }

    @Test func partsAreComparedWithTheirPiece() async throws {
        // A piece of the torrent in which two zeros stand before the part, and one behind it.
        let part = [UInt8](repeating: 5, count: 100)
        let proof = ProbeQuestion.Proof.piece(
            Digest.sha1([0, 0] + part + [0]), zerosBefore: 2, zerosBehind: 1)
        let question = ProbeQuestion(100..<200, of: "pool/a.deb", length: 1000, proof: proof)
        @Sendable func reply(_ body: [UInt8], _ range: String, tag: String) -> SmallHTTPServer.Reply {
            .garbage(
                Array(
                    "HTTP/1.1 206 Partial\r\nContent-Range: bytes \(range)/1000\r\nETag: \"\(tag)\"\r\nContent-Length: \(body.count)\r\nConnection: close\r\n\r\n"
                        .utf8) + body)
        }
        func ask(_ body: [UInt8], changing: Bool = false) async throws -> ProbeOutcome {
            try await outcome(question, client()) { request in
                let isSecond = request.headers["range"] == "bytes=0-0"
                return isSecond
                    ? reply([1], "0-0", tag: changing ? "b" : "a") : reply(body, "100-199", tag: "a")
            }
        }
        #expect(try await ask(part) == .good)
        #expect(reason(try await ask([6] + part.dropFirst())).contains("other content"))
        #expect(reason(try await ask(part, changing: true)).contains("another ETag"))
        let whole = try await outcome(question, client()) { _ in .ok(part) }
        #expect(reason(whole).contains("206"))
    }
}
