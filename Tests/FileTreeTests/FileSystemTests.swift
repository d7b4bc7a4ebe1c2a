import FileTree
import Foundation
import Glibc
import SwarmTestSupport
import Synchronization
import Testing

struct FileSystemTests {
    private let directory: TemporaryDirectory
    private let writer: FileTreeWriter

    init() throws {
        directory = try TemporaryDirectory("file-tree")
        writer = try FileTreeWriter(directory.path)
    }

    @Test("a copy has the content, and the mode and time that are asked for")
    func copy() throws {
        var random = SeededRandom(seed: 3)
        let content = random.bytes(3_000_001)
        try writer.write("a", content)
        try FileSystem.copy(directory["a"], to: directory["b"], mode: 0o444)
        try FileSystem.setModificationTime(directory["b"], seconds: -7)
        let status = try #require(try FileSystem.status(directory["b"]))
        #expect(try FileSystem.contents(directory["b"]) == content)
        #expect(status.mode == 0o444 && status.mtimeSeconds == -7)
        #expect(throws: FileError.self) { try FileSystem.copy(directory["a"], to: directory["b"], mode: 0o444) }
    }

    @Test("reading a file leaves its time of access as it was")
    func accessTime() throws {
        try writer.write("a", "content")
        let times = [timespec(tv_sec: 1_000_000_000, tv_nsec: 5), timespec(tv_sec: 1_600_000_000, tv_nsec: 0)]
        try #require(utimensat(AT_FDCWD, directory["a"], times, 0) == 0)
        var buffer = [UInt8](repeating: 0, count: 7)
        #expect(try Descriptor.file(directory["a"]).read(into: &buffer, at: 0) == 7)
        #expect(try FileSystem.contents(directory["a"]) == Array("content".utf8))
        var info = stat()
        try #require(stat(directory["a"], &info) == 0)
        #expect(info.st_atim.tv_sec == 1_000_000_000 && info.st_atim.tv_nsec == 5)
    }

    @Test("a link is exchanged in one step, and a tree is removed without following links")
    func links() throws {
        try writer.write("keep/file", "x")
        try writer.makeDirectory("tree/inner/deep")
        try writer.symbolicLink("tree/out", to: "../keep")
        try FileSystem.replaceLink(at: directory["current"], target: "one")
        try FileSystem.replaceLink(at: directory["current"], target: "two")
        #expect(FileSystem.readLink(directory["current"]) == "two")
        try FileSystem.removeTree(directory["tree"])
        #expect(!FileSystem.exists(directory["tree"]))
        #expect(FileSystem.exists(directory["keep/file"]))
        try FileSystem.removeTree(directory["tree"])
    }

    @Test("an atomic write replaces the whole, and leaves nothing else")
    func atomicWrite() throws {
        try FileSystem.writeAtomically([1, 2, 3], to: directory["f"])
        try FileSystem.writeAtomically([4], to: directory["f"], mode: 0o600)
        #expect(try FileSystem.contents(directory["f"]) == [4])
        #expect(try FileSystem.names(in: directory.path) == ["f"])
        #expect(try FileSystem.contents(directory["missing"]) == nil)
        #expect(throws: FileError.self) { try FileSystem.writeAtomically([1], to: directory["no/such/f"]) }
    }

    @Test("a listing has the names in the order of their bytes, and follows no link unless asked")
    func listing() throws {
        for name in ["b", "a", "a-b", "B", "日", "é"] { try writer.write(name, name) }
        try writer.symbolicLink("link", to: ".")
        let listing = try DirectoryListing(directory.path)
        let names = (0..<listing.count).compactMap { listing.name($0) }
        #expect(names == ["B", "a", "a-b", "b", "link", "é", "日"])
        #expect(try listing.status(4)?.kind == .symlink)
        #expect(throws: FileError.self) { try DirectoryListing(directory["link"]) }
        #expect(try DirectoryListing(directory["link"], followingLink: true).count == 7)
        try writer.remove("a")
        #expect(try listing.status(1) == nil)
    }

