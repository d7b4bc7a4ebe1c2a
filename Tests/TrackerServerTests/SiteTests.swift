import FoundationEssentials
import NIOHTTP1
import PlaceDatabases
import SwarmCore
import SwarmTestSupport
import Synchronization
import Testing
import TrackerCore

@testable import TrackerServer

struct SiteTests {
    private let clock = ManualClock()
    private let tracker: Tracker
    private let site: Site
    private let snapshot: SnapshotID
    private let tokens = ["a": NodeToken.random(), "b": NodeToken.random()]

    init() throws {
        tracker = Tracker(
            try .test(
                """
                [[place]]
                prefix = "198.51.100.0/24"
                region = "south"
                country = "CL"
                [[set]]
                name = "demo"
                upstream = "http://127.0.0.1:9"
                key = "debian-archive+614c1832+ASKZDIwtVCV3Are+WQlDBZaCTzS02GgDs203lqniJwyC"
                """),
            clock: clock.clock)
        site = Site(tracker: tracker)
        snapshot = try #require(SnapshotID("6f1c2a9e-0000-4000-8000-000000000000"))
        let digest = try #require(SHA256Digest(bytes: [UInt8](repeating: 0, count: 32)))
        let entry = Feed.Entry(
            uuid: snapshot, serial: 1, created: ManualClock.start, manifest: Pinned(size: 1, sha256: digest), files: 1,
            bytes: 100, activation: Activation(hold: true, notBefore: ManualClock.start))
        let feed = Feed(
            set: demo, version: 3, issued: ManualClock.start, expires: ManualClock.start.addingTimeInterval(1000),
            snapshots: [entry])
        tracker.follow(
            feed, torrents: [hash(7)], masters: [PeerEndpoint(address: ip("203.0.113.9"), port: 6881)], isPrivate: true)
        tracker.register(
            tokens.map { name, token in
                let place = name == "a" ? "north" : nil
                return (NodeRegistration(name: node(name), region: place), token.digest)
            })
    }

    private func post(
        _ report: NodeReport, token: String?, from address: String = "192.0.2.1"
    ) throws -> HTTPResponseStatus {
        let target = try #require(RequestTarget("/api/v1/report"))
        return site.post(
            target, authorization: token.map { "Bearer \($0)" }, body: try Documents.encode(report), from: ip(address)
        ).status
    }

