import FileTree
import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

@testable import Publishing

/// Programs that write to a file of the source in place, whose inode the trees of snapshots share.
struct InPlaceTests {
    private func content(_ test: TestStore, _ snapshot: SnapshotID, _ path: String) throws -> String? {
        try FileSystem.contents("\(try test.store().layout.files(of: snapshot))/\(path)").map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// Another content under the same inode.
    private func overwrite(_ test: TestStore, _ path: String, _ text: String) throws {
        let file = try #require(FileHandle(forWritingAtPath: test.source.location(path)))
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
    }

    @Test("earlier snapshots get the old content back from another file that has it")
    func repaired() throws {
        let test = try TestStore()
        try test.source.write("a", "the same", mtime: 1_700_000_001)
        try test.source.write("b/c", "the same", executable: true)
        let first = try #require(try test.snapshot().uuid)
        try overwrite(test, "a", "something else")
        let report = try test.snapshot()
        #expect(report.changedInPlace == ["a"] && report.lost == 0)
        #expect(try content(test, first, "a") == "the same")
        let status = try #require(try FileSystem.status("\(try test.store().layout.files(of: first))/a"))
        #expect(status.mtimeSeconds == 1_700_000_001 && status.mode == 0o444 && status.links == 1)
        #expect(try content(test, try #require(report.uuid), "a") == "something else")
        #expect(try test.store().lost() == LostFiles())
        try test.verify()
    }

    @Test("without another file, earlier snapshots lack it, and say so; under every name that it had in them")
    func lost() throws {
        let test = try TestStore { $0.keep = 3 }
        try test.source.write("old-name", "one")
        try test.source.write("kept", "kept")
        let first = try #require(try test.snapshot().uuid)
        try test.source.move("old-name", to: "new-name")
        try test.source.hardLink("twin", to: "new-name")
        let second = try #require(try test.snapshot().uuid)
        try overwrite(test, "twin", "two")
        let report = try test.snapshot()
        #expect(report.changedInPlace == ["new-name", "twin"] && report.lost == 3)
        #expect(try content(test, first, "old-name") == nil)
        #expect(try content(test, second, "twin") == nil)
        #expect(try content(test, second, "kept") == "kept")
        let lost = try test.store().lost()
        #expect(lost.paths(of: first) == ["old-name"] && lost.paths(of: second) == ["new-name", "twin"])
        try test.verify()
    }

    @Test("a tree that lost a file is not taken for one that has it, when the next one is made from it")
    func recycled() throws {
        let test = try TestStore { $0.keep = 1 }
        for number in 0..<5 { try test.source.write("\(number)", "content \(number)") }
        try test.snapshot()
        try test.source.write("fresh", "1")
        try test.snapshot()
        try overwrite(test, "3", "written in place")
        #expect(try test.snapshot().lost == 2)
        // The old content comes back as a new file: the spare tree would have had it.
        try test.source.remove("3")
        try test.source.write("3", "content 3")
        try test.snapshot()
        try test.verify()
        try test.source.write("fresh", "2")
        try test.snapshot()
        try test.verify()
        #expect(try test.store().lost() == LostFiles())
    }

    @Test("a directory that a tree lost all files of does not stay as an empty one")
    func emptied() throws {
        let test = try TestStore { $0.keep = 1 }
        try test.source.write("keep", "1")
        try test.source.write("d/f", "one")
        try test.snapshot()
        try test.source.append("d/f", [1])
        try test.snapshot()
        try test.source.remove("d")
        for round in 0..<3 {
            try test.source.write("keep", "round \(round)")
            try test.snapshot()
            try test.verify()
        }
    }

    @Test("a write in place to a file that was replaced afterwards is found as well")
    func replacedAfterwards() throws {
        let test = try TestStore()
        try test.source.write("a", "one")
        let first = try #require(try test.snapshot().uuid)
        try overwrite(test, "a", "two")
        try test.source.remove("a")
        try test.source.write("a", "three")
        let report = try test.snapshot()
        #expect(report.changedInPlace == ["a"] && report.lost == 1)
        #expect(try content(test, first, "a") == nil)
        try test.verify()
    }

    @Test("a file that a tree lost by somebody's hand is linked from the source again")
    func removedByHand() throws {
        let test = try TestStore()
        try test.source.write("kept", "kept")
        let first = try #require(try test.snapshot().uuid)
        try FileManager.default.removeItem(atPath: "\(try test.store().layout.files(of: first))/kept")
        try test.source.write("fresh", "fresh")
        try test.snapshot()
        try test.verify()
        let store = try test.store()
        let feed = try #require(try store.feed()?.feed)
        let seed = try #require(store.seeds(of: feed).values.first { $0.snapshot == first })
        #expect(try store.noteLost(of: seed) == ["kept"])
        #expect(try store.lost().paths(of: first) == ["kept"])
        #expect(try store.noteLost(of: seed).isEmpty)
    }

    @Test("what was read is compared with what is there whenever it is used again")
    func places() throws {
        let test = try TestStore()
        try test.source.write("a", "one")
        try test.source.write("b", "two")
        let first = try #require(try test.snapshot().uuid)
        let store = try test.store()
        let places = try ContentPlaces(
            source: test.source.root, tree: store.layout.files(of: first), lost: ["b"], read: FileTable(),
            index: try SourceIndex(store.indexPath), scanned: nil)
        #expect(places.place("a").location == "\(store.layout.files(of: first))/a")
        #expect(places.place("b").location == "\(test.source.root)/b")
        for path in ["a", "b"] { try places.check(places.place(path), try places.place(path).status) }
        try overwrite(test, "a", "three")
        try test.source.remove("b")
        try test.source.write("b", "two")
        for path in ["a", "b", "c"] {
            #expect(throws: PublishingError.self) {
                try places.check(places.place(path), try places.place(path).status)
            }
        }
    }

