import FileTree
import Foundation
import FoundationNetworking
import Glibc
import SwarmCore
import SwarmTestSupport
import Testing
import TrackerCore

extension EndToEnd {
    /// The tracker asks a real node for its files.
    @Suite("Probes of the tracker")
    struct ProbeTests {
        @Test("A node whose files are damaged, replaced or gone is suspect, until they are right again")
        func damage() async throws {
            try await TestBench.run { bench in
                let network = try await TrackedNode(bench, small: 1)
                try await network.awaitRounds(1)
                try await network.awaitTrust()
                let tree = try network.tree
                let release = try #require(
                    try FileManager.default.subpathsOfDirectory(atPath: tree.root).first { $0.hasSuffix("/Release") })
                func change(_ path: String, _ body: (String) throws -> Void) throws -> [UInt8] {
                    let place = tree.location(path)
                    let old = Array(try Data(contentsOf: URL(fileURLWithPath: place)))
                    try body(place)
                    return old
                }
                func put(_ path: String, _ bytes: [UInt8]) throws {
                    try? FileManager.default.removeItem(atPath: tree.location(path))
                    try Data(bytes).write(to: URL(fileURLWithPath: tree.location(path)))
                }

                // An entry point that is another one.
                var old = try change(release) { _ in try put(release, Array("Origin: elsewhere\n".utf8)) }
                try await network.awaitSuspicion("is not the file of the snapshot")
                try put(release, old)
                try await network.awaitTrust()

                // One that is gone.
                old = try change(release) { try FileManager.default.removeItem(atPath: $0) }
                try await network.awaitSuspicion("status 404")
                try put(release, old)
                try await network.awaitTrust()

                // Large files with errors in each of their pieces, of the length and the time that they had: asked for by
                // lot, they are asked for again while they are wrong. What shares an inode with one of them is damaged too.
                func inode(_ path: String) -> UInt64? { try? FileSystem.status(tree.location(path))?.inode }
                let files = try FileManager.default.subpathsOfDirectory(atPath: tree.root)
                let packages = files.filter { $0.contains("/large") && $0.hasSuffix(".deb") }
                let damaged = files.filter { packages.compactMap(inode).contains(inode($0)) }
                let contents = try damaged.map { Array(try Data(contentsOf: URL(fileURLWithPath: tree.location($0)))) }
                for (path, content) in zip(damaged, contents) {
                    for offset in Array(stride(from: 0, to: content.count, by: 10_000)) + [content.count - 1] {
                        try tree.damage(path, at: offset, [content[offset] ^ 0xff])
                    }
                }
                try await network.awaitSuspicion("has other content")
                let since = try #require(try await network.suspicion()).since
                let failures = try await network.rounds("suspect")
                try await eventually("two more rounds") {
                    try await network.rounds("suspect") >= failures + 2 ? () : nil
                }
                #expect(try await network.suspicion()?.since == since)
                for (path, content) in zip(damaged, contents) { try put(path, content) }
                try await network.awaitTrust()
            }
        }

        @Test("A node that switches while it is probed is not suspect; one that does not serve is")
        func switching() async throws {
            try await TestBench.run { bench in
                var network = try await TrackedNode(bench)
                for round in 1...2 {
                    _ = try network.archive.update(network.master.source, round: round)
                    let next = try await network.master.snapshot().snapshot
                    try await network.node.awaitActive(next)
                    try await network.awaitRounds(1)
                }
                #expect(try await network.rounds("suspect") == 0)

                // What readers reach is no longer the node's daemon, whose last report is still fresh.
                network.daemon.signal(SIGKILL)
                await network.daemon.end()
                try await network.awaitSuspicion("cannot be read")
            }
        }
    }
}