    private func get(_ target: String, from address: String = "192.0.2.1") throws -> Reply {
        site.get(try #require(RequestTarget(target)), from: ip(address))
    }

    private func token(_ name: String) throws -> String { try #require(tokens[name]).text }

    @Test func takesReportsOfTheTokensNode() throws {
        #expect(try post(report("a", snapshot), token: nil) == .unauthorized)
        #expect(try post(report("a", snapshot), token: "0123") == .unauthorized)
        #expect(try post(report("a", snapshot), token: token("b")) == .forbidden)
        #expect(tracker.report().reporting == 0)
        #expect(try post(report("a", snapshot), token: token("a")) == .noContent)
        #expect(tracker.report().reporting == 1)
        #expect(tracker.takeUnsaved().map(\.report.node) == [node("a")])
        #expect(tracker.takeUnsaved().isEmpty)
    }

    @Test func refusesWhatIsNoReport() throws {
        let target = try #require(RequestTarget("/api/v1/report"))
        for body in ["", "{}", "[]", "{\"format\":1,\"node\":\"../a\"}", String(repeating: "[", count: 100_000)] {
            let reply = site.post(
                target, authorization: "Bearer \(try token("a"))", body: Array(body.utf8), from: ip("192.0.2.1"))
            #expect(reply.status == .badRequest)
        }
        var other = report("a", snapshot)
        other.format = 2
        #expect(try post(other, token: token("a")) == .badRequest)
    }

    @Test func answersTheEmbargo() throws {
        func verdict(_ query: String) throws -> EmbargoAnswer {
            let reply = try get("/api/v1/sets/demo/snapshots/latest/embargo\(query)")
            return try Documents.decode(EmbargoAnswer.self, from: reply.body)
        }
        _ = try post(report("a", snapshot), token: token("a"))
        _ = try post(report("b", snapshot, state: .fetching, had: 50), token: token("b"), from: "198.51.100.7")
        #expect(try verdict("").verdict == .hold)
        #expect(try verdict("?threshold=50%25").verdict == .lift)
        #expect(try verdict("?threshold=0.5&per-region=10%25").verdict == .hold)
        #expect(try verdict("?threshold=0.75&by=bytes").count.share == 0.75)
        #expect(try verdict("").regions.map(\.region) == ["north", "south"])
        for query in ["?threshold=2", "?by=luck", "?per-region=x"] {
            #expect(try get("/api/v1/sets/demo/snapshots/latest/embargo\(query)").status == .badRequest)
        }
        // A snapshot may come with the next feed; a set that is not followed does not.
        let unlisted = try get("/api/v1/sets/demo/snapshots/7/embargo")
        #expect(unlisted.status == .notFound && unlisted.headers.contains(name: "Retry-After"))
        let unknown = try get("/api/v1/sets/other/snapshots/latest/embargo")
        #expect(unknown.status == .notFound && !unknown.headers.contains(name: "Retry-After"))
    }

    @Test func listsNearMirrors() throws {
        #expect(try get("/mirrorlist?set=demo").body == [])
        #expect(try get("/redirect/demo/x").status == .serviceUnavailable)
        _ = try post(report("a", snapshot, state: .active), token: token("a"))
        _ = try post(report("b", snapshot, state: .active), token: token("b"), from: "198.51.100.7")
        func list(_ target: String, from address: String) throws -> String {
            String(decoding: try get(target, from: address).body, as: UTF8.self)
        }
        #expect(try list("/mirrorlist?set=demo", from: "198.51.100.9") == "http://b/demo/\nhttp://a/demo/\n")
        #expect(
            try list("/mirrorlist?set=demo&path=dists/a%20b", from: "192.0.2.1")
                == "http://a/demo/dists/a%20b\nhttp://b/demo/dists/a%20b\n")
        #expect(try list("/mirrorlist?set=demo&country=cl", from: "192.0.2.1").hasPrefix("http://b/"))
        #expect(try get("/mirrorlist").status == .badRequest)
        let redirect = try get("/redirect/demo/pool/x%0d%0aSet-Cookie:%20y", from: "198.51.100.9")
        #expect(redirect.status == .found)
        #expect(redirect.headers["Location"] == ["http://b/demo/pool/x%0D%0ASet-Cookie%3A%20y"])
        #expect(
            redirect.headers["Link"] == [
                "<http://a/demo/pool/x%0D%0ASet-Cookie%3A%20y>; rel=duplicate; pri=2",
                "</metalink?set=demo&path=pool/x%0D%0ASet-Cookie%3A%20y>; rel=describedby;"
                    + " type=\"application/metalink4+xml\"",
            ])
        // Who falls silent is sent nobody.
        clock.advance(181)
        #expect(try get("/mirrorlist?set=demo").body == [])
    }

