import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

@Suite("Entries that two torrents share")
struct SharedEntriesTests {
    private let policy = ShardLayout.Policy(pieceLength: 16 << 10, alignFrom: 32 << 10)

    private func file(_ number: Int, content: Int = 0) -> FileEntry {
        FileEntry(
            path: "d/file\(number)", length: 100, mtime: 1, executable: false, priority: .payload,
            sha256: Digest.sha256(Array("\(number) \(content)".utf8)))
    }

    private func encoded(_ layout: inout ShardLayout) throws -> Torrent {
        let hash = Digest.sha1([1])
        layout.complete(
            Dictionary(layout.missingPieces.map { ($0.piece, hash) }, uniquingKeysWith: { first, _ in first }))
        return try Torrent(parsing: layout.encode(name: "demo"))
    }

    @Test(
        "By chance: all that a publisher left as it was is shared, and nothing else",
        arguments: 1...30 as ClosedRange<UInt64>)
    func chance(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var layout = ShardLayout(policy: policy)
        var change = ShardLayout.Change()
        change.added = (0..<400).map { file($0) }
        layout.apply(change, largeFileHashes: [:]) { _ in false }
        let base = try encoded(&layout)
        // New ones, ones that go, and others in the place of what was there.
        var next = ShardLayout.Change()
        for number in 0..<400 where Int.random(in: 0..<40, using: &random) == 0 {
            next.removed.insert("d/file\(number)")
            if Bool.random(using: &random) { next.added.append(file(number, content: 1)) }
        }
        next.added += (400..<410).map { file($0) }
        layout.apply(next, largeFileHashes: [:]) { _ in false }
        let target = try encoded(&layout)

        let shared = base.sharedEntries(with: target)
        var pairs: [Int: Int] = [:]
        for stretch in shared {
            for (first, second) in zip(stretch.first, stretch.secondRange) {
                #expect(pairs.updateValue(second, forKey: first) == nil)
                #expect(shared.place(of: first) == second)
                #expect(base.kind(first) == target.kind(second) && base.path(first) == target.path(second))
                if base.kind(first) == .file { #expect(base.identity(first) == target.identity(second)) }
            }
        }
        #expect(Set(pairs.values).count == pairs.count)
        let kept = Set(target.files.map { target.file($0) })
        for entry in base.files {
            #expect((pairs[entry] != nil) == kept.contains(base.file(entry)))
            #expect(pairs[entry] != nil || shared.place(of: entry) == nil)
        }
    }

    @Test("Torrents that have nothing in common share nothing; a torrent shares all of itself")
    func edges() throws {
        var (one, two) = (ShardLayout(policy: policy), ShardLayout(policy: policy))
        var change = ShardLayout.Change()
        change.added = (0..<100).map { file($0) }
        one.apply(change, largeFileHashes: [:]) { _ in false }
        change.added = (100..<300).map { file($0) }
        two.apply(change, largeFileHashes: [:]) { _ in false }
        let (first, second) = (try encoded(&one), try encoded(&two))
        #expect(first.sharedEntries(with: second).flatMap(\.first).allSatisfy { first.kind($0) == .pad })
        #expect(first.sharedEntries(with: first) == [SharedEntries(first: 0..<first.entryCount, second: 0)])
    }
}
