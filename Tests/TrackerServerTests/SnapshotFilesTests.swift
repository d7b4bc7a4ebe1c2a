import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Synchronization
import Testing
import TrackerCore

@testable import TrackerServer

/// A snapshot of a real publisher, in several shards, from its store.
struct SnapshotFilesTests {
    /// A published store, and which documents were asked for.
    private final class Upstream: Sendable {
        let store: String
        let key: SnapshotKey
        let shards: [Manifest.Shard]
        private let asked = Mutex<[String]>([])
        private let spoilt = Mutex(false)

        init(_ bench: TestBench, configuration: String = "", fill: (FileTreeWriter) throws -> Void) async throws {
            let master = try await Master(bench, configuration: configuration, fill: fill)
            let snapshot = try await master.snapshot().snapshot
            store = "\(master.store)/.swarm"
            key = SnapshotKey(debian, snapshot)
            let data = try Data(contentsOf: URL(fileURLWithPath: "\(store)/manifests/\(snapshot).json"))
            shards = try Documents.decode(Manifest.self, from: data).shards
        }

        /// The torrents that were fetched.
        var fetches: [String] { asked.withLock { $0 } }
        /// From now on, all comes with one byte changed.
        func spoil() { spoilt.withLock { $0 = true } }

        func files() async -> SnapshotFiles {
            let files = SnapshotFiles()
            await files.follow(debian, [key.snapshot: shards]) { path, limit in
                self.asked.withLock { $0.append(path) }
                var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: "\(self.store)/\(path)")))
                #expect(bytes.count <= limit)
                if self.spoilt.withLock({ $0 }) { bytes[bytes.count / 2] ^= 1 }
                return bytes
            }
            return files
        }
    }

    private func sharded(_ bench: TestBench) async throws -> Upstream {
        try await Upstream(bench, configuration: "single-torrent-up-to = 5\nshard-files = 10") { tree in
            for letter in "abcdefghij" {
                for number in 0..<8 { try tree.write("pool/\(letter)/\(number).deb", "\(letter)\(number)") }
            }
            try tree.write("dists/stable/Release", "Release\n")
            try tree.symbolicLink("dists/testing", to: "stable")
            try tree.symbolicLink("newest.deb", to: "pool/c/1.deb")
            try tree.symbolicLink("loop", to: "loop2")
            try tree.symbolicLink("loop2", to: "loop")
        }
    }

    @Test func opensOnlyTheShardThatCanHaveThePath() async throws {
        try await TestBench.run { bench in
            let upstream = try await sharded(bench)
            #expect(upstream.shards.count > 6)
            let files = await upstream.files()
            let file = try #require(try await files.file("pool/f/3.deb", in: upstream.key))
            #expect(file.size == 2)
            #expect(file.sha256 == Digest.sha256(Array("f3".utf8)))
            #expect(upstream.fetches.count <= 2)
            let before = upstream.fetches
            #expect(try await files.file("pool/f/4.deb", in: upstream.key)?.sha256 == Digest.sha256(Array("f4".utf8)))
            #expect(upstream.fetches == before)
            // Every file, wherever it is, with what it has.
            for letter in "abcdefghij" {
                for number in 0..<8 {
                    let found = try await files.file("pool/\(letter)/\(number).deb", in: upstream.key)
                    #expect(found?.sha256 == Digest.sha256(Array("\(letter)\(number)".utf8)))
                }
            }
            #expect(Set(upstream.fetches).count == upstream.fetches.count)
        }
    }

    @Test func followsLinksInTheTree() async throws {
        try await TestBench.run { bench in
            let upstream = try await sharded(bench)
            let files = await upstream.files()
            let release = try await files.file("dists/stable/Release", in: upstream.key)
            #expect(release?.size == 8)
            #expect(try await files.file("dists/testing/Release", in: upstream.key) == release)
            #expect(
                try await files.file("newest.deb", in: upstream.key)?.sha256 == Digest.sha256(Array("c1".utf8)))
            for path in [
                "loop", "loop/x", "pool", "pool/f", "pool/f/3.deb/x", "pool/f/9.deb", "zzz", "", "/etc/passwd", "../x",
                "dists/testing", "a//b", String(repeating: "x/", count: 3000),
            ] {
                #expect(try await files.file(path, in: upstream.key) == nil, "\(path.prefix(30))")
            }
            let other = try #require(SnapshotID("6f1c2a9e-0000-4000-8000-000000000000"))
            #expect(try await files.file("newest.deb", in: SnapshotKey(debian, other)) == nil)
        }
    }

    @Test func believesOnlyWhatTheManifestSays() async throws {
        try await TestBench.run { bench in
            let upstream = try await Upstream(bench) { tree in try tree.write("pool/x", "x") }
            let files = await upstream.files()
            upstream.spoil()
            await #expect(throws: (any Error).self) { try await files.file("pool/x", in: upstream.key) }
            // Nothing of it is kept.
            await #expect(throws: (any Error).self) { try await files.file("pool/x", in: upstream.key) }
            #expect(upstream.fetches.count == 2)
        }
    }

    @Test func asksOnceForMany() async throws {
        try await TestBench.run { bench in
            let upstream = try await Upstream(bench) { tree in try tree.write("pool/x", "x") }
            let files = await upstream.files()
            let found = try await withThrowingTaskGroup(of: KnownFile?.self) { group in
                for _ in 0..<50 { group.addTask { try await files.file("pool/x", in: upstream.key) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(found.count == 50 && Set(found).count == 1)
            #expect(upstream.fetches.count == 1)
        }
    }
}

struct MetalinkDocumentTests {
    private func document(hasOldVersion: Bool) throws -> String {
        MetalinkDocument(
            path: "repodata/a\"<&>.xml",
            file: KnownFile(size: 12, sha256: Digest.sha256([1]), mtime: 1_700_000_000),
            places: [("https://a.example/x&y/", "DE"), ("http://b.example/", nil)], time: ManualClock.start,
            hasOldVersion: hasOldVersion
        ).text
    }

    @Test func isWellFormedWhateverIsInIt() throws {
        let text = try document(hasOldVersion: true)
        #expect(text.contains("<file name=\"a&quot;&lt;&amp;&gt;.xml\">"))
        #expect(text.contains("    <url location=\"de\" priority=\"1\">https://a.example/x&amp;y/</url>\n"))
        #expect(text.contains("    <url priority=\"2\">http://b.example/</url>\n"))
        #expect(text.contains("type=\"https\" location=\"DE\" preference=\"100\">"))
        #expect(text.contains("<hash type=\"sha-256\">\(Hex.encode(Digest.sha256([1]).bytes))</hash>"))
        // The only elements of the other version are below one of its namespace.
        let parts = text.components(separatedBy: "<files xmlns=\"http://www.metalinker.org/\">")
        #expect(parts.count == 2 && !parts[0].contains("verification"))
        let alone = try document(hasOldVersion: false)
        #expect(alone == parts[0].trimmingCharacters(in: .whitespaces) + "</metalink>\n")
    }
}