    @Test func saysWhatIsPopular() throws {
        let tracker = Tracker(try .test(Self.followed), clock: clock.clock)
        let site = Site(tracker: tracker)
        tracker.register([(NodeRegistration(name: node("a")), NodeToken.random().digest)])
        var reading = report("a", snapshot, state: .active)
        reading.sets[0].reads = .init(since: ManualClock.start, files: [.init(path: "pool/a", reads: 3)])
        #expect(tracker.take(reading, from: ip("192.0.2.1")))
        reading.sets[0].reads?.files = [.init(path: "pool/a", reads: 4), .init(path: "pool/b", reads: 2)]
        #expect(tracker.take(reading, from: ip("192.0.2.1")))
        func get(_ query: String) throws -> Reply {
            site.get(try #require(RequestTarget("/api/v1/sets/\(query)")), from: ip("192.0.2.1"))
        }
        func files(_ query: String) throws -> [PopularFiles.File] {
            try Documents.decode(PopularFiles.self, from: get("demo/popular\(query)").body).files
        }
        #expect(try files("") == [.init(path: "pool/a", reads: 4), .init(path: "pool/b", reads: 2)])
        #expect(try files("?limit=1").map(\.path) == ["pool/a"])
        for query in ["?limit=0", "?limit=x", "?days=32"] {
            #expect(try get("demo/popular\(query)").status == .badRequest)
        }
        #expect(try get("other/popular").status == .notFound)

        // It is kept.
        let directory = try TemporaryDirectory("tracker")
        let store = try TrackerStore(path: directory["t.sqlite"])
        try tracker.savePopularity(to: store)
        let again = Tracker(try .test(Self.followed), clock: clock.clock)
        try again.restorePopularity(from: try TrackerStore(path: directory["t.sqlite"]))
        #expect(try again.popular(demo, days: 1, limit: 10)?.files == files(""))
        // What is older than it may be goes.
        try store.save([:], oldest: Popularity.day(of: ManualClock.start) + 1)
        #expect(try store.popularity().isEmpty)
    }

    private static let followed = """
        [[set]]
        name = "demo"
        upstream = "http://127.0.0.1:1"
        key = "debian-archive+614c1832+ASKZDIwtVCV3Are+WQlDBZaCTzS02GgDs203lqniJwyC"
        """

    @Test func sendsReadersOnlyWhereTheyCanGo() throws {
        // An address that would end a line of the list, or a header; and a serial that nobody has published.
        var bad = report("a", snapshot, state: .active)
        bad.urls = ["http://a/\r\nSet-Cookie: x", "ftp://a", "http://a/?x#y", "javascript:alert(1)"]
        _ = try post(bad, token: token("a"))
        #expect(try get("/mirrorlist?set=demo").body == [])
        #expect(try get("/redirect/demo/x").status == .serviceUnavailable)
        var liar = report("b", snapshot, state: .active)
        liar.sets[0].current = .init(uuid: snapshot, serial: 999)
        _ = try post(liar, token: token("b"))
        _ = try post(report("a", snapshot, state: .active), token: token("a"))
        #expect(String(decoding: try get("/mirrorlist/demo").body, as: UTF8.self) == "http://a/demo/\n")
        #expect(try get("/mirrorlist/demo/x").status == .notFound)
    }

    @Test func showsTheState() throws {
        _ = try post(report("a", snapshot, state: .fetching, had: 50), token: token("a"))
        #expect(String(decoding: try get("/report.txt").body, as: UTF8.self).contains("demo  feed 3, read 0s ago"))
        #expect(
            try Documents.decode(TrackerReport.self, from: get("/api/v1/report").body).sets[0].snapshots[0].nodes.count
                == 1)
        let metrics = String(decoding: try get("/metrics").body, as: UTF8.self)
        #expect(metrics.contains("swarm_tracker_newest_nodes{set=\"demo\",state=\"fetching\"} 1\n"))
        #expect(metrics.contains("swarm_tracker_requests_total{kind=\"report\"} 1\n"))
        #expect(try get("/healthz").status == .ok)
        for target in ["/nothing", "/api/v1", "/api/v1/sets/demo", "/redirect/..", "/announce.php"] {
            #expect(try get(target).status == .notFound)
        }
    }

