import Foundation
import Glibc
import SwarmCore
import SwarmTestSupport
import Testing

/// What a spare tree holds is another snapshot's than its name says: it is taken for nothing else.
extension EndToEnd.SpareTreeTests {
    @Test(
        "A tree that was half brought up to a snapshot, when another one has come, is brought to that first, or removed",
        .enabled(if: SystemCallKiller.isPossible, "\(SystemCallKiller.requirement)"),
        arguments: [2, 0])
    func overtaken(keep: Int) async throws {
        try await TestBench.run { bench in
            var setting = try await Bench(bench, seed: 112)
            let (node, source) = (setting.node, setting.master.source)
            let (first, _) = try await node.run(setting.server.url)
            try source.write("doc/changes", "as it was")
            try source.write("doc/goes", "for a while")
            try await setting.settle()
            let status = try #require(try await node.socketStatus())
            let spare = try #require(status.snapshots.first { $0.state == .retained }?.uuid)
            first.signal(SIGTERM)
            _ = try await first.wait()

            // One snapshot differs from those beside it, and the tree has a half of it.
            try source.write("doc/changes", "for a while", mtime: 1_710_000_000)
            try source.write("doc/comes", "for a while")
            try source.remove("doc/goes")
            let aim = try await setting.publish()
            let tree = "\(node.root)/.swarm/spare/\(spare)/debian"
            let (killed, _) = try await node.run(
                setting.server.url,
                wrapper: SystemCallKiller.wrapper("linkat", path: tree, log: bench["strace"]))
            let output = try await killed.wait()
            #expect(output.status == -SIGKILL, "\(output)")
            #expect(node.currentTarget == "trees/\(aim)/debian")
            #expect(!FileManager.default.fileExists(atPath: "\(tree)/doc/goes"))
            #expect(!FileManager.default.fileExists(atPath: "\(tree)/dists/stable/Release"))

            // The next one comes without it: whole, from another mirror.
            try source.write("doc/changes", "as it was")
            try source.remove("doc/comes")
            try source.write("doc/goes", "for a while")
            let next = try await setting.publish()
            let other = Node(setting.master, 3)
            try await other.synced(setting.server.url)
            for path in ["trees/\(next)", ".swarm/feed"] {
                guard rename("\(other.root)/\(path)", "\(node.root)/\(path)") == 0 else {
                    throw SystemCallFailure("rename", path)
                }
            }
            let (program, _) = try await node.run(setting.server.url, set: "keep = \(keep)")
            try await node.awaitActive(next)
            try await setting.awaitSpare()
            #expect(program.errors.contains("a tree is whole and taken up again"))
            // The snapshot that it was to be has expired as well where none is kept, and its tree is the better one.
            #expect(try setting.spareTrees() == [keep > 0 ? spare.rawValue : aim.rawValue])
            try setting.expectCurrent("overtaken")
            try await node.awaitActive(try await setting.publish())
            try setting.expectSource("made over it")
            try await setting.awaitSpare()
            try setting.expectCurrent("made over it")
        }
    }

    @Test(
        "A snapshot that left the feed and returns is fetched whole again, whatever became of its tree",
        arguments: [false, true])
    func returned(isRenewed: Bool) async throws {
        try await TestBench.run { bench in
            var setting = try await Bench(bench, seed: 113)
            let (node, master) = (setting.node, setting.master)
            let (daemon, _) = try await node.run(setting.server.url)
            try await node.awaitActive(try #require(try master.feed().newest?.uuid))
            let current = try await setting.publish()
            try await node.awaitActive(current)

            let large = "pool/main/l/returns.deb"
            try master.source.write(large, setting.archive.random.bytes(300_000))
            let snapshot = try await setting.publish(isHeld: true)
            try await node.awaitStatus("it is ready") { status in
                status.snapshots.contains { $0.uuid == snapshot && $0.state == .ready }
            }
            let entry = try #require(try master.feed().entry(snapshot))
            try setting.sign { feed in feed.snapshots.removeAll { $0.uuid == snapshot } }
            let spare = isRenewed ? current : snapshot
            try await node.awaitStatus("it is let go of") { $0.spare == spare }
            #expect(FileManager.default.fileExists(atPath: "\(node.root)/.swarm/spare/\(snapshot)") == isRenewed)

            try setting.sign { feed in
                var lifted = entry
                lifted.activation = Activation(hold: false, notBefore: entry.created)
                feed.snapshots.append(lifted)
            }
            try await node.awaitActive(snapshot)
            try setting.expectSource("returned")
            let status = try #require(
                try await node.socketStatus()?.snapshots.first { $0.uuid == snapshot })
            #expect(status.serial == entry.serial)
            #expect(status.bytesFetched >= 300_000)

            // What is made of its tree is right as well, also by a daemon that has this from the state.
            daemon.signal(SIGTERM)
            _ = try await daemon.wait()
            _ = try await node.run(setting.server.url, set: "keep = 0")
            try await node.awaitActive(try await setting.publish())
            try setting.expectSource("made over it")
            try await setting.awaitSpare()
            try setting.expectCurrent("made over it")
        }
    }
}

extension EndToEnd.SpareTreeTests.Bench {
    /// Has the master's daemon show its feed with a change that no command makes.
    fileprivate func sign(_ change: (inout Feed) -> Void) throws {
        let note = try master.signed { feed in
            change(&feed)
            feed.version += 1
        }
        try Data(note).write(to: URL(fileURLWithPath: "\(master.store)/.swarm/feed"), options: .atomic)
    }

    /// What readers see is the source.
    fileprivate func expectSource(_ what: String) throws {
        let differences = try node.tree().differences(from: master.tree(), allowingMoreLinks: true)
        #expect(differences == [], "\(what)")
    }
}
