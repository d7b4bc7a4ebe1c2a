import FileTree
import Foundation
import Glibc
import SwarmCore
import SwarmTestSupport
import Testing

@testable import Publishing

/// A store on a file system that has reflinks: a loop device with Btrfs, for which the tests need to be root.
@Suite(.enabled(if: LoopFileSystem.isPossible, "needs root, mkfs.btrfs and a kernel with Btrfs"))
struct ReflinkTests {
    @Test("the trees have inodes of their own, so that a write in place to the source reaches none; twins stay twins")
    func trees() throws {
        let disk = try LoopFileSystem()
        defer { disk.unmount() }
        let source = try FileTreeWriter("\(disk.path)/source")
        let test = try TestStore(source: source, store: "\(disk.path)/store")
        try source.write("a", [UInt8](repeating: 7, count: 100_000))
        try source.hardLink("b", to: "a")
        try source.write("script", "run", executable: true)
        let first = try #require(try test.snapshot().uuid)
        try test.verify()
        let files = try test.store().layout.files(of: first)
        let (inSource, inTree) = (try FileSystem.status(source.location("a")), try FileSystem.status("\(files)/a"))
        #expect(inSource?.inode != inTree?.inode && inTree?.links == 2 && inTree?.mode == 0o444)
        try source.append("a", [8])
        let report = try test.snapshot()
        #expect(report.changedInPlace.isEmpty && report.lost == 0)
        try test.verify()
        #expect(try FileSystem.status("\(files)/a")?.size == 100_000)
        // From the third on, trees are made from expired ones; what did not change is linked from tree to tree.
        for round in 0..<3 {
            try source.write("script", "run \(round)", executable: true)
            try test.snapshot()
            try test.verify()
        }
        #expect(!(try test.snapshot()).changed)
    }
}

/// A small file system of its own, in a file.
private final class LoopFileSystem {
    let path: String
    private let directory: TemporaryDirectory

    static let isPossible = getuid() == 0 && FileManager.default.fileExists(atPath: "/sbin/mkfs.btrfs")

    init() throws {
        directory = try TemporaryDirectory("reflink")
        path = directory["mounted"]
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let image = directory["image"]
        #expect(FileManager.default.createFile(atPath: image, contents: nil))
        try #require(truncate(image, 128 << 20) == 0)
        try Self.run("/sbin/mkfs.btrfs", "-q", "-M", image)
        try Self.run("/bin/mount", "-o", "loop", image, path)
    }

    func unmount() { try? Self.run("/bin/umount", "-l", path) }

    private static func run(_ program: String, _ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "\(program) \(arguments.joined(separator: " "))")
    }
}
