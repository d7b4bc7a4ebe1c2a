import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    /// The tree that the next snapshot is made over is brought up to date while the daemon has nothing else to do.
    @Suite("The spare tree")
    struct SpareTreeTests {
        /// A node whose daemon has a spare tree that is up to date.
        struct Bench {
            let master: Master
            let server: Master.Server
            let node: Node
            var archive: SampleArchive
            var round = 0

            init(_ bench: TestBench, seed: UInt64) async throws {
                archive = SampleArchive(seed: seed, large: 3, small: 12)
                master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                server = try await master.serve()
                node = Node(master)
            }

            /// Publishes a change: of contents, of names, and of kinds.
            mutating func publish(isHeld: Bool = false) async throws -> SnapshotID {
                round += 1
                _ = try archive.update(master.source, round: round)
                let name = archive.small[round % archive.small.count]
                try master.source.move(name, to: "pool/moved/\(round)/here.deb")
                try master.source.write(name, archive.random.bytes(3000 + round))
                if round.isMultiple(of: 2) {
                    try? master.source.remove("doc/kind")
                    try master.source.write("doc/kind/below", "round \(round)")
                } else {
                    try? master.source.remove("doc/kind")
                    try master.source.symbolicLink("doc/kind", to: "../tools")
                }
                let report = isHeld ? try await master.snapshot("--hold") : try await master.snapshot()
                return try report.snapshot
            }

            /// Follows changes until there is a spare tree that holds the newest snapshot.
            mutating func settle() async throws {
                for _ in 0..<3 { try await node.awaitActive(try await publish()) }
                try await awaitSpare()
            }

            func awaitSpare() async throws {
                let current = try #require(try await node.socketStatus()?.current?.uuid)
                try await node.awaitStatus("the spare tree is up to date") { $0.spare == current }
            }

            private func names(_ directory: String) throws -> Set<String> {
                Set(try FileManager.default.contentsOfDirectory(atPath: "\(node.root)/\(directory)"))
            }

            /// The trees that were brought up to date.
            func spareTrees() throws -> [String] { try names(".swarm/spare").sorted() }

            /// What readers see is the source, and so is what they do not see.
            func expectCurrent(_ what: String) throws {
                let source = try master.tree()
                #expect(try node.tree().differences(from: source, allowingMoreLinks: true) == [], "\(what)")
                let spares = try spareTrees()
                #expect(spares.count == 1, "\(what)")
                #expect(try names("trees").isSubset(of: names("snap")), "\(what)")
                for spare in spares {
                    let tree = "\(node.root)/.swarm/spare/\(spare)"
                    #expect(try mode(tree) == 0o700, "\(what)")
                    #expect(
                        try TreeState("\(tree)/debian").differences(from: source, allowingMoreLinks: true) == [],
                        "\(what): the spare tree")
                }
            }
        }

        @Test("It is brought up to each snapshot, fetches nothing, and the next one is made over it")
        func renewed() async throws {
            try await TestBench.run { bench in
                var setting = try await Bench(bench, seed: 110)
                let (daemon, _) = try await setting.node.run(setting.server.url)
                try await setting.settle()
                for round in 0..<3 {
                    try setting.expectCurrent("round \(round)")
                    let uploaded = try await setting.master.uploaded(setting.server)
                    let spare = try setting.spareTrees()
                    let next = try await setting.publish()
                    try await setting.node.awaitActive(next)
                    #expect(try setting.spareTrees() != spare, "round \(round): it was not used")
                    try await setting.awaitSpare()
                    let sent = try await setting.master.uploaded(setting.server) - uploaded
                    #expect(sent < 500_000, "round \(round): \(sent) bytes")
                }
                // It serves another daemon as well.
                daemon.signal(SIGTERM)
                _ = try await daemon.wait()
                let next = try await setting.publish()
                _ = try await setting.node.run(setting.server.url)
                try await setting.node.awaitActive(next)
                try await setting.awaitSpare()
                try setting.expectCurrent("after a restart")
            }
        }

        /// What happens between the death of the daemon and its next start.
        enum Interval: CaseIterable {
            case nothing, newSnapshot, damage
        }

        @Test(
            "A daemon that dies while it brings the tree up to date goes on, or does without",
            .enabled(if: SystemCallKiller.isPossible, "\(SystemCallKiller.requirement)"),
            arguments: ["rename", "unlinkat", "linkat"], Interval.allCases)
        func killed(call: String, interval: Interval) async throws {
            try await TestBench.run { bench in
                var setting = try await Bench(bench, seed: 111)
                let (first, _) = try await setting.node.run(setting.server.url)
                try await setting.settle()
                let status = try #require(try await setting.node.socketStatus())
                #expect(try setting.spareTrees().count == 1)
                let retained = try #require(status.snapshots.first { $0.state == .retained }?.uuid)
                first.signal(SIGTERM)
                _ = try await first.wait()

                // The retained tree is the next to be spare.
                let next = try await setting.publish()
                let tree = "\(setting.node.root)/.swarm/spare/\(retained)"
                // (strace tells a rename by the old name alone, and what is done in a tree by its open directory.)
                let path = call == "rename" ? "\(setting.node.root)/trees/\(retained)" : "\(tree)/debian"
                let (daemon, _) = try await setting.node.run(
                    setting.server.url,
                    wrapper: SystemCallKiller.wrapper(call, path: path, log: bench["strace"]))
                let output = try await daemon.wait(deadline: .patience)
                #expect(output.status == -SIGKILL, "\(output)")
                #expect(setting.node.currentTarget == "trees/\(next)/debian")
                let state = try TreeState(setting.node.current)
                #expect(state.differences(from: try setting.master.tree(), allowingMoreLinks: true) == [])

                switch interval {
                case .nothing: break
                case .newSnapshot: _ = try await setting.publish()
                case .damage:
                    try FileManager.default.removeItem(atPath: "\(setting.node.current)/\(SampleArchive.metadata[0])")
                    _ = try await setting.publish()
                }
                let newest = try #require(try setting.master.feed().newest?.uuid)
                _ = try await setting.node.run(setting.server.url)
                try await setting.node.awaitActive(newest)
                if interval == .damage {
                    for _ in 0..<2 { try await setting.node.awaitActive(try await setting.publish()) }
                }
                try await setting.awaitSpare()
                try setting.expectCurrent("\(call), \(interval)")
            }
        }
    }
}
