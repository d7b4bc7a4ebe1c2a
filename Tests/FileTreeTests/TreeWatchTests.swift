import Foundation
import Glibc
import SwarmTestSupport
import Testing

@testable import FileTree

/// The recursive watch, with real directories. What a test did is in the kernel's queue when the call returns, so
/// `catchUp` is all there is to await.
@Suite(.timeLimit(.minutes(5)))
struct TreeWatchTests {
    private let directory: TemporaryDirectory
    private let tree: FileTreeWriter

    init() throws {
        directory = try TemporaryDirectory("tree-watch")
        tree = try FileTreeWriter(directory["tree"])
        try tree.write("pool/a/one", "one")
        try tree.write("pool/a/two", "two")
        try tree.makeDirectory("pool/b")
    }

    private func events(_ watch: TreeWatch) async -> [TreeWatch.Event] {
        await watch.catchUp()
        return watch.take()
    }

    @Test("a file comes, is written to, linked, renamed, touched, made executable, and goes")
    func file() async throws {
        let watch = try TreeWatch(tree.root)
        #expect(watch.directoryCount == 4)
        let file = open(tree.location("pool/a/new"), O_CREAT | O_WRONLY, 0o644)
        #expect(await events(watch) == [.beingWritten("pool/a/new")])
        #expect(Glibc.write(file, "text", 4) == 4)
        #expect(await events(watch) == [.beingWritten("pool/a/new")])
        close(file)
        #expect(await events(watch) == [.changed("pool/a/new")])
        try tree.hardLink("pool/b/link", to: "pool/a/new")
        try tree.symbolicLink("pool/b/symlink", to: "link")
        #expect(await events(watch) == [.changed("pool/b/link"), .changed("pool/b/symlink")])
        try tree.move("pool/a/new", to: "pool/b/newer")
        #expect(await events(watch) == [.renamed("pool/a/new", to: "pool/b/newer")])
        try tree.touch("pool/b/newer", mtime: 1_500_000_000)
        #expect(await events(watch) == [.changed("pool/b/newer")])
        try tree.setExecutable("pool/b/link", true)
        #expect(await events(watch) == [.changed("pool/b/link")])
        try tree.remove("pool/b/newer")
        #expect(await events(watch) == [.changed("pool/b/newer")])
        try tree.move("pool/a/one", to: "../outside")
        try tree.move("pool/a/two", to: "top")
        #expect(await events(watch) == [.changed("pool/a/one"), .renamed("pool/a/two", to: "top")])
        try tree.move("../outside", to: "back")
        #expect(await events(watch) == [.changed("back")])
    }

    @Test("reading, and a name that another directory gives to a file, are no changes")
    func silence() async throws {
        let watch = try TreeWatch(tree.root)
        _ = try TreeState(tree.root)
        try FileSystem.link(tree.location("pool/a/one"), to: directory["elsewhere"])
        try FileSystem.remove(directory["elsewhere"])
        try FileSystem.setMode(tree.location("pool/a"), 0o700)
        #expect(await events(watch) == [])
    }

    @Test("there is a signal for what happens")
    func signal() async throws {
        let watch = try TreeWatch(tree.root)
        var signals = watch.signals.makeAsyncIterator()
        try tree.remove("pool/a/one")
        await signals.next()
        #expect(watch.take() == [.changed("pool/a/one")])
        watch.cancel()
        while await signals.next() != nil {}
    }

    @Test("a new directory is told once, and watched with all that it had before its watch began")
    func newDirectories() async throws {
        let watch = try TreeWatch(tree.root)
        try tree.write("new/deep/er/file", "x")
        let first = await events(watch)
        #expect(first.first == .changed("new"))
        #expect(first.allSatisfy { "\($0)".contains("new") })
        try tree.remove("new/deep/er/file")
        try tree.write("new/deep/er/other", "x")
        let second = await events(watch)
        #expect(second.contains(.changed("new/deep/er/file")))
        #expect(second.contains(.renamed("new/deep/er/other.writing", to: "new/deep/er/other")))
        try tree.remove("new")
        #expect(await events(watch).contains(.changed("new")))
        try tree.write("new/again", "x")
        try tree.remove("new/again")
        #expect(await events(watch).first == .changed("new"))
    }

