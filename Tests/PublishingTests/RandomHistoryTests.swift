import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

@testable import Publishing

/// Histories of random changes; after each, the tree is compared with the source.
struct RandomHistoryTests {
    private struct History {
        let test: TestStore
        var random: SeededRandom
        var files: [String] = []
        var clock = 1_700_000_000

        mutating func path() -> String {
            let depth = Int.random(in: 1...3, using: &random)
            let parts = (0..<depth).map { _ in "d\(Int.random(in: 0...4, using: &random))" }
            let top = Bool.random(using: &random) ? "pool" : "dists"
            return ([top] + parts + ["f\(Int.random(in: 0...999, using: &random))"]).joined(separator: "/")
        }

        mutating func change() throws {
            clock += 10
            let path = path()
            let victim = files.randomElement(using: &random)
            switch Int.random(in: 0..<12, using: &random) {
            case 0..<4:
                let size = [0, 1, 300, 5000, 16384, 40_000, 150_000].randomElement(using: &random) ?? 0
                try test.source.write(path, random.bytes(size), mtime: clock, executable: size == 300)
                files.append(path)
            case 4, 5:
                guard let victim else { return }
                try test.source.write(victim, random.bytes(Int.random(in: 0...3000, using: &random)), mtime: clock)
            case 6, 7:
                guard let victim, victim != path else { return }
                try test.source.move(victim, to: path)
                files.removeAll { $0 == victim || $0 == path }
                files.append(path)
            case 8:
                guard let victim else { return }
                try test.source.remove(victim)
                files.removeAll { $0 == victim }
            case 9:
                guard let victim, !files.contains(path) else { return }
                try test.source.hardLink(path, to: victim)
                files.append(path)
            case 10:
                guard let victim else { return }
                try test.source.touch(victim, mtime: clock)
            default:
                try test.source.makeDirectory("hollow/\(clock)")
                try test.source.symbolicLink("links/\(clock)", to: "../pool")
            }
        }
    }

    @Test("recycled trees equal the source after every snapshot", arguments: [1, 2, 3] as [UInt64], [1_000_000, 20])
    func recycling(seed: UInt64, singleUpTo: Int) throws {
        let test = try TestStore()
        try test.configure("single-torrent-up-to = \(singleUpTo)\nshard-files = 20")
        var history = History(test: test, random: SeededRandom(seed: seed))
        for _ in 0..<60 { try history.change() }
        for round in 0..<8 {
            for _ in 0..<(round == 5 ? 60 : 10) { try history.change() }
            try test.snapshot()
            try test.verify()
            #expect(!(try test.snapshot()).changed)
        }
        #expect(try test.store().feed()?.feed.snapshots.count == 2)
    }

    @Test("in a sharded set, shards that did not change keep their info-hash")
    func shards() throws {
        let test = try TestStore()
        try test.configure("single-torrent-up-to = 100\nshard-files = 100")
        for directory in 0..<6 {
            for file in 0..<60 { try test.source.write("pool/\(directory)/\(file)", "\(directory) \(file)") }
        }
        try test.source.write("dists/Release", "1")
        let first = try test.snapshot()
        #expect(first.torrents.count >= 4)
        #expect(first.torrents.allSatisfy { $0.files >= 1 && $0.files <= 200 })
        for round in 0..<5 {
            try test.source.write("pool/3/new\(round)", "new")
            try test.source.write("dists/Release", "\(round) and more")
            let report = try test.snapshot()
            #expect(report.torrents.filter { !$0.unchanged }.count == 2)
            try test.verify()
        }
    }

    @Test("a set that outgrows one torrent is cut, and joined when it shrinks; nothing is read again")
    func growAndShrink() throws {
        let test = try TestStore()
        try test.configure("single-torrent-up-to = 50\nshard-files = 40")
        for file in 0..<40 { try test.source.write("pool/a/\(file)", "a \(file)") }
        #expect(try test.snapshot().torrents.count == 1)
        for file in 0..<80 { try test.source.write("pool/b/\(file)", "b") }
        let grown = try test.snapshot()
        #expect(grown.torrents.count > 1 && grown.bytesRead == 80)
        try test.verify()
        try test.source.remove("pool/b")
        for file in 10..<40 { try test.source.remove("pool/a/\(file)") }
        let shrunk = try test.snapshot { $0.force = true }
        #expect(shrunk.torrents.count == 1 && shrunk.bytesRead == 0)
        try test.verify()
    }

    @Test("many tiny directories do not become tiny shards")
    func tinyDirectories() throws {
        var random = SeededRandom(seed: 1)
        let files = (0..<3000).map { number in
            (path: "authors/\(number)/\(Int.random(in: 0...9, using: &random))", length: Int64(1000))
        }
        var policy = ShardCut.Policy()
        policy.singleUpTo = 100
        policy.shardFiles = 1000
        let cut = ShardCut(files: files, policy: policy)
        #expect(cut.starts.count <= 3)
    }

    @Test("the length of pieces follows the mean size of files")
    func survey() throws {
        #expect(SourceSurvey.pieceLength(for: .init(files: 0, bytes: 0)) == 64 << 10)
        #expect(SourceSurvey.pieceLength(for: .init(files: 1000, bytes: 1000)) == 16 << 10)
        #expect(SourceSurvey.pieceLength(for: .init(files: 1000, bytes: 6_000_000)) == 16 << 10)
        #expect(SourceSurvey.pieceLength(for: .init(files: 1000, bytes: 16_000_000)) == 32 << 10)
        #expect(SourceSurvey.pieceLength(for: .init(files: 1000, bytes: 40_000_000)) == 64 << 10)
        #expect(SourceSurvey.pieceLength(for: .init(files: 1000, bytes: 300_000_000)) == 64 << 10)
        #expect(SourceSurvey.pieceLength(for: .init(files: 1, bytes: 4 << 20)) == 1 << 20)
        #expect(SourceSurvey.pieceLength(for: .init(files: 1, bytes: 1 << 40)) == 4 << 20)
        let test = try TestStore()
        try test.source.write("el9/x86_64/repodata/repomd.xml", "x")
        #expect(try SourceSurvey(test.source.root).preset == .rpmMD)
        try test.source.write("dists/sid/Release", "x")
        #expect(try SourceSurvey(test.source.root).preset == .apt)
    }
}
