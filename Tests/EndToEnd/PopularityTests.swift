import Foundation
import FoundationNetworking
import SwarmCore
import SwarmTestSupport
import Testing
import TrackerCore

extension EndToEnd {
    @Suite("What is popular")
    struct PopularityTests {
        @Test("The tracker hears which files readers read at a node")
        func reads() async throws {
            try await TestBench.run { bench in
                var network = try await TrackedNode(bench)
                let files = try FileManager.default.subpathsOfDirectory(atPath: try network.tree.root)
                    .filter { $0.hasSuffix(".deb") }.sorted()
                try #require(files.count >= 2)
                for (count, file) in zip([3, 1], files) {
                    for _ in 0..<count {
                        let url = try #require(URL(string: "\(network.url)/debian/\(file)"))
                        var request = URLRequest(url: url)
                        request.cachePolicy = .reloadIgnoringLocalCacheData
                        let (_, response) = try await URLSession.shared.data(for: request)
                        #expect((response as? HTTPURLResponse)?.statusCode == 200)
                    }
                }
                // A new state is reported at once.
                _ = try network.archive.update(network.master.source, round: 1)
                try await network.node.awaitActive(try await network.master.snapshot().snapshot)
                let expected = [PopularFiles.File(path: files[0], reads: 3), .init(path: files[1], reads: 1)]
                try await eventually("the tracker knows") {
                    let output = try await bench.run(
                        "swarm-tracker", ["popular", "debian", "--json", "--tracker", network.tracker])
                    let popular = try Documents.decode(PopularFiles.self, from: Array(output.text.utf8))
                    return popular.files == expected ? () : nil
                }
                let text = try await bench.run(
                    "swarm-tracker", ["popular", "debian", "--limit", "1", "--tracker", network.tracker])
                #expect(text.text == "         3  \(files[0])\n")
                #expect(try await bench.run("swarm-tracker", ["popular", "debian", "--limit", "0"]).status == 64)
                let unknown = try await bench.run("swarm-tracker", ["popular", "other", "--tracker", network.tracker])
                #expect(unknown.status == 1 && unknown.errors.contains("does not follow the set"))
            }
        }
    }
}