    @Test("a lock is held by one; the other is told by whom")
    func lock() throws {
        do {
            let lock = try FileLock.acquire(directory["lock"], owner: "the first")
            defer { withExtendedLifetime(lock) {} }
            let error = #expect(throws: FileLock.Held.self) {
                _ = try FileLock.acquire(directory["lock"], owner: "the second")
            }
            #expect(error?.owner.contains("the first") == true)
        }
        _ = try FileLock.acquire(directory["lock"], owner: "the third")
    }

    @Test("a rename into a watched directory is told")
    func watch() async throws {
        let watch = try DirectoryWatch(directory.path)
        try writer.write("x", "x")
        var changes = watch.changes.makeAsyncIterator()
        #expect(await changes.next() != nil)
        watch.cancel()
        while await changes.next() != nil {}
    }

    @Test("work on all cores keeps its order, and its first error")
    func parallel() throws {
        let parts = try Parallel.map(chunks: Array(0..<1000)) { Array($0) }
        #expect(parts.flatMap { $0 } == Array(0..<1000))
        #expect(throws: SystemCallFailure.self) {
            try Parallel.map(chunks: Array(0..<1000)) { chunk in
                if chunk.contains(500) { throw SystemCallFailure("test", "x") }
            }
        }
    }

    @Test("what nobody waits for leaves the processor to others, and its results and errors come back")
    func last() throws {
        #expect(getpriority(__priority_which_t(0), 0) < 19)
        #expect(try Parallel.last { getpriority(__priority_which_t(0), 0) } == 19)
        #expect(getpriority(__priority_which_t(0), 0) < 19)
        #expect(throws: SystemCallFailure.self) { try Parallel.last { throw SystemCallFailure("test", "x") } }
    }

    @Test("what one thread makes another one goes on with, in order; what fails there is told here")
    func relay() throws {
        let done = Mutex<[Int]>([])
        let relay = Relay<Int>(limit: 2) { item in
            if item == 700 { throw SystemCallFailure("test", "x") }
            done.withLock { $0.append(item) }
        }
        try relay.finish()
        for item in 0..<500 { try relay.add(item) }
        try relay.finish()
        #expect(done.withLock { $0 } == Array(0..<500))
        var added = 0
        #expect(throws: SystemCallFailure.self) {
            while true {
                try relay.add(500 + added)
                added += 1
            }
        }
        // Of what came after it, no more than waited when it failed.
        #expect((201...204).contains(added))
        #expect(throws: SystemCallFailure.self) { try relay.finish() }
        #expect(done.withLock { $0 } == Array(0..<700))
    }

    @Test("work that was begun gives its result, or what it failed with, whenever it is asked for")
    func started() throws {
        let work = Started { 42 }
        for _ in 0..<2 { #expect(try work.result() == 42) }
        let failing = Started { () throws -> Int in throw SystemCallFailure("test", "x") }
        #expect(throws: SystemCallFailure.self) { _ = try failing.result() }
    }

    @Test("a directory that is open stays the same one under another name, and says what is missing there")
    func openDirectory() throws {
        let place = try TemporaryDirectory("directory")
        let writer = try FileTreeWriter(place["one"])
        try writer.write("a/b", "content")
        #expect(try Directory.existing(place["none"]) == nil)
        let open = try #require(try Directory.existing(place["one"]))
        try FileSystem.rename(place["one"], to: place["two"])
        #expect(try open.status("a/b")?.size == 7)
        #expect(try open.status("a/c") == nil)
        #expect(try open.status("a/b/c") == nil)
        #expect(try open.file("a/b").contents(in: 1..<4) == Array("ont".utf8))
        #expect(throws: FileError("open", place["one/a/c"], errno: ENOENT)) { _ = try open.file("a/c") }
    }

    @Test("a file without a name holds what is written, and leaves nothing behind")
    func nameless() throws {
        let place = try TemporaryDirectory("nameless")
        let file = try Descriptor.nameless(in: place.path)
        try file.write(Array("content".utf8))
        #expect(try file.contents(in: 0..<7) == Array("content".utf8))
        #expect(try FileSystem.names(in: place.path).isEmpty)
        #expect(throws: FileError.self) { _ = try Descriptor.nameless(in: place["missing"]) }
    }
}

struct TreeBuilderTests {
    private let directory: TemporaryDirectory
    private let writer: FileTreeWriter
    private let builder: TreeBuilder

    init() throws {
        directory = try TemporaryDirectory("tree-builder")
        writer = try FileTreeWriter(directory["source"])
        builder = try TreeBuilder(root: directory["tree"])
    }