    @Test("a directory that is renamed keeps its watches, under the new path", arguments: [false, true])
    func renamedDirectory(isFiltered: Bool) async throws {
        try tree.write("pool/a/deep/file", "x")
        let includes: @Sendable (String, Bool) -> Bool = { path, _ in path != "pool/none" }
        let watch = try TreeWatch(tree.root, includes: isFiltered ? includes : nil)
        try tree.move("pool/a", to: "pool/b/moved")
        #expect(await events(watch) == [.changed("pool/a"), .changed("pool/b/moved")])
        try tree.remove("pool/b/moved/deep/file")
        #expect(await events(watch) == [.changed("pool/b/moved/deep/file")])
        // Another one under the old name.
        try tree.makeDirectory("pool/a")
        try tree.symbolicLink("pool/a/x", to: "y")
        try tree.remove("pool/b/moved/one")
        let after = await events(watch)
        #expect(after.first == .changed("pool/a"))
        #expect(after.last == .changed("pool/b/moved/one"))
        try tree.symbolicLink("pool/a/z", to: "y")
        #expect(await events(watch) == [.changed("pool/a/z")])
    }

    @Test("a directory that is moved out is not watched any more; one that is moved in is")
    func movedOutAndIn() async throws {
        try tree.write("pool/a/deep/file", "x")
        let watch = try TreeWatch(tree.root)
        try tree.move("pool/a", to: "../out")
        #expect(await events(watch) == [.changed("pool/a")])
        try tree.remove("../out/deep/file")
        try tree.symbolicLink("../out/x", to: "y")
        #expect(await events(watch) == [])
        try tree.move("../out", to: "in")
        #expect(await events(watch) == [.changed("in")])
        try tree.symbolicLink("in/deep/y", to: "y")
        #expect(await events(watch) == [.changed("in/deep/y")])
        // Two directories change places, and none of it is read before both did.
        try tree.move("in", to: "../swap")
        try tree.move("pool", to: "in")
        try tree.move("../swap", to: "pool")
        #expect(await events(watch) == [.changed("in"), .changed("pool"), .changed("in"), .changed("pool")])
        try tree.symbolicLink("pool/deep/z", to: "y")
        try tree.symbolicLink("in/b/z", to: "y")
        #expect(await events(watch) == [.changed("pool/deep/z"), .changed("in/b/z")])
    }

    @Test("names that change faster than they are read lead to the right paths")
    func fastRenames() async throws {
        let watch = try TreeWatch(tree.root)
        for round in 0..<20 {
            try tree.makeDirectory("x/deep")
            try tree.move("x", to: "y\(round)")
            try tree.makeDirectory("x/other")
            try tree.move("y\(round)", to: "pool/z\(round)")
            try tree.move("x", to: "y\(round)")
        }
        _ = await events(watch)
        for round in 0..<20 {
            try tree.symbolicLink("pool/z\(round)/deep/s", to: "y")
            try tree.symbolicLink("y\(round)/other/s", to: "y")
            let expected: [TreeWatch.Event] = [.changed("pool/z\(round)/deep/s"), .changed("y\(round)/other/s")]
            #expect(await events(watch) == expected)
        }
    }

    @Test("what does not belong to the tree is not told, and its directories are not watched")
    func excluded() async throws {
        try tree.makeDirectory("private/deep")
        let watch = try TreeWatch(tree.root) { path, _ in !path.hasPrefix("private") && !path.hasSuffix(".tmp") }
        #expect(watch.directoryCount == 4)
        try tree.write("private/deep/file", "x")
        let file = open(tree.location("pool/x.tmp"), O_CREAT | O_WRONLY, 0o644)
        close(file)
        #expect(await events(watch) == [])
        // A name that begins to belong to it.
        try tree.move("pool/x.tmp", to: "pool/x")
        try tree.move("private/deep", to: "pool/deep")
        #expect(await events(watch) == [.changed("pool/x"), .changed("pool/deep")])
        try tree.remove("pool/deep/file")
        #expect(await events(watch) == [.changed("pool/deep/file")])
        try tree.move("pool/a", to: "private/a")
        #expect(await events(watch) == [.changed("pool/a")])
        try tree.remove("private/a/one")
        #expect(await events(watch) == [])
    }

    @Test("a link to a directory is followed at the top alone")
    func links() async throws {
        try tree.symbolicLink("../link", to: "tree")
        try tree.symbolicLink("inner", to: "../away")
        try tree.makeDirectory("../away")
        let watch = try TreeWatch(directory["link"])
        #expect(watch.directoryCount == 4)
        try tree.symbolicLink("../away/x", to: "y")
        try tree.symbolicLink("x", to: "y")
        #expect(await events(watch) == [.changed("x")])
    }

