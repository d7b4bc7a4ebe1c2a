import FoundationEssentials
import SwarmCore
import Testing

@Suite("What a node does next")
struct NextStepTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_000)

    private func id(_ number: Int) throws -> SnapshotID {
        try #require(SnapshotID("00000000-0000-4000-8000-00000000000\(number)"))
    }

    private func feed(_ entries: [(number: Int, hold: Bool, in: TimeInterval)], tags: [String: Int] = [:]) throws
        -> Feed
    {
        let set = try #require(SetName("demo"))
        let digest = try #require(SHA256Digest(bytes: [UInt8](repeating: 7, count: 32)))
        return Feed(
            set: set, version: 1, issued: now, expires: now.addingTimeInterval(60),
            snapshots: try entries.map {
                Feed.Entry(
                    uuid: try id($0.number), serial: Serial($0.number), created: now,
                    manifest: Pinned(size: 1, sha256: digest),
                    files: 1, bytes: 1,
                    activation: Activation(hold: $0.hold, notBefore: now.addingTimeInterval($0.in)))
            },
            tags: try tags.mapValues { try id($0) })
    }

    private func local(_ states: [Int: LocalSnapshot.State]) throws -> [LocalSnapshot] {
        try states.sorted { $0.key < $1.key }.map {
            LocalSnapshot(uuid: try id($0.key), serial: Serial($0.key), state: $0.value)
        }
    }

    private func decide(
        _ feed: Feed?, _ states: [Int: LocalSnapshot.State], tagged: [Int] = [], keep: Int = 1
    ) throws -> NextStep {
        NextStep.decide(
            feed: feed, local: try local(states), tagged: Set(try tagged.map { try id($0) }), keep: keep, now: now)
    }

    @Test("Without a feed nothing happens")
    func noFeed() throws {
        #expect(try decide(nil, [1: .ready]) == .wait(until: nil))
    }

    @Test("The newest snapshot is fetched, those between are not")
    func newest() throws {
        let feed = try feed([(1, false, 0), (2, false, 0), (3, false, 0)])
        #expect(try decide(feed, [1: .active]) == .fetch(try id(3)))
        #expect(try decide(feed, [1: .active, 2: .fetching]) == .fetch(try id(3)))
    }

    @Test(
        "During an embargo, what readers may see comes first; then the one that waits; and what was begun is finished")
    func embargo() throws {
        let feed = try feed([(1, false, 0), (2, false, 0), (3, true, 0)])
        #expect(try decide(feed, [:]) == .fetch(try id(2)))
        #expect(try decide(feed, [1: .active]) == .fetch(try id(2)))
        #expect(try decide(feed, [1: .active, 2: .fetching]) == .fetch(try id(2)))
        #expect(try decide(feed, [1: .retained, 2: .active]) == .fetch(try id(3)))
        #expect(try decide(feed, [1: .active, 3: .fetching]) == .fetch(try id(3)))
        #expect(try decide(feed, [1: .active, 3: .ready]) == .wait(until: nil))
    }

    @Test("A ready snapshot becomes current when its time has come, and not before")
    func time() throws {
        #expect(try decide(try feed([(1, false, 0)]), [1: .ready]) == .activate(try id(1)))
        #expect(try decide(try feed([(1, false, 5)]), [1: .ready]) == .wait(until: now.addingTimeInterval(5)))
    }

    @Test("A held snapshot waits, whatever its time; a newer one that is not held goes past it")
    func hold() throws {
        #expect(try decide(try feed([(1, true, 0)]), [1: .ready]) == .wait(until: nil))
        #expect(try decide(try feed([(1, true, 0), (2, false, 0)]), [1: .ready, 2: .ready]) == .activate(try id(2)))
    }

    @Test("What is older than the current snapshot is never activated, but let go")
    func neverBack() throws {
        let feed = try feed([(1, false, 0), (2, false, 0)])
        #expect(try decide(feed, [1: .ready, 2: .active]) == .release([try id(1)]))
    }

    @Test("A ready snapshot that left the feed is let go and not activated")
    func withdrawn() throws {
        #expect(try decide(try feed([(1, false, 0)]), [1: .active, 2: .ready]) == .release([try id(2)]))
    }

    @Test("Retained snapshots beyond the limit are let go, tagged ones stay")
    func retention() throws {
        let states: [Int: LocalSnapshot.State] = [1: .retained, 2: .retained, 3: .retained, 4: .active]
        let plain = try feed([(4, false, 0)])
        #expect(try decide(plain, states) == .release([try id(2), try id(1)]))
        #expect(try decide(plain, states, tagged: [1]) == .release([try id(2)]))
        #expect(try decide(try feed([(4, false, 0)], tags: ["stable": 2]), states) == .release([try id(1)]))
        #expect(try decide(plain, states, keep: 3) == .wait(until: nil))
    }

    @Test("A tree that was left half linked is finished first")
    func building() throws {
        #expect(try decide(try feed([(1, false, 0), (3, false, 0)]), [1: .active, 2: .building]) == .fetch(try id(2)))
    }

    @Test("A spare snapshot that is the feed's newest again is not fetched over an active newer one")
    func spare() throws {
        #expect(try decide(try feed([(1, false, 0)]), [1: .spare, 2: .active]) == .wait(until: nil))
    }

    @Test("While a newer one is fetched, an older one is still activated on time")
    func activationWhileFetching() throws {
        let feed = try feed([(1, false, 0), (2, false, 30), (3, false, 60)])
        let states: [Int: LocalSnapshot.State] = [1: .active, 2: .ready, 3: .fetching]
        #expect(try decide(feed, states) == .fetch(try id(3)))
        #expect(NextStep.nextActivation(feed: feed, local: try local(states), now: now) == now.addingTimeInterval(30))
    }
}
