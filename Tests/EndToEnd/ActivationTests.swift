import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("Activation")
    struct ActivationTests {
        @Test("A delayed snapshot becomes current in the second that it is due, and is closed before")
        func delayed() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 20, large: 6)
                let master = try await Master.sample(bench, &archive)
                let first = try await master.snapshot().snapshot
                let server = try await master.serve()
                let node = Node(master)
                _ = try await node.run(server.url)
                try await node.awaitActive(first)

                _ = try archive.update(master.source, round: 1)
                let due = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 + 8).rounded(.up))
                let second = try await master.snapshot("--activate-at", due.formatted(.iso8601)).snapshot
                let ready = try await node.awaitStatus("ready") {
                    $0.snapshots.contains { $0.uuid == second && $0.state == .ready }
                }
                #expect(ready.current?.uuid == first)
                #expect(ready.snapshots.last?.notBefore == due)
                #expect(node.currentTarget == "trees/\(first)/debian")
                #expect(try mode("\(node.root)/trees/\(second)") == 0o700)
                #expect(Date() < due, "the test was too slow to see anything")
                try await node.awaitActive(second)
                let late = try changeTime(node.current) - due.timeIntervalSince1970
                // The kernel's clock for files is a tick behind at times.
                #expect(late > -0.02 && late < 1, "\(late) s after the moment")
                #expect(try mode("\(node.root)/trees/\(second)") == 0o755)
                try expectSource(node, master)
            }
        }

        @Test("A snapshot on hold is fetched and stays closed until it is lifted")
        func hold() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 21, large: 6)
                let master = try await Master.sample(bench, &archive)
                let first = try await master.snapshot().snapshot
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                _ = try archive.update(master.source, round: 1)
                let second = try await master.snapshot("--hold").snapshot

                let ready = try await node.sync(server.url, "--until", "ready")
                #expect(ready.status == 0, "\(ready)")
                let active = try await node.sync(server.url, "--until", "active", "--timeout", "3s")
                #expect(active.status == 2, "\(active)")
                #expect(active.errors.contains("held"), "\(active)")
                #expect(node.currentTarget == "trees/\(first)/debian")
                #expect(try mode("\(node.root)/trees/\(second)") == 0o700)
                #expect(!FileManager.default.fileExists(atPath: "\(node.root)/snap/\(second)"))

                _ = try await node.run(server.url)
                try await node.awaitStatus("the feed was read") { $0.newest == second }
                let lifted = Date()
                try await master.publish("lift", second.rawValue)
                try await node.awaitActive(second, within: .seconds(10))
                #expect(try changeTime(node.current) - lifted.timeIntervalSince1970 < 2)
                try expectSource(node, master)
            }
        }
    }
}
