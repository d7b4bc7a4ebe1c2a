import FoundationEssentials
import SwarmCore
import Testing

struct FeedTests {
    static let issued = Date(timeIntervalSince1970: 1_700_000_000)
    let set: SetName
    let feed: Feed

    init() throws {
        set = try #require(SetName("debian"))
        let digest = try #require(SHA256Digest(bytes: Array(repeating: 7, count: 32)))
        let ids = try ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"].map {
            try #require(SnapshotID($0))
        }
        let entries = ids.enumerated().map { index, id in
            Feed.Entry(
                uuid: id, serial: Serial(index + 1), created: Self.issued, manifest: Pinned(size: 100, sha256: digest),
                files: 3, bytes: 4_000_000_000, activation: Activation(hold: index == 1, notBefore: Self.issued))
        }
        feed = Feed(
            set: set, version: 5, issued: Self.issued, expires: Self.issued.addingTimeInterval(3600),
            snapshots: entries, tags: ["stable": ids[0]], trackers: ["http://tracker.example/announce"],
            urls: ["https://mirror.example/"], peers: [Endpoint(host: "", port: 6881)])
    }

    private func check(
        _ feed: Feed, expecting set: SetName? = nil, accepted: UInt64 = 5, at seconds: TimeInterval = 0
    ) throws(FeedRefusal) {
        try feed.check(expecting: set, acceptedVersion: accepted, now: Self.issued.addingTimeInterval(seconds))
    }

    @Test("a good feed is accepted, its own version again too")
    func accepted() throws {
        try check(feed, expecting: set)
        try check(feed, accepted: 0, at: 3599)
        #expect(feed.newest?.serial == 2)
        #expect(feed.entry(feed.snapshots[0].uuid) == feed.snapshots[0])
    }

    @Test("a feed is refused for another set, an unknown format, a lower version, its age, and its order")
    func refused() throws {
        let fedora = try #require(SetName("fedora"))
        #expect(throws: FeedRefusal.wrongSet(expected: fedora, found: set)) { try check(feed, expecting: fedora) }
        #expect(throws: FeedRefusal.rolledBack(accepted: 6, offered: 5)) { try check(feed, accepted: 6) }
        #expect(throws: FeedRefusal.expired(at: feed.expires)) { try check(feed, at: 3600) }
        try check(feed, at: -Feed.clockTolerance)
        let early = Self.issued.addingTimeInterval(-601)
        #expect(throws: FeedRefusal.issuedInFuture(at: feed.issued, now: early)) { try check(feed, at: -601) }
        var other = feed
        other.format = 2
        #expect(throws: FeedRefusal.unknownFormat(2)) { try check(other) }
        other = feed
        other.snapshots.reverse()
        #expect(throws: FeedRefusal.notInOrder) { try check(other) }
        other.snapshots = [feed.snapshots[0], feed.snapshots[0]]
        #expect(throws: FeedRefusal.notInOrder) { try check(other) }
        // Each would be a link beside the others: none may lead out of their directory.
        for tag in ["", ".", "..", "../../current", "a/b", "a b", "x~", "ä", String(repeating: "t", count: 65)] {
            other = feed
            other.tags[tag] = feed.snapshots[0].uuid
            #expect(throws: FeedRefusal.badTag(tag)) { try check(other) }
        }
        other = feed
        other.tags["12.9-rc_1.new"] = feed.snapshots[0].uuid
        try check(other)
    }

    @Test("each refusal says what to make of it")
    func refusalTexts() {
        let texts = [
            FeedRefusal.wrongSet(expected: set, found: set), .unknownFormat(2), .rolledBack(accepted: 6, offered: 5),
            .expired(at: Self.issued), .notInOrder, .issuedInFuture(at: Self.issued, now: feed.expires),
        ].map(\.description)
        #expect(Set(texts).count == texts.count)
        #expect(texts[3].contains("2023-11-14T22:13:20Z"))
    }

    @Test("equal feeds give equal bytes, and the bytes give the feed")
    func canonicalBytes() throws {
        let bytes = try Documents.encode(feed)
        #expect(try Documents.decode(Feed.self, from: bytes) == feed)
        #expect(try Documents.encode(Documents.decode(Feed.self, from: bytes)) == bytes)
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(
            text.hasPrefix(
                #"{"expires":"2023-11-14T23:13:20Z","format":1,"issued":"2023-11-14T22:13:20Z","peers":[":6881"]"#))
        #expect(text.hasSuffix("}\n"))
        #expect(text.contains(#""urls":["https://mirror.example/"]"#))
    }

    @Test("suggestions are in the feed's bytes; a feed without any has the bytes that it always had")
    func prefetch() throws {
        #expect(!String(decoding: try Documents.encode(feed), as: UTF8.self).contains("prefetch"))
        var other = feed
        other.prefetch = PrefetchList(["pool/b", "pool/a", "pool/b", ""])
        let bytes = try Documents.encode(other)
        #expect(String(decoding: bytes, as: UTF8.self).contains(#""prefetch":["pool/b","pool/a"],"set""#))
        let read = try Documents.decode(Feed.self, from: bytes)
        #expect(read == other && read.prefetch.paths == ["pool/b", "pool/a"])
        #expect(try Documents.encode(read) == bytes)
    }

    @Test("suggestions are bounded, whoever signs them")
    func prefetchBounds() throws {
        #expect(PrefetchList((0..<2000).map { "f\($0)" }).paths == (0..<1000).map { "f\($0)" })
        let long = (0..<100).map { String(repeating: "x", count: 1000) + String($0) }
        let kept = PrefetchList(long).paths
        #expect(kept.count == 65 && kept.reduce(0) { $0 + $1.utf8.count + 3 } <= PrefetchList.sizeLimit)
        // As a hostile, or a later, master may write it.
        func decoded(_ value: String) throws -> [String] {
            let text = String(decoding: try Documents.encode(feed), as: UTF8.self)
            let other = text.replacing(#""set":"#, with: #""prefetch":\#(value),"set":"#)
            return try Documents.decode(Feed.self, from: Array(other.utf8)).prefetch.paths
        }
        #expect(try decoded(#"["a","../../etc/passwd"]"#) == ["a", "../../etc/passwd"])
        let many = (0..<5000).map { #""f\#($0)""# }.joined(separator: ",")
        #expect(try decoded("[\(many)]").count == 1000)
        for value in ["null", "7", #""a""#, #"{"a":1}"#, #"["a",7]"#] { #expect(try decoded(value) == []) }
    }

    @Test("a manifest adds its shards up and comes back from its bytes")
    func manifest() throws {
        let hash = try #require(InfoHash(bytes: Array(repeating: 1, count: 20)))
        let shards = [("", nil), ("pool/a", Priority.payload)].map { directory, priority in
            Manifest.Shard(
                start: directory, priority: priority, infoHash: hash, torrent: feed.snapshots[0].manifest,
                compressedSize: 50, classes: ["4": .init(files: 2, bytes: 10), "1": .init(files: 1, bytes: 5)])
        }
        let manifest = Manifest(
            set: set, uuid: feed.snapshots[1].uuid, serial: 2, parent: feed.snapshots[0].uuid, created: Self.issued,
            pieceLength: 65536, shards: shards, deleted: .init(files: 1, bytes: 1))
        #expect(manifest.totals == .init(files: 6, bytes: 30))
        #expect(manifest.shards.map(\.label) == [".", "pool/a@4"])
        #expect(try Documents.decode(Manifest.self, from: Documents.encode(manifest)) == manifest)
    }

    @Test("a document that does not fit names the key")
    func badDocument() {
        let error = #expect(throws: DecodingError.self) {
            try Documents.decode(Activation.self, from: Array(#"{"hold":1,"notBefore":"2023-11-14T22:13:20Z"}"#.utf8))
        }
        #expect("\(error.debugDescription)".contains("hold"))
        #expect(throws: (any Error).self) { try Documents.decode(Activation.self, from: Array("{".utf8)) }
    }
}
