import Metainfo
import SwarmCore
import Testing

@testable import Mirroring

@Suite("Where contents are found")
struct ContentLocatorTests {
    private let policy = ShardLayout.Policy(pieceLength: 16 << 10, alignFrom: 32 << 10)

    private func file(_ path: String, content: UInt8, mtime: Int64 = 1) -> FileEntry {
        FileEntry(
            path: path, length: 100, mtime: mtime, executable: false, priority: .payload,
            sha256: Digest.sha256([content]))
    }

    /// A tree of one torrent.
    private func tree(_ number: Int, _ files: FileEntry...) throws -> LocalTree {
        var layout = ShardLayout(policy: policy)
        var change = ShardLayout.Change()
        change.added = files
        layout.apply(change, largeFileHashes: [:]) { _ in false }
        let hash = Digest.sha1([UInt8(number)])
        layout.complete(Dictionary(uniqueKeysWithValues: layout.missingPieces.map { ($0.piece, hash) }))
        let torrent = layout.encoded(name: "demo")
        let shard = Manifest.Shard(
            start: "", priority: nil, infoHash: torrent.infoHash,
            torrent: Pinned(size: torrent.bytes.count, sha256: Digest.sha256(torrent.bytes)), compressedSize: 1,
            classes: torrent.classes)
        return LocalTree(
            snapshot: try #require(SnapshotID("00000000-0000-4000-8000-00000000000\(number)")), files: "/\(number)",
            shards: [shard], shelf: TorrentShelf { _ in torrent.bytes }, filter: try PathFilter.everything.compiled(),
            missing: [:])
    }

    private func isParsed(_ tree: LocalTree) -> Bool { tree.shelf.recent[tree.shards[0]] != nil }

    @Test("What one tree has is not sought in the next")
    func first() throws {
        let (newer, older) = try (tree(1, file("a", content: 1)), tree(2, file("b", content: 1)))
        let locator = try ContentLocator([file("c", content: 1).identity], in: [newer, older])
        #expect(locator.location(of: file("c", content: 1).identity)?.path == "a")
        #expect(isParsed(newer) && !isParsed(older))
    }

    @Test("What is known to be somewhere is not sought")
    func known() throws {
        let (newer, older) = try (tree(1, file("a", content: 1)), tree(2, file("b", content: 1)))
        let location = ContentLocator.Location(
            tree: older.snapshot, files: older.files, path: "b", identity: file("b", content: 1).identity)
        let other = ContentLocator.Location(
            tree: older.snapshot, files: older.files, path: "z", identity: file("z", content: 3).identity)
        let locator = try ContentLocator(
            [file("c", content: 1).identity], in: [newer, older], known: [other, location])
        #expect(locator.location(of: file("c", content: 1).identity) == location)
        #expect(locator.location(of: file("z", content: 3).identity) == nil)
        #expect(!isParsed(newer) && !isParsed(older))
    }

    @Test("What no tree has is sought in all, and none is parsed for it")
    func none() throws {
        let (newer, older) = try (tree(1, file("a", content: 1)), tree(2, file("b", content: 1)))
        let locator = try ContentLocator([file("c", content: 2).identity], in: [newer, older])
        #expect(locator.location(of: file("c", content: 2).identity) == nil)
        #expect(!isParsed(newer) && !isParsed(older))
    }

    @Test("One with the same time in an older tree is better than one with another time in a newer")
    func sameTime() throws {
        let newer = try tree(1, file("a", content: 1, mtime: 9))
        let older = try tree(2, file("b", content: 1, mtime: 1))
        let (linked, copied) = (file("c", content: 1, mtime: 1).identity, file("d", content: 1, mtime: 5).identity)
        let locator = try ContentLocator([linked, copied], in: [newer, older])
        #expect(locator.location(of: linked)?.path == "b")
        #expect(locator.location(of: copied)?.path == "a")
    }
}
