import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

extension Master {
    /// Starts a watch, and waits until it knows the source as it is.
    fileprivate func watch(_ arguments: String..., wrapper: [String] = []) async throws -> RunningProgram {
        let program = try bench.start("swarm-publish", ["watch", "--store", store] + arguments, wrapper: wrapper)
        try await eventually("a watch") {
            guard program.isRunning else { throw ProgramFailure("no watch: \(program.errors)") }
            let asked = try await bench.run("swarm-publish", ["notify", "--now", "--wait", "--store", store])
            return asked.status == 0 ? () : nil
        }
        return program
    }

    /// Has all that changed so far published; the newest snapshot.
    fileprivate func published(_ paths: String...) async throws -> SnapshotID {
        let text = try await publish(["notify", "--now", "--wait"] + paths)
        guard let uuid = SnapshotID(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw ProgramFailure("no UUID: \(text)")
        }
        return uuid
    }

    private func publish(_ arguments: [String]) async throws -> String {
        let output = try await bench.run("swarm-publish", arguments + ["--store", store])
        guard output.status == 0 else { throw ProgramFailure("\(output)") }
        return output.text
    }

    /// Where the newest snapshot's files are; nil before the first.
    private var newest: String? {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(store)/current")).map { "\(store)/\($0)" }
    }

    /// Expects that the newest snapshot is the source as it is, and that a look at everything finds no more.
    fileprivate func expectPublished(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let tree = try TreeState(try #require(newest, sourceLocation: sourceLocation))
        #expect(tree.differences(from: try self.tree()) == [], sourceLocation: sourceLocation)
        let report = try await snapshot()
        #expect(report.uuid == nil, "a look at everything found more", sourceLocation: sourceLocation)
    }
}

extension EndToEnd {
    @Suite("Publishing from events")
    struct WatchTests {
        @Test("each change is a snapshot by itself, and reaches the nodes")
        func changes() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 70, large: 6)
                let master = try await Master.sample(bench, &archive)
                let watch = try await master.watch("--settle", "100ms")
                let server = try await master.serve()
                let node = Node(master)
                _ = try await node.run(server.url)
                try await node.awaitActive(try await master.published())

