import Foundation
import SwarmTestSupport
import Testing

/// Disks that are too small, fill up, or may not be written.
@Suite("Disks", .serialized, .enabled(if: SmallDisk.isPossible, "root alone can mount a small disk"))
struct DiskTests {
    @Test("a plan that does not fit is refused with figures before it starts")
    func tooSmall() async throws {
        let directory = try TemporaryDirectory("small")
        let tree = try await PublishedTree(in: directory.path) { try PublishedTree.sample($0) }
        let (master, url, _) = try await tree.serve()
        let disk = try SmallDisk(megabytes: 2)
        let root = "\(disk.path)/root"
        let log = try await LoggedProcess.run(own: "swarm-node", tree.sync(root, from: url), code: 1)
        #expect(log.contains("the snapshot needs 3.2 MB on \(root), where 2."))
        #expect(((try? FileManager.default.contentsOfDirectory(atPath: "\(root)/trees")) ?? []) == [])
        await master.stop()
    }

    @Test("a disk that fills up during the fetch", arguments: [40, 1])
    func fills(files: Int) async throws {
        let directory = try TemporaryDirectory("full")
        let tree = try await PublishedTree(in: directory.path) { tree in
            var random = SeededRandom(seed: 3)
            for number in 0..<files { try tree.write("f\(number)", random.bytes(8_000_000 / files)) }
        }
        let (master, url, _) = try await tree.serve("--upload-limit", "3MB")
        let disk = try SmallDisk(megabytes: 12)
        let root = "\(disk.path)/root"
        let node = try LoggedProcess.own("swarm-node", ["run", "--config", tree.configuration(of: root, from: url)])
        try await node.line(with: "fetching class")
        // Half of it fits. What has arrived then counts when there is to be room for the rest.
        disk.fill(8 << 20)
        // The write of a file fails, or that of the state: whichever comes first.
        try await node.line(with: " error ", "free some space")
        let status = try await LoggedProcess.run(own: "swarm-node", ["status", "--root", root, "--json"])
        #expect(status.contains("\"error\":\""))
        #expect(status.contains("free some space"))
        disk.free()
        try await node.line(with: "activated")
        #expect(try TreeState("\(root)/current").nodes == TreeState(tree.source.root).nodes)
        #expect(await node.stop() == 0)
        await master.stop()
    }

    @Test("a full disk under the store: nothing is half published")
    func fullStore() async throws {
        let disk = try SmallDisk(megabytes: 12)
        let tree = try await PublishedTree(in: disk.path) { try PublishedTree.sample($0) }
        let feed = try Data(contentsOf: URL(fileURLWithPath: "\(tree.store)/.swarm/feed"))
        let current = try FileManager.default.destinationOfSymbolicLink(atPath: "\(tree.store)/current")
        try tree.source.move("pool/b", to: "pool/c")
        disk.fill()
        let log = try await LoggedProcess.run(own: "swarm-publish", ["snapshot", "--store", tree.store], code: 1)
        #expect(log.contains("disk I/O error") || log.contains("full") || log.contains("No space left"), "\(log)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: "\(tree.store)/.swarm/feed")) == feed)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(tree.store)/current") == current)
        disk.free()
        #expect(try await tree.publish().contains("serial 2"))

        let (master, url, _) = try await tree.serve()
        let root = "\(disk.path)/root"
        try await LoggedProcess.run(own: "swarm-node", tree.sync(root, from: url))
        #expect(try TreeState("\(root)/current").nodes == TreeState(tree.source.root).nodes)
        await master.stop()
    }

    @Test("a root that cannot be written")
    func readOnly() async throws {
        let directory = try TemporaryDirectory("readonly")
        let tree = try await PublishedTree(in: directory.path) { try $0.write("a", "a") }
        let (master, url, _) = try await tree.serve()
        let disk = try SmallDisk(megabytes: 4)
        let root = "\(disk.path)/root"
        try await LoggedProcess.run(own: "swarm-node", tree.sync(root, from: url))
        try disk.setReadOnly(true)
        let log = try await LoggedProcess.run(own: "swarm-node", tree.sync(root, from: url), code: 1)
        #expect(log.contains("\(root)/.swarm/lock: Read-only file system"))
        try disk.setReadOnly(false)
        try await LoggedProcess.run(own: "swarm-node", tree.sync(root, from: url))
        await master.stop()
    }
}
