import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

@testable import Mirroring

@Suite("How torrents differ from those that they were made of")
struct LineageTests {
    private typealias Opened = (torrent: Torrent, shard: Manifest.Shard)

    /// A series of snapshots of some shards: each torrent as it is read beside the one before it.
    private struct History {
        var layouts: [ShardLayout]
        var snapshots: [[Opened]] = []
        var origins: [InfoHash: TorrentOrigin] = [:]
        var files: [[String: FileEntry]]
        var links: [[LinkEntry]]
        var random: SeededRandom
        var next = 0

        init(seed: UInt64, shards: Int) throws {
            random = SeededRandom(seed: seed)
            let policy = ShardLayout.Policy(pieceLength: 16 << 10, alignFrom: 32 << 10)
            layouts = Array(repeating: ShardLayout(policy: policy), count: shards)
            files = Array(repeating: [:], count: shards)
            links = Array(repeating: [], count: shards)
            try step { history, shard, change in
                for _ in 0..<150 { history.add(shard, &change) }
            }
        }

        mutating func add(
            _ shard: Int, _ change: inout ShardLayout.Change, path: String? = nil, of other: FileEntry? = nil
        ) {
            next += 1
            let file = FileEntry(
                path: path ?? "s\(shard)/d\(next % 5)/f\(next)", length: Int64.random(in: 1...3000, using: &random),
                mtime: 1, executable: false, priority: .payload, sha256: Digest.sha256(Array("\(next)".utf8)))
            var entry = other ?? file
            entry.path = file.path
            change.added.append(entry)
            files[shard][entry.path] = entry
        }

        mutating func remove(_ path: String, _ shard: Int, _ change: inout ShardLayout.Change) -> FileEntry? {
            change.removed.insert(path)
            return files[shard].removeValue(forKey: path)
        }

        /// One more snapshot.
        mutating func step(_ body: (inout History, Int, inout ShardLayout.Change) -> Void) throws {
            var snapshot: [Opened] = []
            for shard in layouts.indices {
                var change = ShardLayout.Change()
                body(&self, shard, &change)
                layouts[shard].apply(change, largeFileHashes: [:]) { _ in false }
                let hash = Digest.sha1([UInt8(shard)])
                layouts[shard].complete(
                    Dictionary(
                        layouts[shard].missingPieces.map { ($0.piece, hash) }, uniquingKeysWith: { first, _ in first }))
                let bytes = layouts[shard].encode(name: "demo")
                let torrent = try Torrent(parsing: bytes, like: snapshots.last?[shard].torrent)
                snapshot.append(
                    (
                        torrent,
                        Manifest.Shard(
                            start: shard == 0 ? "" : "s\(shard)", priority: nil, infoHash: torrent.infoHash,
                            torrent: Pinned(size: bytes.count, sha256: Digest.sha256(bytes)), compressedSize: 1,
                            classes: ["4": .init(files: files[shard].count, bytes: 1)])
                    ))
                if let origin = torrent.origin, origin.infoHash != torrent.infoHash {
                    // As it is read from the disk.
                    let read: TorrentOrigin = try #require(TorrentOrigin(encoded: origin.encoded))
                    #expect(read == origin)
                    origins[torrent.infoHash] = read
                }
            }
            snapshots.append(snapshot)
        }

        mutating func change() throws {
            let isQuiet = (0..<layouts.count).map { _ in Int.random(in: 0..<3, using: &random) == 0 }
            try step { history, shard, change in
                if isQuiet[shard] { return }
                for _ in 0..<Int.random(in: 1...20, using: &history.random) {
                    let paths = history.files[shard].keys.sorted().filter { path in
                        !change.removed.contains(path) && !change.added.contains { $0.path == path }
                    }
                    guard let path = paths.randomElement(using: &history.random) else { return }
                    switch Int.random(in: 0..<8, using: &history.random) {
                    case 0: history.add(shard, &change)
                    case 1: _ = history.remove(path, shard, &change)
                    case 2:
                        // Another content.
                        _ = history.remove(path, shard, &change)
                        history.add(shard, &change, path: path)
                    case 3:
                        // Another name, sometimes in another shard.
                        guard let file = history.remove(path, shard, &change) else { return }
                        history.add(shard, &change, of: file)
                    case 4:
                        // A copy.
                        history.add(shard, &change, of: history.files[shard][path])
                    case 5:
                        // Another form of the same text, which is another name.
                        guard let file = history.remove(path, shard, &change) else { return }
                        let (composed, decomposed) = ("\u{e9}", "e\u{301}")
                        let isComposed = path.utf8.suffix(2).elementsEqual(composed.utf8)
                        let plain = path.utf8.filter { $0 < 0x80 }.prefix(20)
                        let name = String(decoding: plain, as: UTF8.self) + (isComposed ? decomposed : composed)
                        if history.files[shard][name] == nil {
                            history.add(shard, &change, path: name, of: file)
                        }
                    case 6 where change.removed.count < 50:
                        // Many neighbours.
                        for path in paths.prefix(Int.random(in: 10...40, using: &history.random)) {
                            _ = history.remove(path, shard, &change)
                        }
                    default:
                        // What any snapshot before had comes back.
                        let all = history.snapshots.flatMap { $0 }.map(\.torrent)
                        guard let torrent = all.randomElement(using: &history.random),
                            let entry = torrent.files.shuffled(using: &history.random).first
                        else { return }
                        history.add(shard, &change, of: torrent.file(entry))
                    }
                }
            }
        }