                let source = master.source
                let away = try FileTreeWriter(bench["away"])
                let changes: [(what: String, change: () throws -> Void)] = [
                    ("create", { try source.write("pool/new/file", "new") }),
                    ("modify", { _ = try archive.update(source, round: 1) }),
                    ("in place", { try source.append(archive.small[2], [1, 2, 3]) }),
                    ("by another name", { try source.append("doc/small-twin.deb", [1, 2, 3]) }),
                    ("rename", { try source.move(archive.small[3], to: "pool/renamed") }),
                    ("touch", { try source.touch("pool/renamed", mtime: 1_500_000_000) }),
                    ("mode", { try source.setExecutable("pool/renamed", true) }),
                    ("delete", { try source.remove("pool/renamed") }),
                    ("hard link", { try source.hardLink("doc/third.deb", to: archive.large[0]) }),
                    ("link", { try source.symbolicLink("doc/first", to: "third.deb") }),
                    ("directory", { try source.makeDirectory("hollow/deep") }),
                    ("rename a directory", { try source.move("pool/main/s/small1", to: "pool/other") }),
                    ("out", { try source.move("pool/other", to: "../away/other") }),
                    ("change away", { try away.write("other/added", "added") }),
                    ("in", { try source.move("../away/other", to: "pool/back/again") }),
                    ("below what came in", { try source.write("pool/back/again/more", "more") }),
                    ("delete a directory", { try source.remove("pool/back") }),
                ]
                for (what, change) in changes {
                    try change()
                    guard what != "change away" else { continue }
                    // Nobody is asked to: the settle time alone has it published.
                    let wanted = try master.tree()
                    try await eventually("a snapshot after: \(what)") {
                        // A tree that is switched away while it is looked at can miss what it had.
                        let tree = try? node.tree()
                        return tree?.differences(from: wanted, allowingMoreLinks: true).isEmpty == true ? () : nil
                    }
                }
                try await master.expectPublished()
                #expect(!watch.errors.contains("nothing was published"), "\(watch.errors)")
            }
        }

        @Test("a burst of files is published whole")
        func burst() async throws {
            try await TestBench.run { bench in
                let master = try await Master(bench, preset: "plain") { try $0.write("a", "a") }
                let watch = try await master.watch()
                for number in 0..<2000 { try master.source.write("d\(number % 40)/f\(number)", "file \(number)") }
                _ = try await master.published()
                try await master.expectPublished()
                for number in 0..<2000 where number % 3 == 0 {
                    try master.source.move("d\(number % 40)/f\(number)", to: "e\(number % 7)/g\(number)")
                }
                _ = try await master.published()
                try await master.expectPublished()
                #expect(!watch.errors.contains("were lost"), "\(watch.errors)")
            }
        }

        /// How many events the kernel keeps for a reader that does not read.
        private static let queueLength =
            (try? String(contentsOfFile: "/proc/sys/fs/inotify/max_queued_events", encoding: .utf8)).flatMap {
                Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
            } ?? .max

        @Test("when the kernel loses events, everything is looked at", .enabled(if: queueLength <= 100_000))
        func overflow() async throws {
            try await TestBench.run { bench in
                let master = try await Master(bench, preset: "plain") { try $0.write("a", "a") }
                let watch = try await master.watch()
                watch.signal(SIGSTOP)
                for number in 0...(Self.queueLength / 2) {
                    try master.source.move(number % 2 == 0 ? "a" : "b", to: number % 2 == 0 ? "b" : "a")
                }
                // No event tells of these.
                try master.source.write("lost/file", "content")
                try master.source.write("lost/deep/file", "content")
                watch.signal(SIGCONT)
                _ = try await master.published()
                try await master.expectPublished()
                #expect(watch.errors.contains("fs.inotify.max_queued_events"), "\(watch.errors)")
                // The directories that came unseen are watched.
                try master.source.write("lost/deep/other", "content")
                _ = try await master.published()
                try await master.expectPublished()
            }
        }

        /// Runs a program where a user may watch five directories.
        private static let fiveWatches = [
            "/usr/bin/unshare", "--user", "--map-root-user", "/bin/sh", "-c",
            "echo 5 > /proc/sys/user/max_inotify_watches && exec \"$@\"", "sh",
        ]

        private static var canLimit: Bool {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: fiveWatches[0])
            process.arguments = fiveWatches.dropFirst() + ["/bin/true"]
            process.standardError = FileHandle.nullDevice
            return (try? process.run()) != nil && { process.waitUntilExit() }() == () && process.terminationStatus == 0
        }

        @Test(
            "too many directories are an error that says so, and the source is looked at in intervals",
            .enabled(if: canLimit))
        func limit() async throws {
            try await TestBench.run { bench in
                let master = try await Master(bench, preset: "plain") { tree in
                    for number in 0..<7 { try tree.write("d\(number)/file", "x") }
                }
                let watch = try await master.watch("--scan-every", "1s", wrapper: Self.fiveWatches)
                let text = "\(master.source.root) has 8 directories, and fs.inotify.max_user_watches is 5"
                #expect(watch.errors.contains(text), "\(watch.errors)")
                try master.source.write("d3/new", "new")
                try await eventually("a snapshot") {
                    FileManager.default.fileExists(atPath: "\(master.store)/current/d3/new") ? () : nil
                }
                #expect(watch.errors.components(separatedBy: text).count == 2, "it is said once: \(watch.errors)")
                // With fewer directories it watches again.
                for number in 3..<7 { try master.source.remove("d\(number)") }
                try await eventually("a watch") { watch.errors.contains("watching 4 directories") ? () : nil }
            }
        }

        @Test("SIGTERM ends it in order; a second one, and a notice to none, are errors that say so")
        func life() async throws {
            try await TestBench.run { bench in
                let master = try await Master(bench, preset: "plain") { try $0.write("a", "a") }
                let none = try await bench.run("swarm-publish", ["notify", "--store", master.store])
                #expect(none.status == 1 && none.errors.contains("no watch runs for \(master.store)"), "\(none)")
                let watch = try await master.watch()
                let second = try await bench.run("swarm-publish", ["watch", "--store", master.store])
                #expect(second.status == 1 && second.errors.contains("process \(watch.pid)"), "\(second)")
                try master.source.write("b", "b")
                watch.signal(SIGTERM)
                let output = try await watch.wait()
                #expect(output.status == 0, "\(output)")
                #expect(!FileManager.default.fileExists(atPath: "\(master.store)/.swarm/watch.sock"))
                // What it did not come to is found at the next start, also after a death without warning.
                let next = try await master.watch()
                try await master.expectPublished()
                next.signal(SIGKILL)
                await next.end()
                try master.source.write("c", "c")
                _ = try await master.watch()
                try await master.expectPublished()
            }
        }

        @Test("a hook tells what changed where nothing can be watched, by arguments or a list")
        func hook() async throws {
            try await TestBench.run { bench in
                let master = try await Master(bench, preset: "plain") { try $0.write("a", "a") }
                _ = try await master.watch("--no-inotify", "--hold")
                try master.source.write("b", "b")
                try master.source.write("c/d", "d")
                try master.source.write("e", "e")
                let snapshot = try await master.published("b", "\(master.source.root)/c/d")
                let tree = try TreeState("\(master.store)/trees/\(snapshot)/debian")
                #expect(tree.nodes.keys.sorted() == ["a", "b", "c/d"])
                let shown = try await master.publish("list")
                #expect(shown.contains("on hold"))
                let list = try bench.start(
                    "swarm-publish", ["notify", "-", "--now", "--wait", "--store", master.store],
                    wrapper: ["/bin/sh", "-c", "printf 'e\\n' | \"$0\" \"$@\""])
                let output = try await list.wait()
                #expect(output.status == 0, "\(output)")
                let other = try #require(SnapshotID(output.text.trimmingCharacters(in: .whitespacesAndNewlines)))
                #expect(try TreeState("\(master.store)/trees/\(other)/debian").nodes.keys.contains("e"))
                let refused = try await bench.run("swarm-publish", ["notify", "../x", "--store", master.store])
                #expect(refused.status == 1 && refused.errors.contains("“../x”"), "\(refused)")
            }
        }
    }
}
