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
                var current = try await master.snapshot().snapshot
                let server = try await master.serve()
                let node = Node(master)
                _ = try await node.run(server.url)
                try await node.awaitActive(current)
                // A machine that was too slow to see it closed gets more time, and two more chances.
                for (round, seconds) in [8.0, 20, 60].enumerated() {
                    _ = try archive.update(master.source, round: round + 1)
                    let due = Date(timeIntervalSince1970: (Date().timeIntervalSince1970 + seconds).rounded(.up))
                    let next = try await master.snapshot("--activate-at", due.formatted(.iso8601)).snapshot
                    let ready = try await node.awaitStatus("ready") {
                        $0.snapshots.contains { $0.uuid == next && ($0.state == .ready || $0.state == .active) }
                    }
                    let target = node.currentTarget
                    let closed = try mode("\(node.root)/trees/\(next)")
                    let isEarly = Date() < due
                    if isEarly {
                        #expect(ready.current?.uuid == current)
                        #expect(ready.snapshots.last?.notBefore == due)
                        #expect(target == "trees/\(current)/debian")
                        #expect(closed == 0o700)
                    }
                    try await node.awaitActive(next)
                    let late = try changeTime(node.current) - due.timeIntervalSince1970
                    // The kernel's clock for files is a tick behind at times.
                    #expect(late > -0.02 && (late < 1 || !isEarly), "\(late) s after the moment")
                    #expect(try mode("\(node.root)/trees/\(next)") == 0o755)
                    try expectSource(node, master)
                    if isEarly { return }
                    current = next
                }
                Issue.record("the test was too slow to see anything")
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
                try await node.awaitActive(second)
                // Long before the node would ask again without having been told.
                #expect(try changeTime(node.current) - lifted.timeIntervalSince1970 < 20)
                try expectSource(node, master)
            }
        }
    }
}
