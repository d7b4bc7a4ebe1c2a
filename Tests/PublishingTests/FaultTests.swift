import FileTree
import Foundation
import Glibc
import SwarmCore
import SwarmTestSupport
import Synchronization
import Testing

@testable import Publishing

/// What a source may not hold, and what an interrupted run leaves behind.
struct FaultTests {
    private func failure(_ test: TestStore) -> String {
        do {
            try test.snapshot()
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "a link that leaves the tree is an error that names it",
        arguments: ["../../etc", "/etc/passwd", "a/../../x", "../\u{301}b/.."])
    func escapingLink(_ target: String) throws {
        let test = try TestStore()
        try test.source.symbolicLink("bad", to: target)
        #expect(failure(test).contains("\(test.source.root)/bad is a symbolic link"))
        #expect(try test.store().feed() == nil)
        try test.replaceSetting("exclude", "[\"/bad\"]")
        try test.snapshot()
        #expect(try test.newestTree().nodes.isEmpty)
    }

    @Test("a pipe is an error that names it")
    func pipe() throws {
        let test = try TestStore()
        try test.source.makePipe("dir/pipe")
        #expect(failure(test).contains("\(test.source.root)/dir/pipe is a device, socket or pipe"))
    }

    @Test("a name that is not UTF-8 is an error that names its directory")
    func badName() throws {
        let test = try TestStore()
        try test.source.makeDirectory("dir")
        var name = Array(test.source.location("dir/x").utf8CString)
        name[name.count - 2] = CChar(bitPattern: 0xff)
        close(open(name, O_CREAT | O_WRONLY, 0o644))
        #expect(failure(test).contains("\(test.source.root)/dir holds a name that is not UTF-8"))
    }

    @Test("two names that are one to Unicode are an error, now and when the second comes")
    func twoForms() throws {
        let test = try TestStore()
        try test.source.write("caf\u{e9}", "1")
        try test.snapshot()
        try test.source.write("cafe\u{301}", "2")
        #expect(failure(test).contains("differ only in how Unicode"))
    }

    @Test("names with combining marks, spaces, quotes and newlines travel")
    func oddNames() throws {
        let test = try TestStore()
        for name in [
            "\u{301}mark", "dir/\u{301}mark", "a b", "q\"uote", "new\nline", "back\\slash", "日本/語", "-", "~", ".hidden",
        ] {
            try test.source.write(name, name)
        }
        try test.source.symbolicLink("dir/to", to: "\u{301}mark")
        try test.snapshot()
        try test.verify()
        #expect(!(try test.snapshot()).changed)
        try test.source.remove("dir/\u{301}mark")
        try test.source.remove("dir/to")
        try test.snapshot()
        try test.verify()
    }

    @Test("a file that does not hold still is an error that names it, and nothing is published")
    func changing() throws {
        let test = try TestStore()
        try test.source.write("calm", "calm")
        try test.source.write("growing", [UInt8](repeating: 1, count: 64 << 20))
        let isDone = Mutex(false)
        let started = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        let path = test.source.location("growing")
        Thread.detachNewThread {
            let file = open(path, O_WRONLY | O_APPEND)
            var byte: UInt8 = 0
            started.signal()
            while !isDone.withLock({ $0 }) { write(file, &byte, 1) }
            close(file)
            ended.signal()
        }
        started.wait()
        let text = failure(test)
        isDone.withLock { $0 = true }
        ended.wait()
        // The writer may have rested while the file was read, and gone on before it was linked.
        let isCaught = text.contains("\(path) changed each of the 3 times that it was read")
        #expect(isCaught || text.contains("\(path) changed after it was read"), "\(text)")
        #expect(try test.store().feed() == nil)
        #expect(try test.snapshot().published)
        try test.verify()
    }

    @Test("of two runs at once, the second says who holds the lock")
    func twoRuns() throws {
        let test = try TestStore()
        let lock = try FileLock.acquire(try test.store().layout.lock, owner: "swarm-publish snapshot")
        #expect(failure(test).contains("process \(getpid()) (swarm-publish snapshot)"))
        withExtendedLifetime(lock) {}
    }

    @Test("what an interrupted run left is removed")
    func leftovers() throws {
        let test = try TestStore()
        try test.source.write("a", "a")
        let trees = try test.store().layout.trees
        try FileTreeWriter("\(trees)/00000000-0000-4000-8000-000000000001.partial").write("debian/x", "x")
        try FileTreeWriter("\(trees)/00000000-0000-4000-8000-000000000002").write("debian/x", "x")
        let report = try test.snapshot()
        #expect(try FileManager.default.contentsOfDirectory(atPath: trees) == [report.uuid?.rawValue])
    }

    @Test("a lost index is made again: all is read, and nothing is published")
    func lostIndex() throws {
        let test = try TestStore()
        for number in 0..<10 { try test.source.write("d/\(number)", "content \(number)") }
        try test.source.symbolicLink("l", to: "d")
        try test.source.makeDirectory("empty")
        try test.snapshot()
        try dropIndex(test)
        let report = try test.snapshot()
        #expect(!report.changed && report.bytesRead == 90)
        try dropIndex(test)
        try test.source.remove("d/1")
        try test.source.remove("l")
        try test.source.remove("empty")
        #expect(try test.snapshot().published)
        try test.verify()
    }

    @Test("a run that ended between feed and index: the next one sees what it did, and what came after")
    func staleIndex() throws {
        let test = try TestStore()
        let index = "\(try test.store().layout.swarm)/index.sqlite"
        try test.source.write("kept", "kept")
        try test.source.write("changed", "one")
        try test.snapshot()
        try FileManager.default.copyItem(atPath: index, toPath: test.directory["index"])
        try test.source.write("fresh", "fresh")
        try test.source.write("changed", "two")
        try test.snapshot()
        // The index of before the snapshot.
        try dropIndex(test)
        try FileManager.default.copyItem(atPath: test.directory["index"], toPath: index)
        #expect(!(try test.snapshot { $0.dryRun = true }).changed)
        try test.source.remove("fresh")
        let report = try test.snapshot()
        #expect(report.published && report.bytesRead <= 3)
        try test.verify()
    }

    private func dropIndex(_ test: TestStore) throws {
        let swarm = try test.store().layout.swarm
        for name in try FileManager.default.contentsOfDirectory(atPath: swarm) where name.hasPrefix("index.sqlite") {
            try FileManager.default.removeItem(atPath: "\(swarm)/\(name)")
        }
    }

    @Test("a store is not made twice, nor inside its source, nor without one")
    func badStores() throws {
        let test = try TestStore()
        var configuration = try test.store().configuration
        #expect(throws: PublishingError.self) {
            try SnapshotStore.create(at: test.storePath, configuration: configuration)
        }
        #expect(throws: PublishingError.self) {
            try SnapshotStore.create(at: "\(test.source.root)/store", configuration: configuration)
        }
        configuration.source = test.directory["missing"]
        #expect(throws: PublishingError.self) {
            try SnapshotStore.create(at: test.directory["other"], configuration: configuration)
        }
        let mode = try FileManager.default.attributesOfItem(atPath: "\(test.storePath)/key")[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test("a time beyond what 64 bits of nanoseconds hold does no harm")
    func farTimes() throws {
        let test = try TestStore()
        try test.source.write("ancient", "a", mtime: -5)
        try test.source.write("far", "b", mtime: 15_000_000_000)
        try test.snapshot()
        #expect(!(try test.snapshot()).changed)
    }
}
