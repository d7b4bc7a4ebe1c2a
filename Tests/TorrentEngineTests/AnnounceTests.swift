import SwarmCore
import class SwarmTestSupport.SmallHTTPServer
import Synchronization
import Testing
import TorrentEngine

@Suite(.timeLimit(.minutes(1)))
struct AnnounceTests {
    private let temporary: TemporaryDirectory
    private let torrent: TestTorrent

    init() throws {
        temporary = try TemporaryDirectory()
        torrent = try TestTorrent(files: [("a", noise(65_536))])
    }

    /// A tracker that refuses so many announces, and then answers without peers. Each announce is an element.
    private static func tracker(refusals: Int) throws -> (server: SmallHTTPServer, announces: AsyncStream<Int>) {
        let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
        let count = Counter()
        let server = try SmallHTTPServer { _ in
            let number = count.value.add(1, ordering: .relaxed).newValue
            continuation.yield(number)
            let answer = number <= refusals ? "d14:failure reason7:not yete" : "d8:intervali300e5:peers0:e"
            return .ok(Array(answer.utf8))
        }
        return (server, stream)
    }

    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
    }

    private func spec(_ tracker: SmallHTTPServer) throws -> TorrentSpec {
        var spec = torrent.spec(at: try temporary.directory("tree"))
        spec.trackers = ["\(tracker.url)/announce"]
        return spec
    }

    @Test func `a torrent that is refused is announced again soon, until it is taken`() async throws {
        let (server, announces) = try Self.tracker(refusals: 3)
        defer { server.stop() }
        let engine = try TorrentEngine.local()
        try await withEngines(engine) {
            let start = ContinuousClock.now
            try await engine.add(spec(server))
            for await number in announces where number == 4 { break }
            // By itself, libtorrent would wait 10, 25 and 50 seconds after the refusals.
            #expect(ContinuousClock.now - start < .seconds(45))
        }
    }

    @Test func `a tracker that goes on refusing is told of`() async throws {
        let (server, _) = try Self.tracker(refusals: .max)
        defer { server.stop() }
        let engine = try TorrentEngine.local()
        try await withEngines(engine) {
            let start = ContinuousClock.now
            try await engine.add(spec(server))
            let last = try await engine.eventsUntil { if case .trackerError = $0 { true } else { false } }.last
            guard case .trackerError(let infoHash, let url, let message)? = last else { return }
            #expect(infoHash == torrent.infoHash && url == "\(server.url)/announce" && message.contains("not yet"))
            #expect(ContinuousClock.now - start > .seconds(1))
        }
    }
}
