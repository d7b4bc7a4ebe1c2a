import SwarmTestSupport
import FoundationEssentials
import NIOCore
import NIOEmbedded
import NIOHTTP1
import SwarmCore
import Testing
import TrackerCore

@testable import TrackerServer

/// What each stream is sent, second by second.
struct EventStreamsTests {
    private let tracker: Tracker
    private let snapshot: SnapshotID
    private let streams = EventStreams()

    init() throws {
        tracker = Tracker(try .test(), clock: ManualClock().clock)
        snapshot = try #require(SnapshotID("6f1c2a9e-0000-4000-8000-000000000000"))
        tracker.followDemo(snapshot)
        tracker.register([(NodeRegistration(name: node("a")), NodeToken.random().digest)])
    }

    /// A second in which the node has so many bytes.
    private func send(_ had: Int64) {
        _ = tracker.take(report("a", snapshot, state: .fetching, had: had), from: ip("192.0.2.1"))
        streams.send(LiveState(tracker.report()))
    }

    private func open() -> EmbeddedChannel? {
        let channel = EmbeddedChannel()
        return streams.add(channel) ? channel : nil
    }

    private func received(_ channel: EmbeddedChannel) throws -> [String] {
        var texts: [String] = []
        while let part = try channel.readOutbound(as: HTTPServerResponsePart.self) {
            if case .body(.byteBuffer(let bytes)) = part { texts.append(String(buffer: bytes)) }
        }
        return texts
    }

    @Test func theSameBytesGoToAll() throws {
        let channels = try (0..<3).map { _ in try #require(open()) }
        send(10)
        let first = try channels.map { try received($0) }
        #expect(first[0].count == 1 && first[0][0].contains("10 %") && first[0][0].contains("summary"))
        #expect(first[1] == first[0] && first[2] == first[0])
        send(20)
        let second = try channels.map { try received($0) }
        #expect(second[0].count == 1 && second[0][0].contains("20 %") && !second[0][0].contains("summary"))
        #expect(second[1] == second[0] && second[2] == second[0])
        send(20)
        #expect(try channels.allSatisfy { try received($0).isEmpty })
    }

    @Test func quietStreamsHearThatTheyLive() throws {
        let channel = try #require(open())
        send(10)
        _ = try received(channel)
        for _ in 1..<EventStreams.heartbeat { send(10) }
        #expect(try received(channel).isEmpty)
        send(10)
        #expect(try received(channel) == [": still here\n\n"])
    }

    @Test func whoMissedSomethingIsSentAll() throws {
        let (slow, other) = (try #require(open()), try #require(open()))
        send(10)
        _ = try (received(slow), received(other))
        slow.isWritable = false
        send(20)
        send(30)
        #expect(try received(slow).isEmpty)
        #expect(try received(other).count == 2)
        slow.isWritable = true
        send(30)
        let missed = try received(slow)
        #expect(missed.count == 1 && missed[0].contains("30 %") && missed[0].contains("summary"))
        #expect(try received(other).isEmpty)
    }

    @Test func whoReadsNothingIsClosed() throws {
        let (stuck, other) = (try #require(open()), try #require(open()))
        send(10)
        stuck.isWritable = false
        for _ in 0..<EventStreams.patience { send(10) }
        stuck.embeddedEventLoop.run()
        #expect(streams.count == 1)
        #expect(try received(other).count > 1)
        streams.close()
        other.embeddedEventLoop.run()
        #expect(streams.isEmpty)
    }

    @Test func thereIsALimit() throws {
        let channels = (0..<EventStreams.limit).compactMap { _ in open() }
        #expect(channels.count == EventStreams.limit)
        #expect(open() == nil)
        channels[0].close(promise: nil)
        channels[0].embeddedEventLoop.run()
        #expect(open() != nil)
    }
}
