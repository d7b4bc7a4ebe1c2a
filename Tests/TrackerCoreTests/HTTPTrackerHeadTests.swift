import Testing

@testable import TrackerCore

struct HTTPTrackerHeadTests {
    private func read(_ text: String) -> HTTPTrackerHead.Reading { HTTPTrackerHead.read(Array(text.utf8).span) }

    private func head(_ text: String) throws -> HTTPTrackerHead {
        guard case .head(let head) = read(text) else { throw Missing() }
        return head
    }

    private struct Missing: Error {}

    @Test func findsTheTarget() throws {
        let text = "GET /announce?a=b HTTP/1.1\r\nHost: t\r\nUser-Agent: x y\r\n\r\n"
        let expected = HTTPTrackerHead(target: 4..<17, length: text.utf8.count, isKeptAlive: true)
        #expect(try head(text) == expected)
        #expect(try head(text + "GET /announce") == expected)
        #expect(try head("GET /scrape/tok?x HTTP/1.1\r\n\r\n").target == 4..<17)
    }

    @Test func leavesBareLineFeedsToOthers() {
        #expect(read("GET /announce?a=b HTTP/1.1\nHost: t\n\n") == .other)
        #expect(read("GET /announce?a=b HTTP/1.1\r\nHost: t\n\n") == .other)
        #expect(read("GET /announce?a=b HTTP/1.1\r\nHost: t\r\n") == .incomplete)
    }

    @Test(
        arguments: [
            ("1.1", "", true), ("1.0", "", false), ("1.1", "Connection: close\r\n", false),
            ("1.1", "connection:  CLOSE \r\n", false), ("1.0", "Connection: keep-alive\r\n", true),
            ("1.1", "Connection: close\r\nConnection: keep-alive\r\n", false),
        ])
    func seesWhetherToClose(version: String, fields: String, isKeptAlive: Bool) throws {
        #expect(try head("GET /announce HTTP/\(version)\r\n\(fields)\r\n").isKeptAlive == isKeptAlive)
    }

    @Test func waitsForTheEnd() {
        let text = "GET /announce?a=b HTTP/1.1\r\nHost: t\r\n\r\n"
        let bytes = Array(text.utf8)
        for count in bytes.indices { #expect(HTTPTrackerHead.read(Array(bytes[..<count]).span) == .incomplete) }
        #expect(read("GET /announce?" + String(repeating: "x", count: 16_400)) == .other)
        #expect(read("GET /announce HTTP/1.1\r\n" + String(repeating: "A: b\r\n", count: 3000)) == .other)
    }

    /// What a full parser is to judge, among it all that could be taken for two requests by one and for one by another.
    @Test(
        arguments: [
            "POST /announce HTTP/1.1\r\n\r\n", "HEAD /announce HTTP/1.1\r\n\r\n", "GET /report.txt HTTP/1.1\r\n\r\n",
            "GET /announce HTTP/2.0\r\n\r\n", "GET /announce HTTP/1.2\r\n\r\n", "GET /announce\r\n\r\n",
            "GET /announce?a b HTTP/1.1\r\n\r\n", "GET /announce?\u{e9} HTTP/1.1\r\n\r\n",
            "GET /announce HTTP/1.1\r\nContent-Length: 5\r\n\r\n",
            "GET /announce HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
            "GET /announce HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET /announce HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", "GET /announce HTTP/1.1\r\nExpect: 100-continue\r\n\r\n",
            "GET /announce HTTP/1.1\r\nConnection: upgrade, close\r\n\r\n",
            "GET /announce HTTP/1.1\r\nContent-Length : 5\r\n\r\n", "GET /announce HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
            "GET /announce HTTP/1.1\r\nA: b\nContent-Length: 5\r\n\r\n", "GET /announce HTTP/1.1\r\nno colon\r\n\r\n",
            "GET /announce HTTP/1.1\r\n: x\r\n\r\n", "GET /announce HTTP/1.1\r\nA: \u{0}\r\n\r\n",
            "GET /announce HTTP/1.1\nHost: t\r\n\r\n",
        ])
    func leavesTheUnusual(text: String) { #expect(read(text) == .other) }
}
