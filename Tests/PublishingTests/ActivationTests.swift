import FileTree
import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

@testable import Publishing

/// Embargo, delay, tags and retention, by a clock that the tests set.
struct ActivationTests {
    private func publish(_ test: TestStore, _ content: String, _ change: (inout Publisher.Options) -> Void = { _ in })
        throws
        -> SnapshotID
    {
        try test.source.write("file", content)
        return try #require(try test.snapshot(change).uuid)
    }

    private func mode(_ store: SnapshotStore, _ snapshot: SnapshotID) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: store.layout.tree(snapshot))[.posixPermissions] as? Int
    }

    @Test("a held snapshot stays closed until it is lifted, and can be held again")
    func hold() throws {
        let test = try TestStore()
        let store = try test.store()
        let first = try publish(test, "one")
        let second = try publish(test, "two") { $0.hold = true }
        #expect(store.current == first)
        #expect(try mode(store, second) == 0o700)
        test.now += 10_000
        #expect(try store.activateDue(now: test.now) == nil)
        #expect(store.current == first)
        try store.lift("latest", now: test.now)
        #expect(store.current == second)
        #expect(try mode(store, second) == 0o755)
        #expect(store.opened() == [second, first])
        try store.hold(second.rawValue, now: test.now)
        #expect(store.current == first)
        #expect(try mode(store, second) == 0o700)
        #expect(store.opened() == [first])
    }

    @Test("a delayed snapshot becomes current at its second, and not before")
    func delay() throws {
        let test = try TestStore()
        let store = try test.store()
        let first = try publish(test, "one")
        let second = try publish(test, "two") { $0.delay = .seconds(900) }
        let due = TestStore.start.addingTimeInterval(900)
        #expect(try store.activateDue(now: test.now) == due)
        #expect(try store.activateDue(now: due.addingTimeInterval(-0.001)) == due)
        #expect(store.current == first)
        #expect(try store.activateDue(now: due) == nil)
        #expect(store.current == second)
        let third = try publish(test, "three") { $0.activateAt = due.addingTimeInterval(50) }
        try store.lift(third.rawValue, activateAt: due.addingTimeInterval(5.5), now: due)
        #expect(try store.resolve("latest").activation.notBefore == due.addingTimeInterval(5))
    }

    @Test("an activation that ended half-way is finished by the next one", arguments: 0..<4)
    func interrupted(_ step: Int) throws {
        let test = try TestStore()
        let store = try test.store()
        let first = try publish(test, "one")
        let second = try publish(test, "two") { $0.hold = true }
        try store.lift("latest", now: test.now)
        let layout = store.layout
        // As if it had ended after the first, second … of its steps.
        if step < 4 { try FileSystem.replaceLink(at: "\(layout.snapshots)/current", target: first.rawValue) }
        if step < 3 { try FileSystem.replaceLink(at: layout.current, target: layout.currentTarget(first)) }
        if step < 2 { try FileSystem.setMode(layout.tree(second), 0o700) }
        if step < 1 { try FileSystem.remove(layout.snapshotLink(second)) }
        try store.activateDue(now: test.now)
        #expect(store.current == second)
        #expect(FileSystem.readLink("\(layout.snapshots)/current") == second.rawValue)
        #expect(FileSystem.readLink(layout.snapshotLink(second)) == "../\(layout.currentTarget(second))")
        #expect(try mode(store, second) == 0o755)
    }

    @Test("a delay longer than what is kept spans: the next that is due stays until it is current")
    func longDelay() throws {
        let test = try TestStore()
        let store = try test.store()
        _ = try publish(test, "0")
        var activated: Set<SnapshotID> = []
        for number in 1...12 {
            test.now += 600
            _ = try publish(test, "\(number)") { $0.delay = .seconds(3600) }
            if let current = store.current { activated.insert(current) }
            #expect(try store.feed()?.feed.snapshots.count ?? 0 <= 4)
        }
        #expect(activated.count >= 2)
    }

    @Test("the newest stay, and those with a tag; the rest expires, all but one tree to recycle")
    func retention() throws {
        let test = try TestStore()
        let store = try test.store()
        let tagged = try publish(test, "0") { $0.tag = "release-1.0" }
        var ids: [SnapshotID] = []
        for number in 1...6 { ids.append(try publish(test, "\(number)")) }
        #expect(try store.feed()?.feed.snapshots.map(\.uuid) == [tagged] + ids.suffix(2))
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: "\(store.layout.masterTags)/release-1.0")
                == "../snap/\(tagged)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: store.layout.trees).count <= 4)
        #expect(throws: PublishingError.self) { try store.untag("nix", now: test.now) }
        try store.untag("release-1.0", now: test.now)
        #expect(!FileManager.default.fileExists(atPath: "\(store.layout.masterTags)/release-1.0"))
        _ = try publish(test, "7")
        #expect(try store.feed()?.feed.entry(tagged) == nil)
        #expect(throws: PublishingError.self) { try store.manifest(ids[0]) }
        try test.verify()
    }

    @Test("a tag without a change names the newest", arguments: ["x", "a.b_c-9"])
    func tagOnly(_ tag: String) throws {
        let test = try TestStore()
        let first = try publish(test, "one")
        #expect(!(try test.snapshot { $0.tag = tag }).published)
        #expect(try test.store().resolve(tag).uuid == first)
    }

    @Test(
        "a tag that cannot name a link is refused",
        arguments: ["", ".", "..", "a/b", "ü", String(repeating: "x", count: 65)])
    func badTag(_ tag: String) throws {
        let test = try TestStore()
        try test.source.write("file", "x")
        #expect(throws: PublishingError.self) { try test.snapshot { $0.tag = tag } }
        #expect(try test.store().feed() == nil)
    }

    @Test("the feed is signed anew when half of its life is over, and its version only grows")
    func renewal() throws {
        let test = try TestStore()
        _ = try publish(test, "one")
        let store = try test.store()
        let first = try store.updateFeed(now: test.now) { _ in }
        #expect(try store.updateFeed(now: test.now.addingTimeInterval(3.4 * 86_400)) { _ in } == first)
        let later = test.now.addingTimeInterval(3.6 * 86_400)
        let second = try store.updateFeed(now: later) { _ in }
        #expect(second.version > first.version && second.expires > first.expires)
        let third = try store.updateFeed(now: TestStore.start) { $0.peers = [Endpoint(host: "", port: 6881)] }
        #expect(third.version > second.version)
    }

    @Test("each shard is seeded once, from the newest tree that has it")
    func seeds() throws {
        let test = try TestStore()
        let first = try publish(test, "one")
        let second = try publish(test, "two")
        _ = try publish(test, "one")
        let store = try test.store()
        let feed = try #require(try store.feed()?.feed)
        let seeds = store.seeds(of: feed)
        #expect(feed.entry(first) == nil)
        #expect(seeds.count == 2)
        #expect(Set(seeds.values.map(\.snapshot)) == [second, try #require(feed.newest).uuid])
        let broken = store.layout.manifest(second)
        try FileManager.default.removeItem(atPath: broken)
        var failed: [SnapshotID] = []
        #expect(store.seeds(of: feed) { snapshot, _ in failed.append(snapshot) }.count == 1)
        #expect(failed == [second])
    }
}

struct HeldSnapshotTests {
    @Test("an embargoed snapshot outlives those that follow it")
    func heldStays() throws {
        let test = try TestStore()
        try test.source.write("a", "0")
        let held = try #require(try test.snapshot { $0.hold = true }.uuid)
        for round in 1...4 {
            try test.source.write("a", "round \(round)")
            try test.snapshot()
        }
        let feed = try #require(try test.store().feed()?.feed)
        #expect(feed.entry(held) != nil)
        #expect(feed.snapshots.count == 3)
    }

    @Test("another piece length than the set was begun with is an error that says which")
    func pieceLength() throws {
        let test = try TestStore()
        try test.source.write("a", "0")
        try test.snapshot()
        try test.replaceSetting("piece-length", "32768")
        try test.source.write("a", "other")
        let error = try #require(throws: PublishingError.self) { try test.snapshot() }
        #expect(error.message.contains("16384"))
    }
}