    @Test("of a parent whose tree was removed all is read in the source")
    func treeless() throws {
        let test = try TestStore()
        try test.source.write("a", "one")
        let places = try ContentPlaces(
            source: test.source.root, tree: test.source.location("gone"), lost: [], read: FileTable(),
            index: try SourceIndex(try test.store().indexPath), scanned: nil)
        #expect(places.place("a").location == test.source.location("a"))
        #expect(!places.place("a").isInTree)
    }

    /// The status of a file that is written when the file system's clock, which goes on in steps, is past `status`.
    private func laterFile(_ test: TestStore, than status: FileStatus) throws -> FileStatus {
        while true {
            try test.source.write("mark", "")
            let mark = try #require(try FileSystem.status(test.source.location("mark")))
            if mark.ctime > status.ctime { return mark }
        }
    }

    @Test("what only our own trees gave other names, and took names from, is not read again", arguments: [false, true])
    func relinked(namesChanges: Bool) throws {
        let test = try TestStore()
        for name in ["a", "b", "mark"] { try test.source.write(name, "content of \(name)") }
        try test.source.hardLink("twin", to: "a")
        for round in 0..<8 {
            if round == 3 {
                for (old, new) in [("b", "c"), ("twin", "other")] {
                    try FileSystem.rename(test.source.location(old), to: test.source.location(new))
                }
            }
            try test.source.write("new", "\(round)")
            let report = try test.snapshot {
                if namesChanges, round > 0, round < 6 { $0.changes = ["new", "mark", "b", "c", "twin", "other"] }
            }
            let mark = try #require(try FileSystem.status(test.source.location("mark")))
            if round > 0 { #expect(report.bytesRead == 1 + mark.size, "round \(round)") }
            let status = try #require(try FileSystem.status(test.source.location("a")))
            _ = try laterFile(test, than: status)
        }
        try test.verify()
    }

    @Test("a file of the parent's tree is what the scan saw unless its file system changed it since")
    func untouched() throws {
        let test = try TestStore()
        try test.source.write("a", "one")
        let first = try #require(try test.snapshot().uuid)
        let store = try test.store()
        func seen(_ scanned: FileStatus?) throws -> ContentPlaces {
            try ContentPlaces(
                source: test.source.root, tree: store.layout.files(of: first), lost: [], read: FileTable(),
                index: try SourceIndex(store.indexPath), scanned: scanned)
        }
        func status() throws -> FileStatus { try #require(try seen(nil).place("a").status) }
        let before = try status()
        #expect(try !seen(nil).isUntouched(before, size: 3))
        let places = try seen(laterFile(test, than: before))
        #expect(places.isUntouched(before, size: 3))
        #expect(!places.isUntouched(before, size: 4))
        try overwrite(test, "a", "two")
        #expect(try !places.isUntouched(status(), size: 3))
    }

    @Test("a name whose twin was written to between scan and reading is read itself")
    func twins() throws {
        let test = try TestStore()
        try test.source.write("a", "one")
        try test.source.hardLink("b", to: "a")
        try test.source.hardLink("c", to: "a")
        let index = try SourceIndex(try test.store().indexPath)
        let scanner = SourceScanner(
            source: test.source.root, index: index, exclude: try PathFilter.everything.compiled(), progress: { _ in })
        var changes = try scanner.scan()
        // As the scan would have seen them, had it come before the last write; and one that is gone since.
        let later = try #require(changes.files.indices.first { changes.files.path($0) == "c" })
        try test.source.write("other", "an older one")
        let older = try #require(try FileSystem.status(test.source.location("other")))
        changes.files.setStatus(
            later, FileStatus(changes.files.status(later), size: older.size, mtime: older.mtime))
        try test.source.remove("a")
        let (change, bytesRead) = try Publisher(store: try test.store()).examine(changes, index)
        let files = change.files
        #expect(files.index(of: "a") == nil && files.index(of: "d") == nil && bytesRead >= 3)
        for path in ["b", "c"] {
            #expect(files.index(of: path).flatMap { files.digest($0) } == Digest.sha256(Array("one".utf8)))
        }
    }
}

extension FileStatus {
    /// The same file at another moment.
    fileprivate init(_ status: FileStatus, size: Int64, mtime: Int64) {
        self.init(
            kind: status.kind, size: size, allocated: status.allocated, mtime: mtime, ctime: status.ctime,
            inode: status.inode, device: status.device, links: status.links, mode: status.mode)
    }
}
