import Foundation
import FoundationNetworking
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("Suggestions of what to fetch first")
    struct PrefetchTests {
        private struct Shown: Decodable {
            let prefetch: [String]
            let absent: Int
        }

        /// Forty files of three pieces each, with other content in each round.
        private func write(_ network: inout TrackedNode, round: Int) throws {
            for number in 0..<40 {
                let bytes = network.archive.random.bytes(150_000)
                try network.master.source.write("pool/n/\(number).deb", bytes, mtime: 1_660_000_000 + round)
            }
        }

        @Test("What readers read most at a node is what it fetches first of the next snapshot")
        func popular() async throws {
            try await TestBench.run { bench in
                var network = try await TrackedNode(bench)
                try write(&network, round: 1)
                try await network.node.awaitActive(try await network.master.snapshot().snapshot)
                func prefetch(_ arguments: String...) async throws -> ProgramOutput {
                    try await bench.run(
                        "swarm-publish", ["prefetch", "--store", network.master.store, "--json"] + arguments)
                }
                let none = try await prefetch("--from-tracker", "--tracker", network.tracker)
                #expect(none.status == 1 && none.errors.contains("knows of no reads"), "\(none)")

                let wanted = ["pool/n/33.deb", "pool/n/7.deb"]
                for (count, path) in zip([3, 2], wanted) {
                    for _ in 0..<count {
                        var request = URLRequest(url: try #require(URL(string: "\(network.url)/debian/\(path)")))
                        request.cachePolicy = .reloadIgnoringLocalCacheData
                        let (_, response) = try await URLSession.shared.data(for: request)
                        #expect((response as? HTTPURLResponse)?.statusCode == 200)
                    }
                }
                // A new state is reported at once, and the reads with it.
                _ = try network.archive.update(network.master.source, round: 1)
                try await network.node.awaitActive(try await network.master.snapshot().snapshot)
                try await eventually("the tracker's counts become suggestions") { () -> Void? in
                    let output = try await prefetch("--from-tracker", "--tracker", network.tracker, "--days", "2")
                    guard output.status == 0 else { return nil }
                    let shown = try JSONDecoder().decode(Shown.self, from: Data(output.text.utf8))
                    return shown.prefetch == wanted && shown.absent == 0 ? () : nil
                }

                try write(&network, round: 2)
                let next = try await network.master.snapshot().snapshot
                try await network.node.awaitActive(next)
                try expectSource(network.node, network.master)
                let line = try #require(
                    network.daemon.errors.split(separator: "\n").last {
                        $0.contains("the suggested files of class 4 are here") && $0.contains(next.rawValue)
                    })
                func figure(_ name: String) throws -> Int {
                    let words = line.split(whereSeparator: { " []".contains($0) })
                    let word = try #require(words.first { $0.hasPrefix("\(name)=") }, "\(line)")
                    return try #require(Int(word.dropFirst(name.count + 1)))
                }
                // By chance, the last of the six would come when nearly all are here.
                let (pieces, others, missing) = (try figure("pieces"), try figure("others"), try figure("missing"))
                #expect(pieces == 6 && others + missing >= 38 * 3, "\(line)")
                #expect(missing > 50, "\(line)")
            }
        }

        @Test("Suggestions are given by hand, shown, refused where they make no sense, and taken back")
        func byHand() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 71, large: 2, small: 10)
                let master = try await Master.sample(bench, &archive)
                let empty = try await bench.run(
                    "swarm-publish", ["prefetch", "pool/a.deb", "--store", master.store])
                #expect(empty.status == 1 && empty.errors.contains("has no snapshot yet"), "\(empty)")
                _ = try await master.snapshot()
                let file = try #require(archive.small.first)
                #expect(try await master.publish("prefetch", file) == "\(file)\n")
                #expect(try await master.publish("prefetch") == "\(file)\n")
                func refused(_ reason: String, status: Int32 = 64, _ arguments: String...) async throws {
                    let output = try await bench.run(
                        "swarm-publish", ["prefetch", "--store", master.store] + arguments)
                    #expect(output.status == status && output.errors.contains(reason), "\(output)")
                }
                try await refused("“pool/none.deb” is no file of the newest snapshot", file, "pool/none.deb")
                try await refused("one of them", file, "--clear")
                try await refused("need --from-tracker", "--limit", "5")
                try await refused("--limit: a number from 1 to 1000", "--from-tracker", "--limit", "1001")
                try await refused(
                    "does not answer", status: 1, "--from-tracker", "--tracker", "http://127.0.0.1:1")
                #expect(try await master.publish("prefetch") == "\(file)\n")
                #expect(try await master.publish("prefetch", "--clear") == "")
                #expect(try await master.publish("prefetch") == "")
            }
        }
    }
}
