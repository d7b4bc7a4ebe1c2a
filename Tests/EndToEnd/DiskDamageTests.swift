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
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(rig.root)/.swarm")
        where name.hasPrefix("state.sqlite") {
            try rig.remove(".swarm/\(name)")
        }
        // What is there is checked, and not fetched again.
        #expect(try await rig.sync().contains("fetched=0 "))
        try rig.expectEqual()
        await rig.master.stop()
    }
}
