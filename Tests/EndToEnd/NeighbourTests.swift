import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("Several sets")
    struct NeighbourTests {
        @Test("What another set of the node has on the same file system is linked; what was removed there is fetched")
        func shared() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 95, large: 6, small: 20)
                let master = try await Master.sample(bench, &archive)
                let directory = bench["other"]
                let other = try await PublishedTree(in: directory) { tree in
                    try tree.write("own", "of the other set")
                    for path in archive.large {
                        let content = try Data(contentsOf: URL(fileURLWithPath: master.source.location(path)))
                        try tree.write("copy/\(path)", Array(content), mtime: 1_500_000_000)
                    }
                }
                let (daemon, otherURL, _) = try await other.serve()
                let server = try await master.serve()
                let node = Node(master)
                let root = bench["node-demo"]
                let (program, _) = try await node.run(
                    server.url,
                    set: """
                        [[set]]
                        name = "demo"
                        root = "\(root)"
                        upstream = "\(otherURL)"
                        key = "\(other.key)"
                        """)
                try await eventually("the other set is there") {
                    FileManager.default.fileExists(atPath: "\(root)/current/own") ? () : nil
                }
                // Times differ between the sets, but for these.
                for path in archive.large[..<3] { try master.source.touch(path, mtime: 1_500_000_000) }
                try FileManager.default.removeItem(atPath: master.source.location("doc/twin.deb"))
                let snapshot = try await master.snapshot().snapshot
                try await node.awaitActive(snapshot)
                try expectSource(node, master)
                let status = try #require(try await node.socketStatus()?.snapshots.last)
                let copied = try archive.large.reduce(Int64(0)) { sum, path in
                    let attributes = try FileManager.default.attributesOfItem(atPath: master.source.location(path))
                    return sum + Int64(attributes[.size] as? Int ?? 0)
                }
                #expect(status.bytesWanted + copied <= status.bytesTotal)
                #expect(status.bytesFromHTTP + status.bytesFromMaster < status.bytesTotal - copied + 200_000)
                for (index, path) in archive.large.enumerated() {
                    let isShared = try inode("\(node.current)/\(path)") == inode("\(root)/current/copy/\(path)")
                    #expect(isShared == (index < 3), "\(path)")
                }

                // Somebody removed a file of the other set: what was to be linked from there comes from the master.
                let lost = "a file that only the other set has had"
                try other.source.write("lost", lost)
                try await other.publish()
                try await eventually("the other set's next snapshot") {
                    FileManager.default.fileExists(atPath: "\(root)/current/lost") ? () : nil
                }
                try FileManager.default.removeItem(atPath: "\(root)/current/lost")
                try master.source.write("found", lost)
                try await node.awaitActive(try await master.snapshot().snapshot)
                try expectSource(node, master)
                #expect(program.errors.contains("somebody removed it; it is fetched instead"))
                await daemon.stop()
            }
        }

        @Test(
            "A tree of another set that changes between a plan and its links is done without, for the right files",
            .enabled(if: SystemCallKiller.isPossible, "\(SystemCallKiller.requirement)"))
        func changedMeanwhile() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 96, large: 2, small: 8)
                let master = try await Master.sample(bench, &archive)
                let shared = archive.random.bytes(120_000)
                let other = try await PublishedTree(in: bench["other"]) { tree in
                    try tree.write("package", shared)
                    try tree.write("steady", "as it was")
                }
                let (otherDaemon, otherURL, _) = try await other.serve()
                let first = try await master.snapshot().snapshot
                let server = try await master.serve()
                let node = Node(master)
                let root = bench["node-demo"]
                let set = """
                    [[set]]
                    name = "demo"
                    root = "\(root)"
                    upstream = "\(otherURL)"
                    key = "\(other.key)"
                    keep = 0
                    """
                func shown(_ root: String) -> String? {
                    try? FileManager.default.destinationOfSymbolicLink(atPath: "\(root)/current")
                }
                let old = try #require(shown(other.store))
                let (before, _) = try await node.run(server.url, set: set)
                try await node.awaitActive(first)
                try await eventually("the other set is there") { shown(root) == old ? () : nil }
                before.signal(SIGTERM)
                _ = try await before.wait()

                // It is found in the other set's tree, and about to be linked from there.
                try master.source.write("pool/shared.deb", shared)
                let next = try await master.snapshot().snapshot
                let holder = SystemCallHolder("linkat", paths: ["\(root)/\(old)/package"], log: bench["strace"])
                let (program, _) = try await node.run(server.url, set: set, wrapper: holder.wrapper)
                try await holder.awaitHeld()

                // Meanwhile that tree expires, and is brought up to what came after it: to another file of the same name.
                try other.source.write("package", archive.random.bytes(120_000))
                try await other.publish()
                let new = try #require(shown(other.store))
                try await eventually("the other set's next snapshot") { shown(root) == new ? () : nil }
                try await node.awaitStatus("its spare tree is up to date", of: "demo") {
                    $0.spare != nil && $0.spare == $0.current?.uuid
                }
                #expect(node.currentTarget == "trees/\(first)/debian")
                try holder.release(program)

                try await node.awaitActive(next)
                try expectSource(node, master)
                let differences = try TreeState("\(root)/current").differences(
                    from: TreeState(other.source.root), allowingMoreLinks: true)
                #expect(differences == [])
                #expect(program.errors.contains("\(root)/\(old)/package is gone"))
                await otherDaemon.stop()
            }
        }
    }
}
