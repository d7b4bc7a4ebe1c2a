import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

@testable import Publishing

/// Suggestions of what to fetch first.
struct PrefetchTests {
    private func network() throws -> (TestStore, SnapshotStore) {
        let test = try TestStore()
        try test.configure("single-torrent-up-to = 5\nshard-files = 10")
        for number in 0..<40 { try test.source.write("pool/p\(number).deb", "content \(number)") }
        try test.source.write("dists/stable/Release", "Release")
        try test.source.symbolicLink("dists/oldest", to: "stable")
        try test.snapshot()
        return (test, try test.store())
    }

    @Test("files of the newest snapshot are suggested until others are, or none; the feed changes only then")
    func suggest() throws {
        let (test, store) = try network()
        let shards = try store.manifest(store.resolve("latest").uuid).shards
        #expect(shards.count > 2)
        #expect(try store.suggested().isEmpty)
        let paths = ["pool/p7.deb", "dists/stable/Release", "pool/p11.deb"]
        let done = try store.suggest(paths + ["pool/p7.deb"], strictly: true, now: test.now)
        #expect(done.list.paths == paths && done.absent.isEmpty && done.surplus == 0)
        let version = try #require(try store.feed()).feed.version
        test.now += 10
        #expect(try store.suggest(paths, strictly: true, now: test.now).list.paths == paths)
        #expect(try #require(try store.feed()).feed.version == version)
        // They outlive the snapshot that they were given for.
        try test.source.write("pool/p99.deb", "new")
        try test.snapshot()
        #expect(try store.suggested().paths == paths)
        #expect(try store.suggest([], strictly: true, now: test.now).list.isEmpty)
        #expect(try #require(try store.feed()).feed.version > version)
    }

    @Test("a path that is no file is refused by its name, or left out and counted")
    func absent() throws {
        let (test, store) = try network()
        for path in [
            "pool/p99.deb", "pool", "dists/oldest", "dists/oldest/Release", "../store/key", "/pool/p1.deb", "",
        ] {
            let error = #expect(throws: PublishingError.self) {
                try store.suggest(["pool/p1.deb", path], strictly: true, now: test.now)
            }
            #expect(error?.code == .usage && error?.message.contains("“\(path)” is no file") == true)
        }
        #expect(try store.suggested().isEmpty)
        let done = try store.suggest(["gone", "pool/p1.deb", "../x"], strictly: false, now: test.now)
        #expect(done.list.paths == ["pool/p1.deb"] && done.absent == ["gone", "../x"])
    }

    @Test("a list that is too long is refused, or cut and counted")
    func surplus() throws {
        let test = try TestStore()
        let paths = (0..<1005).map { "pool/p\($0).deb" }
        for path in paths { try test.source.write(path, path) }
        try test.snapshot()
        let store = try test.store()
        let error = #expect(throws: PublishingError.self) {
            try store.suggest(paths, strictly: true, now: test.now)
        }
        #expect(error?.code == .usage && error?.message.contains("1005 paths are too many") == true)
        let done = try store.suggest(paths, strictly: false, now: test.now)
        #expect(done.list.paths == Array(paths.prefix(1000)) && done.surplus == 5)
    }
}
