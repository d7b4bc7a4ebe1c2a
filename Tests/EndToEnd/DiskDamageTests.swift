import Foundation
import SwarmTestSupport
import Testing

/// What somebody did to a root by hand, or a bad disk by itself.
@Suite("Damaged roots", .serialized)
struct DiskDamageTests {
    /// A node that has the first snapshot, and a second one waiting for it.
    struct Rig {
        let directory: TemporaryDirectory
        let tree: PublishedTree
        let master: LoggedProcess
        let url: String
        var root: String { directory["root"] }
        private var swarm: String { "\(root)/.swarm" }

        init() async throws {
            directory = try TemporaryDirectory("damaged")
            tree = try await PublishedTree(in: directory.path) { try PublishedTree.sample($0) }
            (master, url, _) = try await tree.serve()
            try await sync()
        }

        @discardableResult
        func sync(code: Int32 = 0) async throws -> String {
            try await LoggedProcess.run(own: "swarm-node", tree.sync(root, from: url), code: code)
        }

        func expectEqual() throws {
            #expect(try TreeState("\(root)/current").nodes == TreeState(tree.source.root).nodes)
        }

        func change() async throws {
            try tree.source.move("pool/s", to: "pool/t")
            try tree.source.write("pool/new", "new")
            try await tree.publish()
        }

        /// Removes the database.
        func loseState() throws {
            for name in try FileManager.default.contentsOfDirectory(atPath: swarm)
            where name.hasPrefix("state.sqlite") {
                try remove(".swarm/\(name)")
            }
        }

        /// The snapshots that have a tree.
        func trees() throws -> Set<String> {
            Set(try FileManager.default.contentsOfDirectory(atPath: "\(root)/trees"))
        }

        /// Exchanges a file's content under its name, time and mode; no other tree's file changes.
        func spoil(_ path: String, _ content: String) throws {
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            try FileManager.default.removeItem(atPath: path)
            try Data(content.utf8).write(to: URL(fileURLWithPath: path))
            try FileManager.default.setAttributes(
                attributes.filter { [.modificationDate, .posixPermissions].contains($0.key) }, ofItemAtPath: path)
        }

