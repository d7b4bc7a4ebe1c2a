import FoundationEssentials
import SwarmCore
import SwarmTestSupport
import Testing
import TrackerCore

@testable import TrackerServer

struct HistoryStoreTests {
    private func key(_ set: SwarmCore.SetName, _ digit: Int) throws -> SnapshotKey {
        SnapshotKey(set, try #require(SnapshotID("6f1c2a9e-0000-4000-8000-00000000000\(digit)")))
    }

    private func sample(_ second: Int, _ had: Int64) -> ProgressSample {
        ProgressSample(
            time: ManualClock.start.addingTimeInterval(Double(second)),
            counts: .init(nodes: 4, complete: 1, active: 0, bytesTotal: 1000, bytesHad: had))
    }

    @Test func survivesARestart() throws {
        let directory = try TemporaryDirectory("tracker")
        let store = try TrackerStore(path: directory["t.sqlite"])
        let (first, second) = (try key(demo, 1), try key(debian, 2))
        var changes = ProgressHistory.Changes()
        changes.added = [first: [sample(0, 1), sample(20, 2), sample(40, 3)], second: [sample(0, 7)]]
        try store.save(changes)
        let again = try TrackerStore(path: directory["t.sqlite"])
        #expect(try again.history().samples == changes.added)

        var later = ProgressHistory.Changes()
        later.removed = [first: [sample(20, 2).time]]
        later.forgotten = [second]
        try again.save(later)
        #expect(try store.history().samples == [first: [sample(0, 1), sample(40, 3)]])
        try store.replaceHistory(ProgressHistory([second: [sample(5, 5)]]))
        #expect(try again.history().samples == [second: [sample(5, 5)]])
    }

    @Test func fullDiskLosesNothing() throws {
        try #require(SmallDisk.isPossible, "needs to mount a small disk, so to be root")
        let disk = try SmallDisk(megabytes: 1)
        let store = try TrackerStore(path: "\(disk.path)/t.sqlite")
        let clock = ManualClock()
        let tracker = Tracker(try .test(), clock: clock.clock)
        let snapshot = try key(demo, 1)
        tracker.followDemo(snapshot.snapshot)
        tracker.register([(NodeRegistration(name: node("a")), NodeToken.random().digest)])
        var keeper = HistoryKeeper(tracker, store)
        func report(_ had: Int64) throws {
            clock.advance(30)
            #expect(
                tracker.take(
                    TrackerServerTests.report("a", snapshot.snapshot, state: .fetching, had: had), from: ip("192.0.2.1")
                ))
            try keeper.work()
        }
        try report(1)
        disk.fill()
        // What is in SQLite's journal already has room for a little more.
        _ = #expect(throws: TrackerError.self) { for step in 2..<1000 { try report(Int64(step)) } }
        disk.free()
        try report(5000)
        #expect(try store.history().samples == tracker.history.samples)
        #expect(tracker.history.samples[snapshot]?.last?.counts.bytesHad == 100)
    }
}

extension Tracker {
    /// Takes a feed of the set `demo` with one snapshot of 100 bytes.
    func followDemo(_ snapshot: SnapshotID, hold: Bool = false) {
        guard let digest = SHA256Digest(bytes: [UInt8](repeating: 0, count: 32)) else { return }
        let entry = Feed.Entry(
            uuid: snapshot, serial: 1, created: ManualClock.start, manifest: Pinned(size: 1, sha256: digest), files: 1,
            bytes: 100, activation: Activation(hold: hold, notBefore: ManualClock.start))
        let feed = Feed(
            set: demo, version: 3, issued: ManualClock.start, expires: ManualClock.start.addingTimeInterval(1000),
            snapshots: [entry])
        follow(feed, torrents: [hash(7)], masters: [], isPrivate: true)
    }
}
