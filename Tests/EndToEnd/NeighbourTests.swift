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
    }
}