    @Test("every step may be repeated")
    func repeated() throws {
        try writer.write("file", "content")
        for _ in 0..<2 {
            try builder.link(writer.location("file"), at: "a/b/linked")
            try builder.copy(writer.location("file"), at: "a/copied", mtime: 1_600_000_000, mode: 0o555)
            try builder.symlink("b/linked", at: "a/link")
            try builder.makeDirectory("hollow")
        }
        let tree = try TreeState(builder.root)
        #expect(tree.nodes["a/b/linked"] == .file(Array("content".utf8), mtime: 1_700_000_000, isExecutable: false))
        #expect(tree.nodes["a/copied"] == .file(Array("content".utf8), mtime: 1_600_000_000, isExecutable: true))
        #expect(tree.nodes["a/link"] == .link("b/linked"))
        for _ in 0..<2 {
            try builder.remove("a/b/linked")
            try builder.prune(["a/b", "hollow"], keeping: ["hollow"])
        }
        #expect(try Set(TreeState(builder.root).nodes.keys) == ["a/copied", "a/link", "hollow"])
    }

    @Test("directories in which something is to be made stay where they are")
    func filled() throws {
        try writer.write("file", "content")
        for path in ["a/x", "b/x"] { try builder.link(writer.location("file"), at: path) }
        let before = try builder.status("a")
        try builder.remove(files: ["a/x", "b/x"], links: [], directories: [], adding: ["a"])
        #expect(try builder.status("a")?.inode == before?.inode && before != nil)
        #expect(try builder.status("b") == nil)
        let source = try Directory(writer.root)
        for _ in 0..<2 { try builder.link("file", in: source, at: "b/x") }
        #expect(try builder.status("b/x")?.inode == source.status("file")?.inode)
    }

    @Test("of a directory that is gone nothing can be linked")
    func linkFromNowhere() throws {
        #expect(try builder.link(["a", "b/c"], from: directory["nowhere"]) == [0, 1])
    }

    @Test("a file is exchanged for a link, once, and nothing else is left")
    func exchange() throws {
        try writer.write("file", "content")
        try writer.write("other", "other")
        try builder.copy(writer.location("other"), at: "file", mtime: 1, mode: 0o444)
        for _ in 0..<2 { try builder.link(writer.location("file"), at: "file") }
        #expect(
            try FileSystem.status(builder.location("file"))?.inode == FileSystem.status(writer.location("file"))?.inode)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() == ["source", "tree"])
    }

    @Test("a removal that is repeated spares what took the place of what went, and what lies behind a link")
    func repeatedRemoval() throws {
        try writer.write("file", "content")
        let old = [
            "was-file", "was-directory/x", "was-directory/sub/x", "became-link/x", "became-link/sub/x", "kept/x",
        ]
        for path in old { try builder.link(writer.location("file"), at: path) }
        for path in ["target/x", "target/sub/x"] { try builder.link(writer.location("file"), at: path) }
        try builder.makeDirectory("became-link/hollow")
        try builder.makeDirectory("target/hollow")
        for _ in 0..<2 {
            try builder.remove(
                files: old, links: [], directories: ["became-link/hollow"], adding: ["kept"], linking: ["became-link"])
            try builder.link(writer.location("file"), at: "was-file/x")
            try builder.link(writer.location("file"), at: "was-directory")
            try builder.symlink("target", at: "became-link")
        }
        #expect(
            try Set(TreeState(builder.root).nodes.keys) == [
                "was-file/x", "was-directory", "became-link", "kept", "target/x", "target/sub/x", "target/hollow",
            ])
    }

    @Test("two forms of one text are two directories")
    func forms() throws {
        try writer.write("file", "content")
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
        for name in [composed, decomposed] { try builder.link(writer.location("file"), at: "\(name)/x") }
        #expect(FileSystem.exists(builder.location("\(decomposed)/x")))
        try builder.remove(files: ["\(composed)/x", "\(decomposed)/x"], links: [], directories: [], adding: [composed])
        #expect(FileSystem.exists(builder.location(composed)))
        #expect(!FileSystem.exists(builder.location(decomposed)))
    }

    @Test("nothing is written behind a link")
    func behindLink() throws {
        try writer.write("file", "content")
        try builder.symlink("../source", at: "out")
        #expect(throws: FileError.self) { try builder.link(writer.location("file"), at: "out/escaped") }
        #expect(!FileSystem.exists(writer.location("escaped")))
    }

    @Test("a link is exchanged for one with another text")
    func otherText() throws {
        try builder.symlink("one", at: "link")
        try builder.symlink("two", at: "link")
        #expect(FileSystem.readLink(builder.location("link")) == "two")
    }
}
