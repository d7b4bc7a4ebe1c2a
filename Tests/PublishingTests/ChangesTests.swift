import FileTree
import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

@testable import Publishing

/// `--changes`, `exclude`, and priorities that change.
struct ChangesTests {
    private func filled() throws -> TestStore {
        let test = try TestStore()
        for number in 0..<6 { try test.source.write("a/\(number)", "a \(number)") }
        try test.source.write("a/b/c/deep", "deep")
        try test.source.write("dists/Release", "release")
        try test.snapshot()
        return test
    }

    @Test("only the named paths are looked at")
    func namedOnly() throws {
        let test = try filled()
        try test.source.write("a/1", "changed")
        try test.source.write("a/2", "changed too")
        #expect(try test.snapshot { $0.changes = ["a/1", "./a/1", "\(test.source.root)/a/1/"] }.filesChanged == 1)
        #expect(try test.snapshot { $0.changes = ["a/3"] }.changed == false)
        #expect(try test.snapshot { $0.changes = ["a/2"] }.published)
        try test.verify()
    }

    @Test("where nothing of what is named changed, the index is not written to")
    func untouched() throws {
        let test = try TestStore()
        try test.source.write("a", "1")
        try test.snapshot()
        let before = try FileSystem.status(try test.store().indexPath)
        #expect(try test.snapshot { $0.changes = ["a"] }.changed == false)
        let after = try FileSystem.status(try test.store().indexPath)
        #expect(before != nil && before == after)
    }

    @Test("a snapshot whose tree is being made is the one that follows on the newest of the feed, and no other")
    func upcoming() throws {
        let test = try filled()
        let store = try test.store()
        let feed = try #require(try store.feed()?.feed)
        let newest = try #require(feed.newest)
        #expect(try store.upcoming(after: feed) == nil)
        var generator = SystemRandomNumberGenerator()
        func write(serial: Serial, parent: SnapshotID?) throws -> SnapshotID {
            let manifest = Manifest(
                set: feed.set, uuid: .random(using: &generator), serial: serial, parent: parent,
                created: newest.created,
                pieceLength: 16 << 10, shards: [], deleted: .init())
            try FileSystem.writeAtomically(Documents.encode(manifest), to: store.layout.manifest(manifest.uuid))
            return manifest.uuid
        }
        _ = try write(serial: newest.serial + 1, parent: .random(using: &generator))
        _ = try write(serial: newest.serial, parent: newest.uuid)
        #expect(try store.upcoming(after: feed) == nil)
        let next = try write(serial: newest.serial + 1, parent: newest.uuid)
        #expect(try store.upcoming(after: feed)?.uuid == next)
    }

    @Test("names that came and went, with the directories above and below")
    func comeAndGo() throws {
        let test = try filled()
        try test.source.remove("a/b/c/deep")
        try test.snapshot { $0.changes = ["a/b/c/deep"] }
        try test.verify()
        try test.source.remove("a/b")
        try test.source.write("new/dir/file", "x")
        try test.source.write("new/dir/other", "y")
        try test.snapshot { $0.changes = ["a/b", "new/dir", "new/dir/file", "new"] }
        try test.verify()
        // A directory becomes a file, and is named by what was in it.
        try test.source.remove("new/dir")
        try test.source.write("new/dir", "a file now")
        try test.snapshot { $0.changes = ["new/dir/file"] }
        try test.verify()
        // And the other way round.
        try test.source.remove("new/dir")
        try test.source.write("new/dir/file", "a directory again")
        try test.snapshot { $0.changes = ["new/dir/file"] }
        try test.verify()
        try test.source.remove("new")
        try test.source.symbolicLink("new", to: "a")
        try test.snapshot { $0.changes = ["new/dir/file"] }
        try test.verify()
        #expect(!(try test.snapshot()).changed)
    }

    @Test("the root stands for all; a path outside is refused", arguments: [".", ""])
    func root(_ path: String) throws {
        let test = try filled()
        try test.source.write("a/1", "changed")
        #expect(throws: PublishingError.self) { try test.snapshot { $0.changes = ["../x"] } }
        #expect(throws: PublishingError.self) { try test.snapshot { $0.changes = ["/etc"] } }
        #expect(try test.snapshot { $0.changes = [path] }.published)
        try test.verify()
    }

    @Test("what is excluded goes, and comes back")
    func exclude() throws {
        let test = try filled()
        try test.source.write("a/x.tmp", "temporary")
        try test.replaceSetting("exclude", "[\"*.tmp\", \"/a/b\"]")
        try test.snapshot()
        #expect(try test.newestTree().nodes.keys.contains("a/1"))
        #expect(try !test.newestTree().nodes.keys.contains { $0.hasPrefix("a/b") || $0.hasSuffix(".tmp") })
        #expect(!(try test.snapshot { $0.changes = ["a/b/c/deep", "a/x.tmp"] }).changed)
        try test.replaceSetting("exclude", "[]")
        try test.snapshot()
        try test.verify()
    }

    @Test("another class in the configuration is published, without reading", arguments: [1_000_000, 4])
    func priorities(singleUpTo: Int) throws {
        let test = try filled()
        try test.configure("single-torrent-up-to = \(singleUpTo)")
        try test.source.symbolicLink("a/to", to: "1")
        try test.source.makeDirectory("a/hollow")
        try test.snapshot { $0.force = true }
        try test.configure("# the first of two\n")
        let path = "\(test.storePath)/config.toml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try (text + "\n[[priority]]\nglob = \"/a/**\"\nclass = 7\n").write(
            toFile: path, atomically: true, encoding: .utf8)
        let report = try test.snapshot()
        #expect(report.published && report.bytesRead == 0)
        try test.verify()
        let manifest = try test.store().manifest(try #require(report.uuid))
        #expect(manifest.shards.reduce(0) { $0 + ($1.classes["7"]?.files ?? 0) } == 7)
        #expect(!(try test.snapshot()).changed)
    }

    @Test("a neighbour in a piece whose names came and went is what it was")
    func neighbours() throws {
        let test = try TestStore()
        for name in ["a", "b", "c"] { try test.source.write(name, "content of \(name)", mtime: 1_700_000_000) }
        try test.snapshot()
        // The inode's ctime is another one now, and its links are as many as before.
        try test.source.hardLink("other", to: "a")
        try test.source.remove("other")
        try test.source.write("b", "changed")
        #expect(try test.snapshot { $0.changes = ["b"] }.published)
        try test.verify()
    }
}