    @Test func privateSetsNeedAToken() throws {
        func announce(_ path: String) -> String {
            let target = "\(path)?info_hash=\(String(repeating: "%07", count: 20))&peer_id=aaaaaaaaaaaaaaaaaaaa&port=1"
            return String(decoding: tracker.answer(target.utf8.span, from: ip("192.0.2.1")) ?? [], as: UTF8.self)
        }
        #expect(announce("/announce").contains("for registered nodes"))
        #expect(announce("/announce/0123").contains("nobody's"))
        #expect(announce("/announce/\(try token("a"))").contains("8:intervali"))
        #expect(!announce("/announce/\(try token("a"))").contains("failure"))
        // The signed feed names the master's seed, which has no token.
        let master =
            "/announce?info_hash=\(String(repeating: "%07", count: 20))&peer_id=aaaaaaaaaaaaaaaaaaaa&left=0&port="
        func announce(port: Int, from address: String) -> String {
            String(decoding: tracker.answer("\(master)\(port)".utf8.span, from: ip(address)) ?? [], as: UTF8.self)
        }
        #expect(announce(port: 6881, from: "203.0.113.9").contains("8:intervali"))
        #expect(announce(port: 6882, from: "203.0.113.9").contains("for registered nodes"))
        #expect(announce(port: 6881, from: "192.0.2.1").contains("for registered nodes"))
    }

