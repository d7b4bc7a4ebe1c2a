import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("The switch")
    struct SwitchTests {
        /// The steps of an activation, as a crash may leave them.
        enum Step: Int, CaseIterable, Comparable {
            case opened, linked, switched, named
            static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
        }

        private func link(_ path: String) -> String? {
            try? FileManager.default.destinationOfSymbolicLink(atPath: path)
        }

        private func replaceLink(_ path: String, _ target: String) throws {
            try? FileManager.default.removeItem(atPath: path)
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
        }

        /// Does what an activation does, up to a step.
        private func activate(_ snapshot: SnapshotID, on node: Node, upTo last: Step) throws {
            let target = "trees/\(snapshot)/debian"
            for step in Step.allCases where step <= last {
                switch step {
                case .opened:
                    try FileManager.default.setAttributes(
                        [.posixPermissions: 0o755], ofItemAtPath: "\(node.root)/trees/\(snapshot)")
                case .linked: try replaceLink("\(node.root)/snap/\(snapshot)", "../\(target)")
                case .switched: try replaceLink(node.current, target)
                case .named: try replaceLink("\(node.root)/snap/current", snapshot.rawValue)
                }
            }
        }

        private func expectActive(_ snapshot: SnapshotID, on node: Node) async throws {
            #expect(node.currentTarget == "trees/\(snapshot)/debian")
            #expect(link("\(node.root)/snap/\(snapshot)") == "../trees/\(snapshot)/debian")
            #expect(link("\(node.root)/snap/current") == snapshot.rawValue)
            #expect(try mode("\(node.root)/trees/\(snapshot)") == 0o755)
            #expect(try await node.status()?.current?.uuid == snapshot)
        }

        @Test(
            "Whatever an activation had done when it was cut off, the next start finishes it", arguments: Step.allCases)
        func cutOff(_ step: Step) async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 80, large: 2, small: 8)
                let master = try await Master.sample(bench, &archive)
                let first = try await master.snapshot().snapshot
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                _ = try archive.update(master.source, round: 1)
                let second = try await master.snapshot("--activate-at", "2126-01-01T00:00:00Z", "--tag", "new").snapshot
                try await node.synced(server.url, "--until", "ready")
                try activate(second, on: node, upTo: step)

                if step < .switched {
                    // Meanwhile the master thought better of it: what was opened is closed again.
                    try await node.synced(server.url, "--until", "ready")
                    try await expectActive(first, on: node)
                    #expect(try mode("\(node.root)/trees/\(second)") == 0o700)
                    #expect(link("\(node.root)/snap/\(second)") == nil)
                    #expect(link("\(node.root)/master-snap/new") == nil)
                    try await master.publish("lift", second.rawValue, "--activate-at", "2026-01-01T00:00:00Z")
                }
                try await node.synced(server.url)
                try await expectActive(second, on: node)
                #expect(link("\(node.root)/snap/\(first)") == "../trees/\(first)/debian")
                #expect(link("\(node.root)/master-snap/new") == "../snap/\(second)")
                try expectSource(node, master)
            }
        }

        @Test("The master's tags are links to what readers may see, as soon as the feed says so")
        func tags() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 81, large: 2, small: 8)
                let master = try await Master.sample(bench, &archive)
                let first = try await master.snapshot().snapshot
                let server = try await master.serve()
                let node = Node(master)
                _ = try await node.run(server.url)
                try await node.awaitActive(first)
                func expectTags(_ expected: [String: SnapshotID]) async throws {
                    let links = expected.mapValues { "../snap/\($0)" }
                    let directory = "\(node.root)/master-snap"
                    try await eventually("the tags \(expected.keys.sorted())") {
                        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
                        let found = Dictionary(uniqueKeysWithValues: names.map { ($0, link("\(directory)/\($0)")) })
                        return found == links ? () : nil
                    }
                }
                // One name is the other with what a careless program appends to its temporary files.
                try await master.publish("tag", "x.new", first.rawValue)
                try await master.publish("tag", "x", first.rawValue)
                try await expectTags(["x": first, "x.new": first])

                _ = try archive.update(master.source, round: 1)
                let second = try await master.snapshot("--hold", "--tag", "embargoed").snapshot
                try await node.awaitStatus("the second is ready") {
                    $0.snapshots.contains { $0.uuid == second && $0.state == .ready }
                }
                try await expectTags(["x": first, "x.new": first])
                try await master.publish("lift", second.rawValue)
                try await expectTags(["x": first, "x.new": first, "embargoed": second])
                try await master.publish("tag", "x", second.rawValue)
                try await expectTags(["x": second, "x.new": first, "embargoed": second])
                try await master.publish("untag", "x.new")
                try await expectTags(["x": second, "embargoed": second])
                for name in ["x", "embargoed"] { try await master.publish("untag", name) }
                try await expectTags([:])
            }
        }
    }
}
