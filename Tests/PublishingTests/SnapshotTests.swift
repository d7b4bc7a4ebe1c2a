import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

@testable import Publishing

/// What a snapshot reads, and what it publishes.
struct SnapshotTests {
    private var random = SeededRandom(seed: 7)

    /// A store with files large and small and one snapshot of them.
    private func published() throws -> TestStore {
        let test = try TestStore()
        var random = random
        try test.source.write("dists/sid/Release", "Release")
        try test.source.write("dists/sid/main/Packages", random.bytes(5000))
        for number in 0..<20 { try test.source.write("pool/small/\(number).deb", random.bytes(700 + number)) }
        try test.source.write("pool/large/one.deb", random.bytes(200_000), executable: true)
        try test.source.write("pool/large/two.deb", random.bytes(300_001))
        try test.source.makeDirectory("empty/inner")
        try test.source.symbolicLink("pool/latest", to: "large/one.deb")
        try test.snapshot()
        return test
    }

    @Test("the first snapshot holds the source, its classes, and a feed that the key signed")
    func first() throws {
        let test = try published()
        try test.verify()
        let store = try test.store()
        let (feed, note) = try #require(try store.feed())
        let (text, _) = try SignedNote.open(note, keys: [store.verifyingKey])
        #expect(try Documents.decode(Feed.self, from: text) == feed)
        let manifest = try store.manifest(try #require(feed.newest).uuid)
        #expect(manifest.totals.files == 24)
        #expect(manifest.shards.count == 1)
        #expect(manifest.shards[0].classes["1"]?.files == 1)
        #expect(manifest.shards[0].classes["2"]?.files == 1)
        #expect(store.current == feed.newest?.uuid)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: store.layout.manifest(manifest.uuid)))
        #expect(feed.newest?.manifest == Pinned(size: bytes.count, sha256: Digest.sha256(Array(bytes))))
    }

    @Test("nothing changed: nothing is read and published")
    func noChange() throws {
        let test = try published()
        let before = try test.store().feed()?.feed
        let report = try test.snapshot()
        #expect(!report.published && !report.changed)
        #expect(report.bytesRead == 0 && report.filesChanged == 0)
        #expect(try test.store().feed()?.feed == before)
        #expect(try test.snapshot { $0.force = true }.published)
        try test.verify()
    }

    @Test("one changed file: only its bytes are read")
    func oneChange() throws {
        let test = try published()
        try test.source.write("pool/small/3.deb", "other content", mtime: 1_700_000_500)
        let report = try test.snapshot()
        #expect(report.published && report.bytesRead == 13 && report.filesChanged == 1)
        // The other nineteen small files share its piece.
        #expect(report.bytesReadForPieces == 19 * 700 + (0..<20).reduce(0, +) - 3 + 13)
        #expect(report.changedInPlace.isEmpty)
        try test.verify()
    }

    @Test("a renamed file and a renamed directory: nothing is read, and pieces keep their hashes")
    func rename() throws {
        let test = try published()
        let before = try pieces(test)
        try test.source.move("pool/large/one.deb", to: "pool/other/renamed.deb")
        try test.source.move("pool/small", to: "pool/tiny")
        let report = try test.snapshot()
        #expect(report.published && report.bytesRead == 0)
        #expect(try pieces(test).isSuperset(of: before))
    }

    @Test("another time alone: the same pieces, another torrent")
    func touch() throws {
        let test = try published()
        let before = try pieces(test)
        try test.source.touch("pool/large/two.deb", mtime: 1_700_000_900)
        try test.source.setExecutable("pool/small/2.deb", true)
        #expect(try test.snapshot().published)
        #expect(try pieces(test) == before)
        try test.verify()
    }

    @Test("a file that was only touched costs a read, and no torrent is made")
    func ctime() throws {
        let test = try published()
        try test.source.setExecutable("pool/small/2.deb", true)
        try test.source.setExecutable("pool/small/2.deb", false)
        let report = try test.snapshot()
        #expect(!report.changed && report.bytesRead == 702)
        #expect(try test.snapshot().bytesRead == 0)
    }

    @Test("growth in place is seen, and told")
    func growth() throws {
        let test = try published()
        try test.source.append("pool/large/two.deb", [1, 2, 3])
        let report = try test.snapshot()
        #expect(report.published && report.bytesRead == 300_004)
        #expect(report.changedInPlace == ["pool/large/two.deb"])
        try test.verify()
    }

    @Test("hard links share an inode in the tree, and are read once")
    func hardLinks() throws {
        let test = try published()
        try test.source.write("pool/a.deb", [UInt8](repeating: 5, count: 4000))
        try test.source.hardLink("pool/b.deb", to: "pool/a.deb")
        try test.source.hardLink("pool/z/c.deb", to: "pool/large/two.deb")
        let report = try test.snapshot()
        #expect(report.bytesRead == 4000)
        try test.verify()
        #expect(try test.newestTree().hardLinks.count == 2)
        // One of two names is replaced: the other is not read again.
        try test.source.write("pool/b.deb", "other")
        #expect(try test.snapshot().bytesRead == 5)
        try test.verify()
    }

    @Test("links and empty directories come and go; kinds replace each other")
    func kinds() throws {
        let test = try published()
        try test.source.remove("empty/inner")
        try test.source.remove("pool/latest")
        try test.source.makeDirectory("fresh/deep/er")
        try test.source.symbolicLink("fresh/up", to: "../pool")
        try test.snapshot()
        try test.verify()
        // A file becomes a directory, a directory a file, a link a file, a file a link.
        try test.source.remove("pool/small/1.deb")
        try test.source.write("pool/small/1.deb/inside", "x")
        try test.source.remove("dists/sid")
        try test.source.write("dists/sid", "now a file")
        try test.source.remove("fresh/up")
        try test.source.write("fresh/up", "now a file")
        try test.source.remove("pool/small/2.deb")
        try test.source.symbolicLink("pool/small/2.deb", to: "3.deb")
        try test.source.write("empty/no-more", "x")
        try test.snapshot()
        try test.verify()
        try test.source.remove("dists/sid")
        try test.source.symbolicLink("dists/sid", to: "../pool/small")
        try test.source.remove("pool/small/1.deb")
        try test.source.symbolicLink("pool/small/1.deb", to: "../large")
        try test.source.remove("empty/no-more")
        try test.snapshot()
        try test.verify()
        try test.source.remove("pool/small/1.deb")
        try test.source.makeDirectory("pool/small/1.deb")
        try test.snapshot()
        try test.verify()
        #expect(!(try test.snapshot()).changed)
    }

    @Test("a dry run says what would be, and leaves all as it is")
    func dryRun() throws {
        let test = try published()
        try test.source.write("pool/new", "new")
        let report = try test.snapshot { $0.dryRun = true }
        #expect(report.changed && !report.published && report.uuid == nil && report.files == 25)
        #expect(try test.store().feed()?.feed.snapshots.count == 1)
        #expect(try test.snapshot().published)
    }

    @Test("a changed torrent has patches from its predecessors, which lead on one to the next and go with them")
    func deltas() throws {
        let test = try published()
        var last = try test.store().manifest(try test.store().resolve("latest").uuid).shards[0]
        for round in 0..<6 {
            try test.source.write("pool/small/new\(round)", "content \(round)")
            try test.snapshot { if round == 1 { $0.tag = "kept" } }
            let store = try test.store()
            let shard = try store.manifest(try store.resolve("latest").uuid).shards[0]
            let delta = try #require(shard.deltas.first)
            #expect(delta.from == last.infoHash && delta.to == shard.infoHash && delta.torrent == shard.torrent)
            #expect(delta.size * 10 < shard.compressedSize)
            // Compressed it is for who has no other, once one comes.
            let compressed = store.layout.compressedTorrent(shard.infoHash)
            #expect(!FileManager.default.fileExists(atPath: compressed))
            let plain = try Array(Data(contentsOf: URL(fileURLWithPath: store.layout.torrent(shard.infoHash))))
            let size = try EncodedShard.compressed(plain, shard.infoHash).count
            #expect((size * 9 / 10...size * 11 / 10).contains(shard.compressedSize))
            #expect(DeltaPath.cheapest(to: shard.infoHash, from: [last.infoHash], shard.deltas)?.deltas == [delta])
            for delta in shard.deltas {
                let patch = try Data(
                    contentsOf: URL(fileURLWithPath: store.layout.delta(from: delta.from, to: delta.to)))
                #expect(patch.count == delta.size)
            }
            last = shard
        }
        // From the tagged one, older than the chain is long, there is a patch as well.
        let store = try test.store()
        let tagged = try store.manifest(try store.resolve("kept").uuid).shards[0]
        #expect(DeltaPath.cheapest(to: last.infoHash, from: [tagged.infoHash], last.deltas) != nil)
        #expect(last.deltas.count <= TorrentWriter.generations + 1)
        let listed = try store.feed()?.feed.snapshots.flatMap { try store.manifest($0.uuid).shards.flatMap(\.deltas) }
        let files = try FileManager.default.contentsOfDirectory(atPath: store.layout.deltas)
        // The spare tree's manifest lists some as well.
        #expect(Set(listed ?? []).count <= files.count && files.count <= 3 * (TorrentWriter.generations + 1))
    }

    @Test("an empty source can be published, filled and emptied")
    func empty() throws {
        let test = try TestStore()
        #expect(try test.snapshot().published)
        try test.source.write("a", "a")
        try test.source.write("zero", "")
        #expect(try test.snapshot().published)
        try test.verify()
        try test.source.remove("a")
        try test.source.remove("zero")
        #expect(try test.snapshot { $0.force = true }.published)
        try test.verify()
    }

    @Test("a source that lost everything, or most, is not published unless it is forced")
    func shrinkage() throws {
        let test = try published()
        try test.source.remove("pool")
        let error = #expect(throws: PublishingError.self) { try test.snapshot() }
        #expect(
            error?.code == .shrunk && error?.message.contains("has 2 files, and the newest snapshot has 24") == true)
        #expect(try test.store().feed()?.feed.snapshots.count == 1)
        try test.source.remove("dists")
        #expect(throws: PublishingError.self) { try test.snapshot { $0.changes = ["dists", "pool", "empty"] } }
        try test.replaceSetting("max-shrinkage", "100")
        #expect(throws: PublishingError.self, "an empty source is never right") { try test.snapshot() }
        #expect(try test.snapshot { $0.force = true }.published)
        try test.verify()
    }

