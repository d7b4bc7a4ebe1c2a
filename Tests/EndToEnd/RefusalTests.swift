import ContentServer
import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    @Suite("Refusals")
    struct RefusalTests {
        /// The feed that a store holds, signed.
        private func note(_ master: Master) throws -> [UInt8] {
            try Array(Data(contentsOf: URL(fileURLWithPath: "\(master.store)/.swarm/feed")))
        }

        @Test("A feed that another key signed is refused")
        func wrongKey() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 40, large: 2)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                let server = try await master.serve()
                let node = Node(master)
                let other = try SigningKey.generate(name: "debian").verifyingKey
                let output = try await node.sync(server.url, "--key", "\(other)")
                #expect(output.status == 1, "\(output)")
                #expect(output.errors.contains("the feed is refused"), "\(output)")
                #expect(node.currentTarget == nil)
                let malformed = try await node.sync(server.url, "--key", "debian+123")
                #expect(malformed.status == 64, "\(malformed)")
            }
        }

        @Test("A feed that went back, or that expired, is refused, and what is current stays")
        func staleFeeds() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 41, large: 2)
                let master = try await Master.sample(bench, &archive)
                _ = try await master.snapshot()
                let first = try note(master)
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                _ = try archive.update(master.source, round: 1)
                let second = try await master.snapshot().snapshot
                try await node.synced(server.url)

                let output = try await UpstreamServer.run(master, first) { try await node.sync($0.url) }
                #expect(output.status == 1, "\(output)")
                #expect(output.errors.contains("the feed went back from version"), "\(output)")
                #expect(node.currentTarget == "trees/\(second)/debian")

                let expired = try master.signed { feed in
                    feed.version += 1
                    feed.expires = Date(timeIntervalSinceNow: -60)
                }
                let late = try await UpstreamServer.run(master, expired) { try await node.sync($0.url) }
                #expect(late.status == 1, "\(late)")
                #expect(late.errors.contains("the feed expired at"), "\(late)")
                #expect(node.currentTarget == "trees/\(second)/debian")
                try expectSource(node, master)
                // An honest upstream beside the stale one is enough.
                let both = try await UpstreamServer.run(master, expired) {
                    try await node.sync($0.url, "--upstream", server.url)
                }
                #expect(both.status == 0, "\(both)")
            }
        }

        @Test("A synchronisation ends when no upstream answers, with the reason, after a few attempts in a minute")
        func nobodyAnswers() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 43, large: 2, small: 2)
                let master = try await Master.sample(bench, &archive)
                // A server that is gone: its port is refused. A name that does not exist.
                let gone = try SmallHTTPServer { _ in .missing }
                gone.stop()
                let started = ContinuousClock.now
                let output = try await Node(master).sync(
                    gone.url, "--upstream", "http://upstream.invalid", deadline: .seconds(90))
                #expect(output.status == 1, "\(output)")
                #expect(output.errors.contains("upstream.invalid does not answer"), "\(output)")
                #expect(output.errors.contains("\(gone.url) does not answer"), "\(output)")
                #expect(ContinuousClock.now - started > .seconds(10), "it was tried again")
                #expect(output.errors.matches(of: /warning .* does not answer/).count >= 8, "\(output)")
            }
        }

        @Test("Documents that no upstream has as they were signed end a synchronisation")
        func untrustedDocuments() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 44, large: 2, small: 2)
                let master = try await Master.sample(bench, &archive)
                let snapshot = try await master.snapshot().snapshot
                let note = try note(master)
                let manifest = "/.swarm/debian/manifests/\(snapshot).json"
                let liar = try SmallHTTPServer { request in
                    switch request.path {
                    case "/.swarm/debian/feed": .ok(note)
                    case manifest: .ok(Array("{}".utf8))
                    default: .missing
                    }
                }
                defer { liar.stop() }
                let output = try await Node(master).sync(liar.url)
                #expect(output.status == 1, "\(output)")
                #expect(output.errors.contains("is not the one that was signed"), "\(output)")
                let server = try await master.serve()
                try await Node(master).synced(liar.url, "--upstream", server.url)
            }
        }

        @Test("A configuration with faults is told, with code 78")
        func checkConfiguration() async throws {
            try await TestBench.run { bench in
                var archive = SampleArchive(seed: 42, large: 2, small: 2)
                let master = try await Master.sample(bench, &archive)
                let node = Node(master)
                let good = node.configuration("http://127.0.0.1:1")
                func check(_ text: String) async throws -> ProgramOutput {
                    try text.write(toFile: node.configurationFile, atomically: true, encoding: .utf8)
                    return try await bench.run("swarm-node", ["check-config", node.configurationFile])
                }
                let fine = try await check(good)
                #expect(fine.status == 0, "\(fine)")
                #expect(fine.text.contains("no fault found"), "\(fine)")
                let misspelt = try await check(good + "\nkeeep = 2\n")
                #expect(misspelt.status == 78, "\(misspelt)")
                for part in [node.configurationFile, "set[0].keeep", "keep", ":"] {
                    #expect(misspelt.errors.contains(part), "\(part): \(misspelt)")
                }
                let wrong = try await check(good + "\nkeep = \"many\"\npoll-interval = \"soon\"\n")
                #expect(wrong.status == 78, "\(wrong)")
                #expect(wrong.errors.contains("keep") && wrong.errors.contains("poll-interval"), "\(wrong)")
                let run = try await bench.run("swarm-node", ["run", "--config", node.configurationFile])
                #expect(run.status == 78, "\(run)")
                let missing = try await bench.run("swarm-node", ["check-config", bench["missing.toml"]])
                #expect(missing.status == 1, "\(missing)")
            }
        }
    }
}

/// An upstream that offers a feed of the test's making over a master's store, without BitTorrent.
struct UpstreamServer {
    let url: String
    let feed: FeedBox

    /// Serves while `body` runs.
    static func run<Result>(
        _ master: Master, _ note: [UInt8], _ body: (UpstreamServer) async throws -> Result
    ) async throws -> Result {
        guard let set = SetName("debian") else { throw ProgramFailure("“debian” is no name of a set") }
        let box = FeedBox()
        box.publish(version: 1, bytes: note)
        let server = ContentServer(
            sites: [Site(layout: RootLayout(root: master.store, set: set), feed: box, retained: { [] })],
            configuration: ContentServerConfiguration(listeners: [.tcp(Endpoint(host: "127.0.0.1", port: 0))]),
            status: { [] })
        let address = try #require(try await server.start().first)
        let result: Swift.Result<Result, any Error>
        do { result = .success(try await body(UpstreamServer(url: "http://\(address)", feed: box))) } catch {
            result = .failure(error)
        }
        await server.shutdown()
        return try result.get()
    }
}

extension Master {
    /// The store's feed with a change, signed by the store's key.
    func signed(_ change: (inout Feed) -> Void) throws -> [UInt8] {
        let secret = try String(contentsOfFile: "\(store)/key", encoding: .utf8)
        let signing = try SigningKey(secretText: secret)
        let note = try Array(Data(contentsOf: URL(fileURLWithPath: "\(store)/.swarm/feed")))
        var feed = try Documents.decode(Feed.self, from: try SignedNote.open(note, keys: [signing.verifyingKey]).text)
        change(&feed)
        return try SignedNote.sign(text: try Documents.encode(feed), keys: [signing])
    }
}