    @Test("a name that is not UTF-8 is told as a change of its directory")
    func badName() async throws {
        let watch = try TreeWatch(tree.root)
        var name = Array(tree.location("pool/b/x").utf8CString)
        name[name.count - 2] = CChar(bitPattern: 0xff)
        close(open(name, O_CREAT | O_WRONLY, 0o644))
        #expect(await events(watch) == [.changed("pool/b")])
    }

    @Test("a tree that is moved away is a watch that is lost", arguments: [false, true])
    func lostRoot(isRemoved: Bool) async throws {
        let watch = try TreeWatch(tree.root)
        if isRemoved { try tree.remove("") } else { try tree.move("", to: "../moved") }
        guard case .lost(let reason) = await events(watch).last else {
            Issue.record("the loss was not told")
            return
        }
        #expect(reason.contains("\(tree.root) was moved or removed"))
        for await _ in watch.signals {}
    }

    @Test("a full queue of the kernel is a watch that is lost")
    func overflow() throws {
        var events: [TreeWatch.Event] = []
        let reader = try TreeWatchReader(tree.root, includes: nil) { events.append($0) }
        try reader.begin()
        reader.handle(InotifyEvent(watch: -1, mask: .overflow, cookie: 0, name: .none))
        try tree.remove("pool/a/one")
        #expect(!reader.read())
        #expect(events.count == 1)
        guard case .lost(let reason)? = events.first else {
            Issue.record("the loss was not told")
            return
        }
        #expect(reason.contains("fs.inotify.max_queued_events"))
    }

    @Test("a directory that cannot be watched is an error that names it")
    func missing() throws {
        let error = #expect(throws: FileError.self) { try TreeWatch(directory["none"]) }
        #expect(error?.path == directory["none"] && error?.isMissing == true)
    }
}

struct InotifyEventTests {
    private func record(_ watch: Int32, _ mask: UInt32, _ cookie: UInt32, _ name: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        for value in [UInt32(bitPattern: watch), mask, cookie, UInt32(name.count)] {
            withUnsafeBytes(of: value) { bytes += $0 }
        }
        return bytes + name
    }

    private func parse(_ bytes: [UInt8]) -> [InotifyEvent] { bytes.withUnsafeBytes { InotifyEvent.parse($0) } }

    @Test("records follow one another, with names or without")
    func records() {
        let bytes =
            record(1, 0x4000_0100, 0, Array("dir".utf8) + [0, 0, 0, 0, 0]) + record(-1, 0x4000, 0, [])
            + record(7, 0x40, 99, [0xff, 0x61, 0, 0])
        #expect(
            parse(bytes) == [
                InotifyEvent(watch: 1, mask: [.created, .isDirectory], cookie: 0, name: .text("dir")),
                InotifyEvent(watch: -1, mask: .overflow, cookie: 0, name: .none),
                InotifyEvent(watch: 7, mask: .movedFrom, cookie: 99, name: .notUTF8),
            ])
    }

    @Test("a record that is cut short ends the list")
    func cutShort() {
        let bytes = record(1, 2, 0, Array("name".utf8))
        for length in 0..<bytes.count { #expect(parse(Array(bytes[..<length])).isEmpty) }
        #expect(parse(bytes + bytes.dropLast()).count == 1)
    }
}

struct WatchedDirectoriesTests {
    @Test("a directory takes what is below along, and goes with it")
    func moves() {
        var table = WatchedDirectories()
        table.insert(root: 1)
        table.place(2, in: 1, as: "a")
        table.place(3, in: 2, as: "b")
        table.place(4, in: 1, as: "c")
        #expect(table.path(1) == "" && table.path(3) == "a/b")
        table.place(2, in: 4, as: "d")
        #expect(table.path(3) == "c/d/b" && table.child("a", of: 1) == nil && table.child("d", of: 4) == 2)
        // Another one takes the name: the old one is told to be gone later.
        table.place(5, in: 4, as: "d")
        table.remove(2)
        #expect(table.path(5) == "c/d" && table.path(3) == nil && table.child("d", of: 4) == 5)
        #expect(Set(table.remove(4)) == [4, 5])
        #expect(table.count == 1 && table.path(4) == nil)
    }
}