        func tree(_ number: Int, knows: Bool) throws -> LocalTree {
            LocalTree(
                snapshot: try #require(SnapshotID("00000000-0000-4000-8000-00000000000\(number)")),
                files: "/t\(number)",
                shards: snapshots[number].map(\.shard), shelf: shelf(knows: knows),
                filter: try PathFilter.everything.compiled(), missing: [:])
        }

        /// - Parameter knows: whether torrents tell what they were made of.
        func shelf(knows: Bool) -> TorrentShelf {
            let bytes = Dictionary(
                snapshots.flatMap { $0 }.map { ($0.torrent.infoHash, $0.torrent.bytes) },
                uniquingKeysWith: { first, _ in first })
            var shelf = TorrentShelf { bytes[$0.infoHash] ?? [] }
            guard knows else { return shelf }
            shelf.origin = { [origins] in origins[$0] }
            for opened in snapshots.last ?? [] { shelf.recent.add(opened.torrent, of: opened.shard, isTarget: true) }
            return shelf
        }

        /// A plan for the newest snapshot.
        func plan(base: Int?, sources: [Int], knows: Bool) throws -> SnapshotPlan {
            let own = try base.map { try tree($0, knows: knows) }
            let trees = try sources.map { try tree($0, knows: knows) }
            let target = (snapshots.last ?? []).map(\.shard)
            let sharing = Set(own?.shards.map(\.infoHash) ?? []).intersection(target.map(\.infoHash))
            return try SnapshotPlan(
                target: target, shelf: shelf(knows: knows), filter: try PathFilter.everything.compiled(), base: own,
                beside: trees.first, sources: trees, sharing: sharing)
        }
    }

    @Test(
        "By chance: a plan is the same whether torrents tell it or are compared",
        arguments: 1...40 as ClosedRange<UInt64>)
    func plans(seed: UInt64) throws {
        var history = try History(seed: seed, shards: 3)
        for _ in 0..<4 { try history.change() }
        for (base, sources) in [(0, [3, 2, 1]), (1, [3, 2]), (2, [3]), (3, []), (nil, [3, 1])] as [(Int?, [Int])] {
            let told = try history.plan(base: base, sources: sources, knows: true)
            let compared = try history.plan(base: base, sources: sources, knows: false)
            func bytes(_ paths: [String]) -> Set<[UInt8]> { Set(paths.map { Array($0.utf8) }) }
            #expect(bytes(told.diff.removedFiles) == bytes(compared.diff.removedFiles))
            #expect(told.shards.map(\.sources) == compared.shards.map(\.sources))
            #expect(told.shards.map(\.linked) == compared.shards.map(\.linked))
            #expect(told.filesWanted == compared.filesWanted && told.bytesWanted == compared.bytesWanted)
            #expect(told.missing == compared.missing && told.leftovers == compared.leftovers)
            #expect(Set(told.detached) == Set(compared.detached))
            #expect(Set(told.placements.map(\.file)) == Set(compared.placements.map(\.file)))
            for placement in told.placements {
                // Whatever tree it is from, the file is there.
                let location = placement.location
                let number = try #require(location.files.last?.wholeNumberValue)
                let torrents = history.snapshots[number].map(\.torrent)
                #expect(
                    torrents.contains { torrent in
                        torrent.files.contains {
                            torrent.path($0) == location.path && torrent.identity($0) == location.identity
                        }
                    })
                #expect(location.identity == placement.file.identity || placement.copies)
            }
        }
    }

    @Test("A tree that is told of is not opened")
    func unopened() throws {
        var history = try History(seed: 7, shards: 2)
        for _ in 0..<3 {
            try history.step { history, shard, change in
                history.add(shard, &change)
                _ = history.remove(history.files[shard].keys.sorted()[0], shard, &change)
            }
        }
        let newest = Set(history.snapshots[3].map(\.torrent.infoHash))
        var shelf = history.shelf(knows: true)
        let load = shelf.load
        shelf = {
            var closed = TorrentShelf { shard in
                #expect(newest.contains(shard.infoHash))
                return try load(shard)
            }
            (closed.origin, closed.recent) = (shelf.origin, shelf.recent)
            return closed
        }()
        func tree(_ number: Int) throws -> LocalTree {
            let tree = try history.tree(number, knows: true)
            return LocalTree(
                snapshot: tree.snapshot, files: tree.files, shards: tree.shards, shelf: shelf, filter: tree.filter,
                missing: [:])
        }
        let plan = try SnapshotPlan(
            target: history.snapshots[3].map(\.shard), shelf: shelf, filter: try PathFilter.everything.compiled(),
            base: try tree(0), beside: try tree(2), sources: [try tree(2), try tree(1)], sharing: [])
        #expect(plan.diff.removedFiles.count == 6 && plan.filesWanted == 2)
        #expect(plan.shards.flatMap(\.linked).count { $0 } == 4)
    }

    @Test("What is damaged on the disk is not believed")
    func damaged() throws {
        var history = try History(seed: 9, shards: 1)
        try history.change()
        try history.change()
        let origin = try #require(history.origins.values.first)
        var bytes = origin.encoded
        #expect(TorrentOrigin(encoded: bytes) == origin)
        bytes[bytes.count / 2] ^= 1
        #expect(TorrentOrigin(encoded: bytes) == nil)
        #expect(TorrentOrigin(encoded: Array(origin.encoded.dropLast(7))) == nil && TorrentOrigin(encoded: []) == nil)
    }
}