    @Test func readsRegistrationsAgainForATokenThatNobodyHas() throws {
        let stored = Mutex<[(node: NodeRegistration, token: SHA256Digest)]>([])
        let readings = Mutex(0)
        let tracker = Tracker(try .test(), clock: clock.clock) {
            readings.withLock { $0 += 1 }
            return stored.withLock { $0 }
        }
        let token = NodeToken.random()
        #expect(tracker.node(token: token.text) == nil)
        stored.withLock { $0 = [(NodeRegistration(name: node("new")), token.digest)] }
        // Not more than once a second, whoever asks.
        for _ in 1...3 { #expect(tracker.node(token: token.text) == nil) }
        #expect(readings.withLock { $0 } == 1)
        clock.advance(1)
        #expect(tracker.node(token: token.text)?.name == node("new"))
        clock.advance(1)
        #expect(tracker.node(token: token.text)?.name == node("new"))
        #expect(readings.withLock { $0 } == 2)
    }

    @Test(arguments: ["/%", "/%zz", "/%ff", "/x?a=%0"])
    func brokenTargets(target: String) { #expect(RequestTarget(target) == nil) }
}

struct PlaceOrderTests {
    /// Registration, databases, prefixes: each says what those before it do not.
    @Test func whatIsKnownBetterComesFirst() throws {
        try #require(PlaceDatabaseWriter.isPossible, "needs libmaxmind-db-writer-perl")
        let directory = try TemporaryDirectory("places")
        let facts = "country => { iso_code => 'DE' }, continent => { code => 'EU' }"
        try PlaceDatabaseWriter.city(["192.0.2.0/24": facts, "198.51.100.0/24": facts], to: directory["city.mmdb"])
        let tracker = Tracker(
            try .test(
                """
                [places]
                city = "\(directory["city.mmdb"])"
                [[place]]
                prefix = "192.0.2.0/24"
                region = "north"
                country = "SE"
                asn = 64496
                """))
        #expect(tracker.databases?.refresh().count == 1)
        let table = tracker.place(of: ip("192.0.2.1"))
        #expect(table.country == "DE" && table.region == "north" && table.asn == 64496)
        let member = NodeRegistration(name: node("a"), group: "g", region: "here")
        let registered = tracker.place(of: ip("192.0.2.1"), node: member)
        #expect(registered.region == "here" && registered.group == "g" && registered.country == "DE")
        #expect(tracker.place(of: ip("198.51.100.1")).region == "EU")
        #expect(tracker.place(of: ip("203.0.113.1")) == Place())
    }
}

struct StoreTests {
    @Test func keepsNodesAndReports() throws {
        let directory = try TemporaryDirectory("tracker")
        let store = try TrackerStore(path: directory["t.sqlite"])
        let snapshot = try #require(SnapshotID("6f1c2a9e-0000-4000-8000-000000000000"))
        let first = NodeRegistration(
            name: node("a"), group: "g", region: "r", weight: 3, urls: ["http://a/", "https://a/"])
        let token = NodeToken.random()
        try store.add(first, token: token.digest)
        #expect(throws: TrackerError.self) { try store.add(first, token: NodeToken.random().digest) }
        let stored = TrackerStore.StoredReport(
            report: report("a", snapshot), received: ManualClock.start, address: ip("192.0.2.1"))
        let stranger = TrackerStore.StoredReport(
            report: report("b", snapshot), received: ManualClock.start, address: nil)
        try store.save([stored, stranger])
        try store.save([stored])

        let again = try TrackerStore(path: directory["t.sqlite"])
        #expect(try again.nodes().map(\.node) == [first])
        #expect(try again.nodes().map(\.token) == [token.digest])
        #expect(try again.reports().map(\.report) == [stored.report])
        #expect(try again.reports().first?.received == ManualClock.start)
        #expect(try again.reports().first?.address == ip("192.0.2.1"))

        let version = try store.dataVersion()
        let other = NodeToken.random()
        try again.rotate(node("a"), token: other.digest)
        #expect(try store.dataVersion() != version)
        #expect(try store.nodes().map(\.token) == [other.digest])
        try again.remove(node("a"))
        #expect(try store.nodes().isEmpty)
        #expect(try store.reports().isEmpty)
        #expect(throws: TrackerError.self) { try store.remove(node("a")) }
        #expect(throws: TrackerError.self) { try store.rotate(node("a"), token: other.digest) }
    }

    @Test func keepsSuspicions() throws {
        let directory = try TemporaryDirectory("tracker")
        let store = try TrackerStore(path: directory["t.sqlite"])
        try store.add(NodeRegistration(name: node("a")), token: NodeToken.random().digest)
        let key = ProbeCandidate.Key(node: node("a"), set: demo)
        let suspicion = Suspicion(since: ManualClock.start, reason: "“Release” is answered with the status 404")
        let proof = ProbeQuestion.Proof.piece(hash(7), zerosBefore: 1, zerosBehind: 2)
        let open = OpenQuestion(
            snapshot: try #require(SnapshotID("6f1c2a9e-0000-4000-8000-000000000000")),
            question: ProbeQuestion(10..<20, of: "pool/a", length: 30, proof: proof))
        try store.save(suspicion, open, of: key)
        try store.save(suspicion, nil, of: .init(node: node("nobody"), set: demo))
        let again = try TrackerStore(path: directory["t.sqlite"])
        #expect(try again.suspicions() == [.init(key: key, suspicion: suspicion, open: open)])
        try again.save(nil, nil, of: key)
        #expect(try store.suspicions().isEmpty)
        try store.save(suspicion, nil, of: key)
        #expect(try store.suspicions().map(\.open) == [nil])
        try store.remove(node("a"))
        #expect(try store.suspicions().isEmpty)
    }

    @Test func fullDiskLosesNothing() throws {
        try #require(SmallDisk.isPossible, "needs to mount a small disk, so to be root")
        let disk = try SmallDisk(megabytes: 1)
        let store = try TrackerStore(path: "\(disk.path)/t.sqlite")
        let snapshot = try #require(SnapshotID("6f1c2a9e-0000-4000-8000-000000000000"))
        try store.add(NodeRegistration(name: node("a")), token: NodeToken.random().digest)
        let tracker = Tracker(try .test())
        tracker.register(try store.nodes())
        var large = report("a", snapshot)
        large.urls = [String(repeating: "x", count: 200_000)]
        disk.fill()
        #expect(tracker.take(large, from: ip("192.0.2.1")))
        let reports = tracker.takeUnsaved()
        #expect(throws: TrackerError.self) { try store.save(reports) }
        tracker.putBack(reports)
        disk.free()
        try store.save(tracker.takeUnsaved())
        #expect(try store.reports().map(\.report) == [large])
    }

    @Test func saysWhereItCannotBe() {
        let error = #expect(throws: TrackerError.self) { try TrackerStore(path: "/nowhere/t.sqlite") }
        #expect(error?.message.hasPrefix("the database /nowhere/t.sqlite cannot be used") == true)
    }
}
