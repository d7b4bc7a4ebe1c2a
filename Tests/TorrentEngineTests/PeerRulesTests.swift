import Foundation
import SwarmCore
import func SwarmTestSupport.eventually
import Testing
import TorrentEngine

@Suite(.timeLimit(.minutes(1)))
struct PeerRulesTests {
    let temporary: TemporaryDirectory

    init() throws { temporary = try TemporaryDirectory() }

    private func engine(_ host: String, _ rules: PeerRules = PeerRules()) throws -> TorrentEngine {
        try TorrentEngine(
            settings: EngineSettings(role: .node, listen: [Endpoint(host: host, port: 0)], peers: rules))
    }

    private func prefix(_ text: String) throws -> IPPrefix { try #require(IPPrefix(text)) }

    /// Whether the peer at 127.0.0.3, which dials first, has nothing when the one at 127.0.0.2 has all.
    private func isRefused(_ rules: PeerRules) async throws -> Bool {
        let torrent = try TestTorrent(files: [("a", noise(655_360))])
        let source = try temporary.directory("source")
        try torrent.write(under: source)
        let (seed, welcome, other) = (try engine("127.0.0.1", rules), try engine("127.0.0.2"), try engine("127.0.0.3"))
        var isRefused = false
        try await withEngines(seed, welcome, other) {
            try await seed.add(torrent.spec(at: source, have: torrent.all))
            try await other.add(torrent.spec(at: temporary.directory("other")))
            try await other.connect(torrent.infoHash, to: seed.endpoint())
            try await welcome.add(torrent.spec(at: temporary.directory("welcome")))
            if try !rules.admits("127.0.0.3") {
                // It was dialled, and hung up, or not answered.
                try await welcome.connect(torrent.infoHash, to: seed.endpoint())
                try await welcome.finished()
            } else {
                try await other.finished()
            }
            let traffic = await other.totalTraffic()
            let hosts = await seed.peers(torrent.infoHash).map(\.endpoint.host)
            isRefused = traffic == Traffic() && !hosts.contains("127.0.0.3")
        }
        return isRefused
    }

    @Test func `a blocked peer gets nothing, and others do`() async throws {
        #expect(try await isRefused(PeerRules(block: [prefix("127.0.0.3")])))
    }

    @Test func `with a list of allowed peers, all others get nothing`() async throws {
        #expect(try await isRefused(PeerRules(allow: [prefix("127.0.0.2/31")])) == false)
        #expect(try await isRefused(PeerRules(allow: [prefix("127.0.0.2")])))
    }

    @Test func `a blocked peer gets nothing though it is allowed`() async throws {
        #expect(try await isRefused(PeerRules(block: [prefix("127.0.0.3")], allow: [prefix("127.0.0.0/8")])))
    }

    @Test func `an autonomous system is blocked, or allowed alone`() async throws {
        func rules(_ list: PeerRules.List, _ text: String?) throws -> PeerRules {
            var rules = PeerRules()
            let prefixes = try text.map { [try prefix($0)] } ?? []
            rules.networks = [.init("AS64500", .autonomousSystem, in: list, prefixes: prefixes)]
            return rules
        }
        #expect(try await isRefused(rules(.block, "127.0.0.3")))
        #expect(try await isRefused(rules(.allow, "127.0.0.2")))
        #expect(try await isRefused(rules(.block, nil)) == false)
    }

    enum Distance: Sendable { case near, far, neither }

    @Test(
        arguments: [
            // What is said of all comes last, then countries, then autonomous systems, then prefixes.
            ([("0.0.0.0/0", PeerRules.List.far, nil), ("127.0.0.0/8", .near, .country)], Distance.near),
            ([("127.0.0.1", .far, .country), ("127.0.0.0/8", .near, .autonomousSystem)], .near),
            ([("127.0.0.1", .near, .autonomousSystem), ("127.0.0.0/8", .far, nil)], .far),
            ([("127.0.0.1", .near, nil), ("127.0.0.1", .far, .autonomousSystem)], .near),
            ([("127.0.0.2", .near, .country), ("192.0.2.0/24", .far, nil)], .neither),
        ] as [([(String, PeerRules.List, PeerRules.NamedNetworks.Kind?)], Distance)])
    func distances(
        entries: [(String, PeerRules.List, PeerRules.NamedNetworks.Kind?)], expected: Distance
    ) async throws {
        var rules = PeerRules()
        for (text, list, kind) in entries {
            let prefix = try prefix(text)
            if let kind {
                rules.networks.append(.init("test", kind, in: list, prefixes: [prefix]))
            } else if list == .near {
                rules.near.append(prefix)
            } else {
                rules.far.append(prefix)
            }
        }
        #expect(rules.knowsDistances)
        let torrent = try TestTorrent(files: [("a", noise(100_000))])
        let source = try temporary.directory("source")
        try torrent.write(under: source)
        let (seed, node) = (try engine("127.0.0.1"), try engine("127.0.0.2", rules))
        try await withEngines(seed, node) {
            try await seed.add(torrent.spec(at: source, have: torrent.all))
            try await node.add(torrent.spec(at: temporary.directory("node")))
            try await node.connect(torrent.infoHash, to: seed.endpoint())
            try await node.finished()
            let traffic = await node.totalTraffic()
            #expect(traffic.fromPeers > 0)
            #expect(traffic.fromNearPeers == (expected == .near ? traffic.fromPeers : 0))
            #expect(traffic.fromFarPeers == (expected == .far ? traffic.fromPeers : 0))
        }
    }

    @Test func `a far peer is limited, a near one is not, and both are counted apart`() async throws {
        // The far one would need half a minute.
        let torrent = try TestTorrent(files: [("a", noise(2_000_000))])
        let source = try temporary.directory("source")
        try torrent.write(under: source)
        let rules = try PeerRules(
            near: [prefix("127.0.0.2")], far: [prefix("127.0.0.0/8")], nearUploadPriority: 10,
            farUploadLimit: 64 << 10)
        let (seed, near, far) = (try engine("127.0.0.1", rules), try engine("127.0.0.2"), try engine("127.0.0.3"))
        try await withEngines(seed, near, far) {
            try await seed.add(torrent.spec(at: source, have: torrent.all))
            try await far.add(torrent.spec(at: temporary.directory("far")))
            try await far.connect(torrent.infoHash, to: seed.endpoint())
            // It has begun, before the near one comes.
            try await far.eventsUntil { if case .pieces = $0 { true } else { false } }
            try await near.add(torrent.spec(at: temporary.directory("near")))
            try await near.connect(torrent.infoHash, to: seed.endpoint())
            try await near.finished()
            let status = try #require(await far.status(torrent.infoHash))
            #expect(!status.isFinished && status.payloadDownloaded > 0)
            // What was sent is counted a moment after it has arrived.
            let traffic = try await eventually("the seed has counted all that it sent") {
                let traffic = await seed.totalTraffic()
                return traffic.toNear < 2_000_000 ? nil : traffic
            }
            #expect(traffic.toNear == 2_000_000)
            #expect(traffic.toFar > 0 && traffic.toFar < 2_000_000)
            #expect(traffic.uploaded == traffic.toNear + traffic.toFar)
        }
    }

    /// Neither has a limit of its own; what the seed may send in all is shared out.
    @Test(arguments: [1, 20])
    func `near peers get more of a limited upload`(priority: Int) async throws {
        let length = 1_500_000
        let torrent = try TestTorrent(files: [("a", noise(length))])
        let source = try temporary.directory("source")
        try torrent.write(under: source)
        let seed = try TorrentEngine(
            settings: EngineSettings(
                role: .node, listen: [Endpoint(host: "127.0.0.1", port: 0)], uploadLimit: 250_000,
                peers: PeerRules(
                    near: [prefix("127.0.0.2")], far: [prefix("127.0.0.3")], nearUploadPriority: priority)))
        // They do not deal with each other.
        let near = try engine("127.0.0.2", PeerRules(block: [prefix("127.0.0.3")]))
        let far = try engine("127.0.0.3", PeerRules(block: [prefix("127.0.0.2")]))
        try await withEngines(seed, near, far) {
            try await seed.add(torrent.spec(at: source, have: torrent.all))
            for (node, name) in [(far, "far"), (near, "near")] {
                try await node.add(torrent.spec(at: temporary.directory(name)))
                try await node.connect(torrent.infoHash, to: seed.endpoint())
            }
            try await near.finished()
            let share = Double(await seed.totalTraffic().toFar) / Double(length)
            if priority == 1 { #expect(share > 0.6, "\(share)") } else { #expect(share < 0.5, "\(share)") }
        }
    }

    @Test func `a far peer's uploads are limited as well`() async throws {
        let torrent = try TestTorrent(files: [("a", noise(2_000_000))])
        let source = try temporary.directory("source")
        try torrent.write(under: source)
        let rules = try PeerRules(far: [prefix("::/0")], farDownloadLimit: 64 << 10)
        let (seed, limited, free) = (try engine("127.0.0.1"), try engine("127.0.0.2", rules), try engine("127.0.0.3"))
        try await withEngines(seed, limited, free) {
            try await seed.add(torrent.spec(at: source, have: torrent.all))
            try await limited.add(torrent.spec(at: temporary.directory("limited")))
            try await limited.connect(torrent.infoHash, to: seed.endpoint())
            try await limited.eventsUntil { if case .pieces = $0 { true } else { false } }
            try await free.add(torrent.spec(at: temporary.directory("free")))
            try await free.connect(torrent.infoHash, to: seed.endpoint())
            try await free.finished()
            #expect(await limited.status(torrent.infoHash)?.isFinished == false)
            let traffic = await limited.totalTraffic()
            #expect(traffic.fromFar > 0 && traffic.fromFar == traffic.fromPeers)
            #expect(traffic.fromFarPeers == traffic.fromFar && traffic.fromNearPeers == 0)
            #expect(await free.totalTraffic().fromFar == 0)
        }
    }
}

extension PeerRules {
    /// What the rules say of an address.
    fileprivate func admits(_ text: String) throws -> Bool {
        let address = try #require(IPAddress(text))
        func holds(_ list: List, _ prefixes: [IPPrefix]) -> Bool {
            (prefixes + networks.filter { $0.list == list }.flatMap(\.prefixes)).contains { $0.contains(address) }
        }
        return (!has(.allow) || holds(.allow, allow)) && !holds(.block, block)
    }
}