    @Test("a directory that moved is no loss")
    func movedDirectory() throws {
        let test = try published()
        try test.source.move("pool", to: "elsewhere")
        #expect(try test.snapshot().published)
        try test.verify()
    }

    @Test("a directory excluded with all that is in it is not published as an empty one")
    func excludedDirectory() throws {
        let test = try TestStore { $0.exclude = ["/private/", "*.tmp"] }
        try test.source.write("a", "a")
        try test.source.write("private/b", "b")
        try test.source.write("parent/private/c", "c")
        try test.source.write("odd/d.tmp", "d")
        try test.snapshot()
        #expect(Set(try test.newestTree().nodes.keys) == ["a", "parent/private/c", "odd"])
        try test.source.write("private/e", "e")
        #expect(!(try test.snapshot { $0.changes = ["private/e", "private"] }).changed)
        #expect(!(try test.snapshot()).changed)
    }

    private func pieces(_ test: TestStore) throws -> Set<[UInt8]> {
        let store = try test.store()
        var result: Set<[UInt8]> = []
        for shard in try store.manifest(try store.resolve("latest").uuid).shards {
            let torrent = try store.torrent(shard)
            for piece in 0..<torrent.pieceCount { result.insert(Array(torrent.pieceHash(piece))) }
        }
        return result
    }
}