        func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: "\(root)/\(path)") }
    }

    @Test("a second daemon is told who has the root")
    func twice() async throws {
        let rig = try await Rig()
        let node = try LoggedProcess.own(
            "swarm-node", ["run", "--config", rig.tree.configuration(of: rig.root, from: rig.url)])
        try await node.line(with: "serving")
        let log = try await rig.sync(code: 1)
        #expect(log.contains("is held by process \(node.pid)"))
        #expect(await node.stop() == 0)
        let second = try await LoggedProcess.run(
            own: "swarm-publish", ["serve", "--store", rig.tree.store, "--listen", "127.0.0.1:0"], code: 1)
        #expect(second.contains("is held by process \(rig.master.pid)"))
        await rig.master.stop()
    }

    @Test("the link `current` was removed")
    func linkRemoved() async throws {
        let rig = try await Rig()
        try rig.remove("current")
        try await rig.sync()
        try rig.expectEqual()
        try rig.remove("current")
        try await rig.change()
        try await rig.sync()
        try rig.expectEqual()
        await rig.master.stop()
    }

    @Test("the trees were removed")
    func treesRemoved() async throws {
        let rig = try await Rig()
        try rig.remove("trees")
        try await rig.sync()
        try rig.expectEqual()
        await rig.master.stop()
    }

    @Test("manifests and torrents were removed")
    func documentsRemoved() async throws {
        let rig = try await Rig()
        try rig.remove(".swarm/manifests")
        try rig.remove(".swarm/torrents")
        #expect(try await rig.sync().contains("fetched again"))
        let torrents = try FileManager.default.contentsOfDirectory(atPath: "\(rig.root)/.swarm/torrents")
        #expect(torrents.count == 2)
        try rig.remove(".swarm/manifests")
        try rig.remove(".swarm/torrents")
        try await rig.change()
        try await rig.sync()
        try rig.expectEqual()
        await rig.master.stop()
    }

    @Test("garbage in the state, which is then moved away")
    func garbageState() async throws {
        let rig = try await Rig()
        let state = "\(rig.root)/.swarm/state.sqlite"
        try Data([UInt8](repeating: 0x5a, count: 9000)).write(to: URL(fileURLWithPath: state))
        let log = try await rig.sync(code: 1)
        #expect(log.contains(state))
        #expect(log.contains("move it"))
        try rig.loseState()
        // What is there is checked, and not fetched again.
        let before = try inode("\(rig.root)/current/pool/b/big0.deb")
        #expect(try await rig.sync().contains("a tree is whole and taken up again"))
        try rig.expectEqual()
        #expect(try inode("\(rig.root)/current/pool/b/big0.deb") == before)
        await rig.master.stop()
    }

    @Test("after the state was lost, older trees are taken up again and serve the next snapshots")
    func stateLost() async throws {
        let rig = try await Rig()
        try await rig.change()
        try await rig.sync()
        let trees = try rig.trees()
        #expect(trees.count == 2)
        try rig.loseState()
        let bogus = "\(rig.root)/trees/00000000-0000-4000-8000-000000000000"
        try FileManager.default.createDirectory(atPath: "\(bogus)/demo", withIntermediateDirectories: true)
        let log = try await rig.sync()
        #expect(log.matches(of: /taken up again/).count == 2, "\(log)")
        #expect(log.contains("as=active") && log.contains("as=retained"), "\(log)")
        #expect(log.contains("nothing tells any more what should be in it"), "\(log)")
        #expect(try rig.trees() == trees)
        try rig.expectEqual()
        for number in 0..<3 {
            try rig.tree.source.write("pool/new \(number)", "new")
            try await rig.tree.publish()
            #expect(try await rig.sync().contains("ready"))
            try rig.expectEqual()
        }
        #expect(try rig.trees().count <= 3)
        // What a crash left of a tree that was being removed goes as well.
        let trash = "\(rig.root)/.swarm/trash/00000000-0000-4000-8000-000000000000"
        try FileManager.default.createDirectory(atPath: trash, withIntermediateDirectories: true)
        try await rig.sync()
        #expect(!FileManager.default.fileExists(atPath: trash))
        await rig.master.stop()
    }

    @Test("with all that the node knew lost, damaged trees are mended where they are seen, and removed elsewhere")
    func everythingLost() async throws {
        let rig = try await Rig()
        let first = try rig.trees()
        try await rig.change()
        try await rig.sync()
        let second = try rig.trees().subtracting(first)
        // One file of the older tree has another content with the same size, time and mode; of the newer one a file is gone,
        // one has more, and there is one that does not belong there.
        let old = "\(rig.root)/trees/\(try #require(first.first))/demo"
        let new = "\(rig.root)/trees/\(try #require(second.first))/demo"
        try rig.spoil("\(old)/dists/stable/Release", "Another\n")
        try FileManager.default.removeItem(atPath: "\(new)/pool/b/big1.deb")
        try FileManager.default.removeItem(atPath: "\(new)/dists/newest")
        try FileTreeWriter(new).write("pool/s/stranger", "stranger")
        try rig.spoil("\(new)/dists/stable/Packages", "x")
        try rig.remove(".swarm")
        let log = try await rig.sync()
        #expect(log.contains("a tree is removed: it is not whole"), "\(log)")
        #expect(log.contains("a tree is gone on with"), "\(log)")
        try rig.expectEqual()
        #expect(try rig.trees() == second)
        await rig.master.stop()
    }

    @Test("a disk without room for the state: the message names it, and says what to do")
    func fullState() async throws {
        guard SmallDisk.isPossible else { return }
        let rig = try await Rig()
        let disk = try SmallDisk(megabytes: 12)
        let root = "\(disk.path)/root"
        try await LoggedProcess.run(own: "swarm-node", rig.tree.sync(root, from: rig.url))
        disk.fill()
        try await rig.change()
        let log = try await LoggedProcess.run(own: "swarm-node", rig.tree.sync(root, from: rig.url), code: 1)
        let last = try #require(log.split(separator: "\n").last)
        #expect(last.contains(root) && last.contains("free some space"), "\(log)")
        disk.free()
        try await LoggedProcess.run(own: "swarm-node", rig.tree.sync(root, from: rig.url))
        #expect(try TreeState("\(root)/current").nodes == TreeState(rig.tree.source.root).nodes)
        await rig.master.stop()
    }
}
