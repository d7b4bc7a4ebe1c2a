import Foundation
import Glibc
import SwarmTestSupport
import Testing

extension EndToEnd {
    /// What an operator does wrong, or what is wrong around him: one sentence with the thing and the way out, and a code.
    @Suite("Faults of an operator")
    struct CommandFaultTests {
        private func master(_ bench: TestBench) async throws -> Master {
            let master = try await Master(bench) { try $0.write("pool/a", "a") }
            _ = try await master.snapshot()
            return master
        }

        /// Runs a command that must fail with `status` and one line that holds `words`.
        private func expectFailure(
            _ master: Master, _ arguments: [String], status: Int32 = 1, _ words: String...,
            sourceLocation: SourceLocation = #_sourceLocation
        ) async throws {
            let output = try await master.bench.run("swarm-publish", arguments + ["--store", master.store])
            #expect(output.status == status, "\(output)", sourceLocation: sourceLocation)
            let complaint = output.errors.split(separator: "\n").last ?? ""
            for word in words {
                #expect(complaint.contains(word), "“\(word)”: \(output)", sourceLocation: sourceLocation)
            }
        }

        @Test("Of two runs of snapshot, the second names the first; the first is not disturbed")
        func twoSnapshots() async throws {
            try await TestBench.run { bench in
                let master = try await master(bench)
                // A second or so to read, without taking the room.
                try master.source.write("pool/large", "")
                #expect(truncate(master.source.location("pool/large"), 800_000_000) == 0)
                let first = try bench.start("swarm-publish", ["snapshot", "--store", master.store])
                try await eventually("the first run has the lock") {
                    let text = try? String(contentsOfFile: "\(master.store)/.swarm/lock", encoding: .utf8)
                    return text?.hasPrefix("process \(first.pid) ") == true ? () : nil
                }
                try await expectFailure(
                    master, ["snapshot"], "\(master.store)/.swarm/lock",
                    "process \(first.pid) (swarm-publish snapshot)",
                    "stop that one first")
                let output = try await first.wait()
                #expect(output.status == 0, "\(output)")
                #expect(output.text.contains("serial 2"), "\(output)")
            }
        }

        @Test("A second serve, and one whose ports are taken")
        func serve() async throws {
            try await TestBench.run { bench in
                let master = try await master(bench)
                let server = try await master.serve()
                try await expectFailure(
                    master, ["serve", "--listen", "127.0.0.1:0", "--peer-listen", "127.0.0.1:0"],
                    "process \(server.program.pid) (swarm-publish serve)", "stop that one first")
                server.program.signal(SIGTERM)
                #expect(await server.program.end() == 0)

                let taken = try SmallHTTPServer { _ in .missing }
                defer { taken.stop() }
                let port = "127.0.0.1:\(taken.port)"
                try await expectFailure(
                    master, ["serve", "--listen", port, "--peer-listen", "127.0.0.1:0"], port, "Free the port")
                try await expectFailure(
                    master, ["serve", "--listen", "127.0.0.1:0", "--peer-listen", port], port, "free the port",
                    "--peer-listen")
            }
        }

        @Test("A configuration with an unknown key stops every command, with its line and what was meant")
        func unknownKey() async throws {
            try await TestBench.run { bench in
                let master = try await master(bench)
                let path = "\(master.store)/config.toml"
                let text = try String(contentsOfFile: path, encoding: .utf8)
                try ("\n\nkeeep = 3\n" + text).write(toFile: path, atomically: true, encoding: .utf8)
                for command in [["snapshot"], ["list"], ["lift", "latest"], ["serve", "--listen", "127.0.0.1:0"]] {
                    try await expectFailure(master, command, status: 78, "\(path):3: keeep", "keep")
                }
                try (text + "\nkeep = = 3\n").write(toFile: path, atomically: true, encoding: .utf8)
                let line = text.split(separator: "\n", omittingEmptySubsequences: false).count + 1
                try await expectFailure(master, ["snapshot"], status: 78, "\(path):\(line):")
            }
        }

        @Test("A source that vanished, or that is an empty mount point, is not published as if all were deleted")
        func vanishedSource() async throws {
            try await TestBench.run { bench in
                let master = try await master(bench)
                let (source, away) = (master.source.root, bench["away"])
                let before = try TreeState("\(master.store)/current")
                try FileManager.default.moveItem(atPath: source, toPath: away)
                try await expectFailure(master, ["snapshot"], source, "mount it", "config.toml")
                try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
                try await expectFailure(master, ["snapshot"], source, "0 files", "mounted", "--force")
                try FileManager.default.removeItem(atPath: source)
                try Data().write(to: URL(fileURLWithPath: source))
                try await expectFailure(master, ["snapshot"], source, "no directory")
                #expect(try TreeState("\(master.store)/current") == before)
                try FileManager.default.removeItem(atPath: source)
                try FileManager.default.moveItem(atPath: away, toPath: source)
                #expect(try await master.publish("snapshot").contains("Nothing changed"))
                try master.source.remove("pool")
                try await master.publish("snapshot", "--force")
                #expect(try TreeState("\(master.store)/current").nodes.isEmpty)
            }
        }

        @Test("A directory that is no store, and a store without its key")
        func noStore() async throws {
            try await TestBench.run { bench in
                let master = try await master(bench)
                for path in [bench["nothing"], master.source.root] {
                    let output = try await bench.run("swarm-publish", ["snapshot", "--store", path])
                    #expect(output.status == 1, "\(output)")
                    #expect(output.errors.contains("\(path) is no store"), "\(output)")
                    #expect(output.errors.contains("swarm-publish init"), "\(output)")
                }
                try FileManager.default.removeItem(atPath: "\(master.store)/key")
                try await expectFailure(master, ["snapshot"], "\(master.store)/key is missing")
            }
        }

        @Test(
            "A store that may not be written", .enabled(if: SmallDisk.isPossible, "root alone can mount a small disk"))
        func unwritableStore() async throws {
            try await TestBench.run { bench in
                let master = try await master(bench)
                let disk = try SmallDisk(megabytes: 8)
                let store = "\(disk.path)/store"
                try FileManager.default.copyItem(atPath: master.store, toPath: store)
                try disk.setReadOnly(true)
                try master.source.write("pool/b", "b")
                for command in [["snapshot"], ["lift", "latest"], ["tag", "x", "latest"]] {
                    let output = try await bench.run("swarm-publish", command + ["--store", store])
                    #expect(output.status == 1, "\(output)")
                    #expect(output.errors.contains(store) && output.errors.contains("read-only"), "\(output)")
                }
                let list = try await bench.run("swarm-publish", ["list", "--store", store])
                #expect(list.status == 0 && list.text.contains("1 files"), "to look needs no right to write: \(list)")
                try disk.setReadOnly(false)
                let output = try await bench.run("swarm-publish", ["snapshot", "--store", store])
                #expect(output.status == 0, "\(output)")
            }
        }
    }
}
