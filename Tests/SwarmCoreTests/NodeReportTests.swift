import FoundationEssentials
import SwarmCore
import Testing

struct NodeReportTests {
    @Test func roundTrip() throws {
        let node = try #require(NodeName("FTP.example.org"))
        #expect(node.rawValue == "ftp.example.org")
        let id = try #require(SnapshotID("6f1c2a9e-0000-4000-8000-000000000000"))
        var report = NodeReport(
            node: node, version: "0.1.0", sent: Date(timeIntervalSince1970: 1_772_366_400),
            urls: ["https://ftp.example.org"])
        report.sets = [
            .init(
                set: try #require(SetName("debian")), isFiltered: true, current: .init(uuid: id, serial: 4),
                snapshots: [.init(uuid: id, serial: 4, state: .active)], diskFree: 12, error: "no"),
            .init(set: try #require(SetName("fedora")), isFiltered: false),
        ]
        let bytes = try Documents.encode(report)
        #expect(try Documents.decode(NodeReport.self, from: bytes) == report)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains(#""sent":"2026-03-01T12:00:00Z""#))
        #expect(text.contains(#""diskFree":null"#))
    }

    @Test(arguments: ["", "-a", "a-", ".a", "a_b", "a b", "ä", "a/b", String(repeating: "a", count: 65)])
    func refusesName(text: String) { #expect(NodeName(text) == nil) }
}
