import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

@testable import Publishing

/// What several snapshots change together.
struct TreeChangesTests {
    private func file(_ path: String, _ content: String = "") -> TreeFile {
        TreeFile(
            FileEntry(
                path: path, length: 0, mtime: 1, executable: false, priority: .payload,
                sha256: Digest.sha256(Array(content.utf8))))
    }

    private func changes(_ removed: Set<String> = [], _ placed: [TreeFile] = []) -> TreeChanges {
        var changes = TreeChanges()
        changes.removedFiles = removed
        for file in placed { changes.placedFiles[file.path] = file }
        return changes
    }

    private func sum(_ parts: TreeChanges...) -> TreeChanges { parts.reduce(into: TreeChanges()) { $0.append($1) } }

    @Test("what came and went in between was never there")
    func passing() {
        let all = sum(changes([], [file("a")]), changes(["a"]))
        #expect(all.removedFiles.isEmpty)
        #expect(all.placedFiles.isEmpty)
    }

    @Test("a file that was replaced, then removed, goes")
    func replaced() {
        let all = sum(changes(["a"], [file("a", "new")]), changes(["a"]))
        #expect(all.removedFiles == ["a"])
        #expect(all.placedFiles.isEmpty)
    }

    @Test("the last content counts")
    func last() {
        let all = sum(changes(["a"], [file("a", "1")]), changes(["a"], [file("a", "2")]))
        #expect(all.removedFiles == ["a"])
        #expect(all.placedFiles["a"] == file("a", "2"))
    }

    @Test("a directory that was a file for a while is not unlinked")
    func becameDirectory() {
        let all = sum(changes(["d/x"], [file("d")]), changes(["d"], [file("d/x")]))
        #expect(all.removedFiles == ["d/x"])
        #expect(Set(all.placedFiles.keys) == ["d/x"])
    }

    @Test("links and empty directories alike")
    func others() {
        var first = TreeChanges()
        first.addedLinks = ["new": "x", "other": "y"]
        first.removedLinks = ["other"]
        first.addedDirectories = ["hollow"]
        var second = TreeChanges()
        second.removedLinks = ["new", "old"]
        second.removedDirectories = ["hollow", "before"]
        let all = sum(first, second)
        #expect(all.addedLinks == ["other": "y"])
        #expect(all.removedLinks == ["other", "old"])
        #expect(all.addedDirectories.isEmpty)
        #expect(all.removedDirectories == ["before"])
    }

    @Test("a record holds all of it, whatever bytes the names have; anything else is no record")
    func recorded() throws {
        var changes = changes(["gone", "ümlaut/\u{65}\u{301}"], [file("a", "1"), file("d/b c", "2")])
        changes.placedFiles["x"] = TreeFile(
            path: "x", sha256: Digest.sha256([1]), mtime: -5, executable: true)
        changes.addedLinks = ["l": "../x"]
        changes.removedLinks = ["old"]
        changes.addedDirectories = ["hollow"]
        changes.removedDirectories = ["before", "below/before"]
        let parent = try #require(SnapshotID("00000000-0000-4000-8000-000000000001"))
        let record = ChangeRecord(parent: parent, changes: changes)
        #expect(ChangeRecord(record.encoded) == record)
        #expect(ChangeRecord(ChangeRecord(parent: parent, changes: TreeChanges()).encoded)?.changes == TreeChanges())
        #expect(ChangeRecord(Array(record.encoded.dropLast())) == nil)
        #expect(ChangeRecord(record.encoded + [0]) == nil)
        #expect(ChangeRecord(Array("de".utf8)) == nil)
    }

    /// The trees of a history are made from records alone, and from torrents where one is missing or damaged.
    @Test("a tree is made from what is on record, or else from the torrents", arguments: [false, true])
    func records(isDamaged: Bool) throws {
        let test = try TestStore()
        for number in 0..<6 {
            try test.source.write("pool/\(number % 3)", "content \(number)", mtime: 1_700_000_000 + number)
            try test.source.write("dists/\(number)/Release", "\(number)", mtime: 1_700_000_000)
            if number > 1 { try test.source.remove("dists/\(number - 2)") }
            try test.snapshot()
            try test.verify()
            let directory = try test.store().recordsPath
            let records = try? FileManager.default.contentsOfDirectory(atPath: directory)
            #expect((records == nil) == (number == 0))
            // Those of the live snapshots, and that of the tree that is made over next.
            #expect(try records?.count ?? 0 <= 1 + (test.store().feed()?.feed.snapshots.count ?? 0))
            if isDamaged, let record = records?.first {
                try "{}".write(toFile: "\(directory)/\(record)", atomically: true, encoding: .utf8)
            }
        }
    }
}
