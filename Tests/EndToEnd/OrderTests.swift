import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("Order")
    struct OrderTests {
        /// The moments that the file system notes of files: when each was made and last changed, in seconds since 1970.
        private func moments(_ paths: some Collection<String>) throws -> (first: Double, last: Double) {
            // Foundation and Glibc do not show statx(2); stat(1) does.
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/stat")
            process.arguments = ["--printf", "%.9W %.9Z\\n"] + paths
            let pipe = Pipe()
            process.standardOutput = pipe
            try process.run()
            let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            process.waitUntilExit()
            let lines = text.split(separator: "\n").map { $0.split(separator: " ").compactMap { Double($0) } }
            #expect(lines.count == paths.count)
            let (born, changed) = (lines.map { $0[0] }.min() ?? 0, lines.map { $0[1] }.max() ?? 0)
            guard born > 0 else { throw ProgramFailure("this file system does not note when a file was made") }
            return (born, changed)
        }

        @Test("Not a byte of metadata is there before the last package is whole, and entry points come last")
        func metadataLast() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 10)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                let server = try await master.serve("--upload-limit", "3MB")
                let node = Node(master)
                try await node.synced(server.url)
                try expectSource(node, master)
                try expectOrder(node, archive.large.dropFirst() + archive.small.dropFirst())

                // Again with a change, where little is new.
                _ = try archive.update(master.source, round: 3)
                let fresh = (0..<5).map { "pool/main/n/new\($0).deb" }
                for path in fresh { try master.source.write(path, archive.random.bytes(40_000)) }
                _ = try await master.snapshot()
                try await node.synced(server.url)
                try expectSource(node, master)
                try expectOrder(node, [archive.large[3]] + fresh)
            }
        }

        /// A file is made when its first byte arrives, and last changed when it was checked: time and mode are set then.
        private func expectOrder(_ node: Node, _ payload: some Collection<String>) throws {
            let packages = try moments(payload.map { "\(node.current)/\($0)" })
            let metadata = try moments(SampleArchive.metadata.map { "\(node.current)/\($0)" })
            let entryPoints = try moments(SampleArchive.entryPoints.map { "\(node.current)/\($0)" })
            #expect(packages.first < packages.last)
            // The kernel's clock for files moves in steps, of which one may hold both.
            #expect(metadata.first >= packages.last)
            #expect(entryPoints.first >= metadata.last)
        }

        @Test("A snapshot that comes while another is fetched takes over what is there")
        func supersede() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 11, large: 4, small: 20)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                let server = try await master.serve("--upload-limit", "2MB")
                let node = Node(master)
                let daemon = try await node.run(server.url)
                try await node.awaitStatus("the first snapshot") { $0.current != nil }
                let start = try await master.uploaded(server)

                var content: Int64 = 0
                for index in 0..<20 {
                    let bytes = archive.random.bytes(400_000 + index)
                    try master.source.write("pool/new/\(index).deb", bytes, mtime: 1_660_000_000 + index)
                    content += Int64(bytes.count)
                }
                for index in 0..<60 {
                    let bytes = archive.random.bytes(9000 + index)
                    try master.source.write("pool/new/packed\(index).deb", bytes, mtime: 1_660_000_000 + index)
                    content += Int64(bytes.count)
                }
                content += try archive.update(master.source, round: 1).bytes
                let second = try await master.snapshot().snapshot
                try await node.awaitStatus("a part of the second") { status in
                    status.snapshots.contains { $0.uuid == second && $0.bytesFetched > 3_000_000 }
                }
                let last = archive.random.bytes(300_000)
                try master.source.write("pool/new/last.deb", last)
                try master.source.remove("pool/new/19.deb")
                let third = try await master.snapshot().snapshot
                content += Int64(last.count)
                try await node.awaitActive(third)
                try expectSource(node, master)
                let status = try #require(try await node.status())
                #expect(!status.snapshots.contains { $0.uuid == second })
                let sent = try await master.uploaded(server) - start
                // What was on its way when the new snapshot came may be asked for again.
                #expect(sent <= content + 1_000_000, "sent \(sent) for \(content)")
                #expect(sent >= content - 400_019, "sent \(sent) for \(content)")
                daemon.program.signal(SIGTERM)
                #expect(await daemon.program.end() == 0)
            }
        }
    }
}
