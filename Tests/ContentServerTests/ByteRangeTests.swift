import Testing

@testable import ContentServer

@Suite("Ranges")
struct ByteRangeTests {
    @Test(
        "One range of 100 bytes",
        arguments: [
            ("bytes=0-9", 0, 10), ("bytes=90-", 90, 10), ("bytes=-5", 95, 5), ("bytes=-500", 0, 100),
            ("bytes=95-9999999999999999999999", 95, 5), ("BYTES=0-0", 0, 1), ("bytes= 1-2 ", 1, 2),
        ] as [(String, Int64, Int64)])
    func part(header: String, offset: Int64, count: Int64) {
        #expect(RangeDecision(header: header, size: 100) == .part(ByteRange(offset: offset, count: count)))
    }

    @Test(
        "What may be ignored",
        arguments: [
            nil, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "bytes=5-2", "bytes=0-1,3-4", "items=0-1",
            "bytes=+1-2", "bytes=1--2", "bytes=200-100",
        ] as [String?])
    func whole(header: String?) {
        #expect(RangeDecision(header: header, size: 100) == .whole)
    }

    @Test("What lies beyond", arguments: ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=9999999999999999999999-"])
    func unsatisfiable(header: String) {
        #expect(RangeDecision(header: header, size: 100) == .unsatisfiable)
    }

    @Test("An empty file has no range")
    func empty() {
        #expect(RangeDecision(header: "bytes=0-", size: 0) == .unsatisfiable)
        #expect(RangeDecision(header: "bytes=-1", size: 0) == .unsatisfiable)
    }

    @Test("Content-Range")
    func contentRange() {
        #expect(ByteRange(offset: 5, count: 10).contentRange(of: 100) == "bytes 5-14/100")
    }
}
