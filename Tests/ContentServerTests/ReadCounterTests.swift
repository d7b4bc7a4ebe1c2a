import Foundation
import SwarmCore
import SwarmTestSupport
import Synchronization
import Testing

@testable import ContentServer

@Suite("What readers read", .timeLimit(.minutes(1)))
struct ReadCounterTests {
    @Test("Counted is the beginning of a file of the current snapshot, for readers")
    func requests() async throws {
        let counter = ReadCounter()
        let mirror = try TestMirror(reads: counter)
        let big = String(repeating: "0123456789", count: 20_000)
        let id = try mirror.addSnapshot(1, files: ["a b": "small", "big": big, "docs/index.html": "<p>", "never": ""])
        try mirror.activate(id)
        try await mirror.serve { _, endpoint in
            try await offload {
                let client = try RawConnection(to: endpoint)
                let etag = try unwrap(client.request("/debian/a%20b").headers["etag"])
                #expect(try client.request("/debian/a%20b", ["If-None-Match: \(etag)"]).status == 304)
                #expect(try client.request("/debian/a%20b", ["User-Agent: swarm-node/1"]).status == 200)
                #expect(try client.request("/debian/big").status == 200)
                #expect(try client.request("/debian/big", ["Range: bytes=0-9"]).status == 206)
                #expect(try client.request("/debian/big", ["Range: bytes=10-19"]).status == 206)
                #expect(try client.request("/debian/docs/").status == 200)
                #expect(try client.request("/debian/").status == 200)
                #expect(try client.request("/debian/absent").status == 404)
                #expect(try client.request("/.swarm/debian/snap/\(id)/big").status == 200)
            }
        }
        let counts = counter.counts(limit: 10, bytes: 1000)
        let reads = Dictionary(uniqueKeysWithValues: counts.files.map { ($0.path, $0.reads) })
        #expect(reads == ["big": 2, "a b": 1, "docs/index.html": 1])
        #expect(counts.files.first?.path == "big" && !counts.isCut)
    }

    @Test("A report has the most read ones, within its limits; a count ends after a day")
    func limits() {
        let time = Mutex(Date(timeIntervalSince1970: 1000.7))
        let counter = ReadCounter { time.withLock { $0 } }
        for (path, count) in [("aaaa", 3), ("bbbb", 2), ("c", 1)] {
            for _ in 0..<count { counter.count(path) }
        }
        #expect(counter.counts(limit: 2, bytes: 100).files.map(\.path) == ["aaaa", "bbbb"])
        #expect(counter.counts(limit: 2, bytes: 100).isCut)
        #expect(counter.counts(limit: 3, bytes: 7).files.map(\.path) == ["aaaa"])
        #expect(counter.counts(limit: 3, bytes: 7).isCut)
        #expect(counter.counts(limit: 3, bytes: 9).files.count == 3)
        #expect(!counter.counts(limit: 3, bytes: 9).isCut)
        #expect(counter.counts(limit: 3, bytes: 9).since == Date(timeIntervalSince1970: 1000))

        time.withLock { $0 += 86_401 }
        // The last of the old count is not lost.
        #expect(counter.counts(limit: 3, bytes: 9).files.first?.reads == 3)
        let new = counter.counts(limit: 3, bytes: 9)
        #expect(new.files.isEmpty && new.since == Date(timeIntervalSince1970: 87_401))
    }
}
