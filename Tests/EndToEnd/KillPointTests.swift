import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    /// SIGKILL at the very system calls that make a state visible: before each of them the old state is whole, after
    /// each of them the new one is, and the next run brings the rest in order.
    @Suite(
        "Killed at a system call", .enabled(if: SystemCallKiller.isPossible, "\(SystemCallKiller.requirement)"))
    struct KillPointTests {
        /// A call of an activation that changes what others see, or what a restart believes.
        struct Point: CustomStringConvertible {
            let call: String
            let path: String
            var number = 1
            var description: String { "\(call) of \(path), \(number)" }
        }

        @Test("A node that dies at any call of an activation shows a whole snapshot, then and after its restart")
        func activation() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 100, large: 2, small: 8)
                let master = try await Master.sample(bench, &archive)
                var states: [SnapshotID: TreeState] = [:]
                let server = try await {
                    states[try await master.snapshot().snapshot] = try master.tree()
                    return try await master.serve()
                }()
                let node = Node(master)
                try await node.synced(server.url)
                var round = 0
                /// A snapshot that is ready on the node, and that the master has lifted: the next run only activates.
                func ready() async throws -> SnapshotID {
                    round += 1
                    _ = try archive.update(master.source, round: round)
                    let snapshot = try await master.snapshot("--hold", "--tag", "newest").snapshot
                    states[snapshot] = try master.tree()
                    let output = try await node.sync(server.url, "--until", "ready")
                    guard output.status == 0 else { throw ProgramFailure("\(output)") }
                    try await master.publish("lift", snapshot.rawValue)
                    return snapshot
                }
                var next = try await ready()
                for point in Self.points(node.root) {
                    let before = try #require(Self.current(node.root))
                    let path = point.path.replacingOccurrences(of: "UUID", with: next.rawValue)
                    let program = try bench.start(
                        "swarm-node", node.syncArguments(server.url, []),
                        wrapper: SystemCallKiller.wrapper(
                            point.call, number: point.number, path: path, log: bench["strace"]))
                    let output = try await program.wait()
                    #expect(output.status == -SIGKILL, "\(point) was not met: \(output)")
                    let seen = try #require(Self.current(node.root), "\(point)")
                    #expect(seen == before || seen == next, "\(point)")
                    try Self.expect(node.current, states[seen], "\(point), killed")
                    try await node.synced(server.url)
                    #expect(Self.current(node.root) == next, "\(point)")
                    try Self.expect(node.current, states[next], "\(point), started again")
                    try expectLinks(node.root, next, "\(point)")
                    next = try await ready()
                }
            }
        }

        /// The calls in their order; `UUID` stands for the snapshot.
        private static func points(_ root: String) -> [Point] {
            let (current, snap) = ("\(root)/current~", "\(root)/snap/UUID~")
            let (newest, tag) = ("\(root)/snap/current~", "\(root)/master-snap/newest~")
            let state = "\(root)/.swarm/state.sqlite-wal"
            return [
                Point(call: "rename", path: "\(root)/.swarm/feed.new"),
                Point(call: "chmod", path: "\(root)/trees/UUID"),
                Point(call: "symlink", path: snap), Point(call: "rename", path: snap),
                Point(call: "symlink", path: current), Point(call: "rename", path: current),
                Point(call: "fsync", path: root), Point(call: "symlink", path: newest),
                Point(call: "rename", path: newest), Point(call: "symlink", path: tag),
                Point(call: "rename", path: tag), Point(call: "pwrite64", path: state),
                Point(call: "pwrite64", path: state, number: 4), Point(call: "fdatasync", path: state, number: 2),
                Point(call: "fdatasync", path: "\(root)/.swarm/state.sqlite"),
            ]
        }

        @Test(
            "A node that dies at any call of an update shows a whole snapshot, and the next run ends it",
            arguments: [false, true])
        func update(isFollowed: Bool) async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 103, large: 2, small: 8)
                let master = try await Master.sample(bench, &archive)
                var states: [SnapshotID: TreeState] = [:]
                var round = 0
                func publish() async throws {
                    round += 1
                    _ = try archive.update(master.source, round: round)
                    // What is replaced goes on under another name: in the tree that the next one is made over, the two must
                    // not be taken for one another.
                    let name = archive.small[round % archive.small.count]
                    try master.source.move(name, to: "pool/moved/\(round).deb")
                    try master.source.write(name, archive.random.bytes(4000 + round))
                    try Self.changeKinds(master.source, round)
                    states[try await master.snapshot().snapshot] = try master.tree()
                }
                states[try await master.snapshot().snapshot] = try master.tree()
                let server = try await master.serve()
                let node = Node(master)
                for _ in 0..<3 {
                    try await node.synced(server.url)
                    try await publish()
                }
                var kills: [String: Int] = [:]
                for call in ["symlink", "rename", "unlinkat", "linkat", "mkdir", "mkdirat", "fdatasync"] {
                    var (number, tries) = (1, 0)
                    while true {
                        let program = try bench.start(
                            "swarm-node", node.syncArguments(server.url, []),
                            wrapper: SystemCallKiller.wrapper(call, number: number, log: bench["strace"]))
                        let output = try await program.wait()
                        let isKilled = output.status == -SIGKILL
                        #expect(isKilled || output.status == 0, "\(output)")
                        let what = "\(call) \(number)"
                        try Self.expect(node.current, states[try #require(Self.current(node.root))], what)
                        // What was being fetched may be superseded by now.
                        if isFollowed { try await publish() }
                        try await node.synced(server.url)
                        try Self.expect(node.current, try master.tree(), "\(what), started again")
                        try await publish()
                        guard isKilled else { break }
                        kills[call, default: 0] += 1
                        tries += 1
                        // What becomes a link was another thing each time.
                        if call != "symlink" || tries.isMultiple(of: 4) { number += max(1, number / 2) }
                    }
                }
                #expect(kills.values.reduce(0, +) > 15 && kills["linkat", default: 0] > 4, "\(kills)")
            }
        }

        /// Has paths be a file, a directory and a link in turn. A tree is made over from one that is three rounds older: between
        /// the two, the kind is another each time. The directory holds what the link leads to as well.
        private static func changeKinds(_ tree: FileTreeWriter, _ round: Int) throws {
            for path in ["kinds/all", "kinds/two"] { try? tree.remove(path) }
            for name in ["x", "y", "sub/z"] { try tree.write("kinds/target/\(name)", "behind the link, \(name)") }
            try tree.makeDirectory("kinds/target/empty/deep")
            switch round % 4 {
            case 0: try tree.write("kinds/all", "a file")
            case 1: for name in ["x", "sub/z"] { try tree.write("kinds/all/\(name)", "round \(round), \(name)") }
            case 2: try tree.symbolicLink("kinds/all", to: "target")
            default:
                // What moves from behind a name that becomes a link.
                for name in ["x", "y", "sub/z"] {
                    try tree.write("kinds/all/\(name)", "the same, \(name)", mtime: 1_650_000_000)
                }
                try tree.makeDirectory("kinds/all/empty/deep")
            }
            try? tree.remove("kinds/moved")
            if round % 4 != 3 { try tree.write("kinds/moved/y", "the same, y", mtime: 1_650_000_000) }
            if round.isMultiple(of: 2) {
                try tree.symbolicLink("kinds/two", to: "target/x")
            } else {
                try tree.write("kinds/two", "a file, round \(round)")
            }
        }

        @Test("A master that dies at any call of snapshot shows whole states, and the next run publishes what is due")
        func publication() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 101, large: 2, small: 3)
                let master = try await Master.sample(bench, &archive)
                // Each snapshot is made over the tree of the last but one.
                try master.setSetting("keep", "1")
                var states: [SnapshotID: TreeState] = [:]
                for round in 0..<3 {
                    _ = try archive.update(master.source, round: round)
                    states[try await master.snapshot("--tag", "t\(round)").snapshot] = try master.tree()
                    if round > 0 { try await master.publish("untag", "t\(round - 1)") }
                }
                var round = 10
                var kills: [String: Int] = [:]
                for call in ["mkdir", "mkdirat", "chmod", "linkat", "symlink", "rename", "unlinkat", "fdatasync"] {
                    for number in 1... {
                        round += 1
                        try change(master, &archive, round)
                        let program = try bench.start(
                            "swarm-publish", ["snapshot", "--store", master.store, "--tag", "r\(round % 3)"],
                            wrapper: SystemCallKiller.wrapper(call, number: number, log: bench["strace"]))
                        let output = try await program.wait()
                        let isKilled = output.status == -SIGKILL
                        #expect(isKilled || output.status == 0, "\(output)")
                        let what = "\(call) \(number)"
                        try expectWhole(master, &states, what)
                        try await master.publish("snapshot", "--tag", "r\(round % 3)")
                        try await expectSettled(master, &states, what)
                        // When the run came to its end, it made no call of that number.
                        guard isKilled else { break }
                        kills[call, default: 0] += 1
                    }
                }
                #expect(kills.count == 8 && kills.values.allSatisfy { $0 > 0 }, "\(kills)")
                #expect(kills["rename", default: 0] >= 8 && kills["symlink", default: 0] >= 4, "\(kills)")
            }
        }

        @Test("A master that dies at any call of lift has lifted or has not, and the next lift ends it")
        func lift() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 102, large: 2, small: 3)
                let master = try await Master.sample(bench, &archive)
                var states: [SnapshotID: TreeState] = [:]
                states[try await master.snapshot().snapshot] = try master.tree()
                var round = 0
                var kills = 0
                for call in ["chmod", "symlink", "rename", "ftruncate"] {
                    for number in 1... {
                        round += 1
                        _ = try archive.update(master.source, round: round)
                        let held = try await master.snapshot("--hold").snapshot
                        states[held] = try master.tree()
                        let before = Self.current(master.store)
                        let program = try bench.start(
                            "swarm-publish", ["lift", held.rawValue, "--store", master.store],
                            wrapper: SystemCallKiller.wrapper(call, number: number, log: bench["strace"]))
                        let output = try await program.wait()
                        let isKilled = output.status == -SIGKILL
                        #expect(isKilled || output.status == 0, "\(output)")
                        let what = "\(call) \(number)"
                        try expectWhole(master, &states, what)
                        let seen = Self.current(master.store)
                        #expect(seen == before || seen == held, "\(what)")
                        try await master.publish("lift", held.rawValue)
                        #expect(Self.current(master.store) == held, "\(what)")
                        try await expectSettled(master, &states, what)
                        guard isKilled else { break }
                        kills += 1
                    }
                }
                #expect(kills >= 8)
            }
        }

        // MARK: Expectations

        private static func current(_ root: String) -> SnapshotID? {
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(root)/current") else {
                return nil
            }
            return SnapshotID(String(target.dropFirst("trees/".count).prefix(36)))
        }

        private static func expect(_ tree: String, _ state: TreeState?, _ what: String) throws {
            let expected = try #require(state, "\(what): a tree that was never published")
            #expect(try TreeState(tree).differences(from: expected, allowingMoreLinks: true) == [], "\(what)")
        }

        private func expectLinks(_ root: String, _ snapshot: SnapshotID, _ what: String) throws {
            func target(_ link: String) -> String? {
                try? FileManager.default.destinationOfSymbolicLink(atPath: "\(root)/\(link)")
            }
            #expect(target("current") == "trees/\(snapshot)/debian", "\(what)")
            #expect(target("snap/current") == snapshot.rawValue, "\(what)")
            #expect(target("snap/\(snapshot)") == "../trees/\(snapshot)/debian", "\(what)")
            #expect(target("master-snap/newest") ?? "../snap/\(snapshot)" == "../snap/\(snapshot)", "\(what)")
            #expect(try mode("\(root)/trees/\(snapshot)") == 0o755, "\(what)")
            for name in try FileManager.default.contentsOfDirectory(atPath: "\(root)/snap") {
                let status = FileManager.default.fileExists(atPath: "\(root)/snap/\(name)/")
                #expect(status, "\(what): snap/\(name) leads nowhere")
            }
        }

        private func change(_ master: Master, _ archive: inout SampleArchive, _ round: Int) throws {
            _ = try archive.update(master.source, round: round)
            let (from, to) = ("doc/moved-\(round - 1)/here", "doc/moved-\(round)/here")
            if (try? inode(master.source.location(from))) != nil {
                try master.source.move(from, to: to)
                try master.source.remove("doc/moved-\(round - 1)")
            } else {
                try master.source.write(to, "here")
            }
        }

        /// What a store shows is whole: each snapshot of the feed with its documents and its tree, and `current`.
        private func expectWhole(_ master: Master, _ states: inout [SnapshotID: TreeState], _ what: String) throws {
            let feed = try master.feed()
            if let newest = feed.newest, states[newest.uuid] == nil { states[newest.uuid] = try master.tree() }
            for entry in feed.snapshots {
                let path = "\(master.store)/.swarm/manifests/\(entry.uuid).json"
                let bytes = try Array(Data(contentsOf: URL(fileURLWithPath: path)))
                #expect(Digest.sha256(bytes) == entry.manifest.sha256, "\(what)")
                let manifest = try Documents.decode(Manifest.self, from: bytes)
                for shard in manifest.shards {
                    let path = "\(master.store)/.swarm/torrents/\(shard.infoHash).torrent"
                    let torrent = try Array(Data(contentsOf: URL(fileURLWithPath: path)))
                    #expect(Digest.sha256(torrent) == shard.torrent.sha256, "\(what)")
                }
                try Self.expect("\(master.store)/trees/\(entry.uuid)/debian", states[entry.uuid], what)
            }
            let current = try #require(Self.current(master.store), "\(what)")
            try Self.expect("\(master.store)/current", states[current], what)
        }

        /// After a run that came to its end: what is shown is the source, nothing is left over, and the index agrees.
        private func expectSettled(
            _ master: Master, _ states: inout [SnapshotID: TreeState], _ what: String
        ) async throws {
            try expectWhole(master, &states, what)
            let feed = try master.feed()
            let newest = try #require(feed.newest?.uuid)
            #expect(Self.current(master.store) == newest, "\(what)")
            try Self.expect("\(master.store)/current", try master.tree(), what)
            try expectLinks(master.store, newest, what)
            for (tag, snapshot) in feed.tags {
                let link = "\(master.store)/master-snap/\(tag)"
                let target = try FileManager.default.destinationOfSymbolicLink(atPath: link)
                #expect(target == "../snap/\(snapshot)", "\(what)")
            }
            let trees = try FileManager.default.contentsOfDirectory(atPath: "\(master.store)/trees")
            #expect(trees.count <= feed.snapshots.count + 2, "\(what): \(trees)")
            // The trees that a killed run leaves change the times of inodes (ctime) by their links, and so does their
            // removal: files may be read again, once.
            if try await master.snapshot().bytesRead > 0 {
                #expect(try await master.snapshot().bytesRead == 0, "\(what): the index does not learn what it reads")
            }
            #expect(try master.feed().newest?.uuid == newest, "\(what): published again")
        }
    }
}

extension Master {
    /// The feed that the store holds.
    func feed() throws -> Feed {
        let note = try Array(Data(contentsOf: URL(fileURLWithPath: "\(store)/.swarm/feed")))
        let text = try SignedNote.open(note, keys: [VerifyingKey(key)]).text
        return try Documents.decode(Feed.self, from: text)
    }
}
