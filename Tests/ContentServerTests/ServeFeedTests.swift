import Glibc
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

@testable import ContentServer

@Suite("The feed over HTTP", .timeLimit(.minutes(1)))
struct ServeFeedTests {
    /// A box, and the numbers of its waiters as they change.
    private func box() -> (FeedBox, AsyncStream<Int>) {
        let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
        return (FeedBox(waitersChanged: { continuation.yield($0) }), stream)
    }

    @Test("200, 304, and a small poll")
    func plain() async throws {
        let mirror = try TestMirror()
        try await mirror.serve { _, endpoint in
            try await offload {
                let client = try RawConnection(to: endpoint)
                let path = "/.swarm/debian/feed"
                #expect(try client.request(path).status == 404)
                mirror.feed.publish(version: 41, bytes: Array("signed".utf8))
                let full = try client.request(path)
                #expect(full.text == "signed")
                #expect(full.headers["etag"] == #""41""#)
                #expect(full.headers["cache-control"] == "no-cache")
                #expect(try client.request(path + "?after=40").text == "signed")
                #expect(try client.request("HEAD", path).headers["content-length"] == "6")
                let headers = ["User-Agent: swarm-node/1.0", #"If-None-Match: "41""#]
                let poll = try client.request(path + "?after=41", headers)
                #expect(poll.status == 304)
                let sent = RawConnection.request("GET", path + "?after=41", headers).utf8.count
                #expect(sent + poll.wireBytes < 600)
                #expect(try client.request("/.swarm/fedora/feed").status == 404)
                #expect(try client.request(path + "?after=x").status == 400)
            }
        }
    }

    @Test("A poll is held until a newer feed, and ends without one after its time")
    func hold() async throws {
        let (feed, changes) = box()
        let mirror = try TestMirror(feed: feed)
        feed.publish(version: 1, bytes: [1])
        try await mirror.serve { _, endpoint in
            var counts = changes.makeAsyncIterator()
            let client = try RawConnection(to: endpoint)
            try client.send(RawConnection.request("GET", "/.swarm/debian/feed?after=1&wait=3600"))
            #expect(await counts.next() == 1)
            feed.publish(version: 1, bytes: [1])
            feed.publish(version: 2, bytes: Array("two".utf8))
            #expect(try await offload { try client.response().text } == "two")
            #expect(await counts.next() == 0)
            let late = try await offload { try client.request("/.swarm/debian/feed?after=2&wait=1") }
            #expect(late.status == 304)
            #expect(late.headers["etag"] == #""2""#)
            // A time-out leaves the connection usable.
            #expect(try await offload { try client.request("/.swarm/debian/feed").text } == "two")
        }
    }

    @Test("Who takes documents gets them with the feed when they are there, and others get the feed at once")
    func documents() async throws {
        let (feed, changes) = box()
        let mirror = try TestMirror(feed: feed)
        feed.publish(version: 1, bytes: [1], documents: ["manifests/a": [7]])
        try await mirror.serve { _, endpoint in
            var counts = changes.makeAsyncIterator()
            let path = "/.swarm/debian/feed"
            let (taker, plain) = (try RawConnection(to: endpoint), try RawConnection(to: endpoint))
            // Nobody has the version before the first.
            let first = try await offload { try plain.request("\(path)?after=0&with=documents") }
            #expect(first.headers["content-type"] == "text/plain; charset=utf-8" && first.body == [1])
            try taker.send(RawConnection.request("GET", "\(path)?after=1&wait=3600&with=documents"))
            #expect(await counts.next() == 1)
            try plain.send(RawConnection.request("GET", "\(path)?after=1&wait=3600"))
            #expect(await counts.next() == 2)
            let bundle = FeedBundle(feed: Array("two".utf8), documents: ["deltas/b": [8, 9], "manifests/a": [7]])
            feed.publish(version: 2, bytes: bundle.feed, isComplete: false)
            #expect(await counts.next() == 1)
            #expect(try await offload { try plain.response().text } == "two")
            // Nor does one that comes now, and is willing to wait; one that is not gets the feed.
            let late = try RawConnection(to: endpoint)
            try late.send(RawConnection.request("GET", "\(path)?after=1&wait=3600&with=documents"))
            #expect(await counts.next() == 2)
            #expect(try await offload { try plain.request("\(path)?after=1&with=documents").text } == "two")
            feed.complete(version: 1, documents: [:])
            feed.complete(version: 2, documents: bundle.documents)
            #expect(await counts.next() == 0)
            for client in [taker, late] {
                let answer = try await offload { try client.response() }
                #expect(answer.headers["content-type"] == FeedBundle.mediaType && answer.headers["etag"] == #""2""#)
                #expect(try FeedBundle(encoded: answer.body) == bundle)
            }
            // Who is further behind asks for what he needs.
            #expect(try await offload { try plain.request("\(path)?after=0&with=documents").text } == "two")
            feed.publish(version: 3, bytes: Array("three".utf8))
            #expect(try await offload { try plain.request("\(path)?after=2&with=documents").text } == "three")
        }
    }

    @Test("A client that goes is forgotten")
    func gone() async throws {
        let (feed, changes) = box()
        let mirror = try TestMirror(feed: feed)
        try await mirror.serve { _, endpoint in
            var counts = changes.makeAsyncIterator()
            var client: RawConnection? = try RawConnection(to: endpoint)
            try client?.send(RawConnection.request("GET", "/.swarm/debian/feed?wait=3600"))
            #expect(await counts.next() == 1)
            client = nil
            #expect(await counts.next() == 0)
        }
    }

    @Test("A thousand held polls are all answered by one publication")
    func thousand() async throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let (feed, changes) = box()
        let mirror = try TestMirror(feed: feed)
        feed.publish(version: 1, bytes: [1])
        try await mirror.serve { _, endpoint in
            let clients = try await offload {
                try (0..<1000).map { _ in
                    let client = try RawConnection(to: endpoint)
                    try client.send(RawConnection.request("GET", "/.swarm/debian/feed?after=1&wait=3600"))
                    return client
                }
            }
            for await count in changes where count == clients.count { break }
            feed.publish(version: 2, bytes: Array("two".utf8))
            let answers = try await offload { try clients.map { try $0.response().text } }
            #expect(answers == Array(repeating: "two", count: clients.count))
        }
    }

    @Test("A shutdown answers the held polls and closes")
    func shutdown() async throws {
        let (feed, changes) = box()
        let mirror = try TestMirror(feed: feed)
        feed.publish(version: 5, bytes: [5])
        try await mirror.serve { server, endpoint in
            var counts = changes.makeAsyncIterator()
            let client = try RawConnection(to: endpoint)
            let idle = try RawConnection(to: endpoint)
            #expect(try await offload { try idle.request("/.swarm/debian/feed").status } == 200)
            try client.send(RawConnection.request("GET", "/.swarm/debian/feed?after=5&wait=3600"))
            #expect(await counts.next() == 1)
            await server.shutdown()
            try await offload {
                let response = try client.response()
                #expect(response.status == 304)
                #expect(response.headers["connection"] == "close")
                #expect(try client.isAtEnd())
                #expect(try idle.isAtEnd())
                #expect(throws: ClientFailure.self) { try RawConnection(to: endpoint) }
            }
        }
    }
}
