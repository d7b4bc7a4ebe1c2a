import Metainfo
import SwarmCore
import Testing

@testable import Mirroring

@Suite("The plan of a snapshot")
struct SnapshotPlanTests {
    private static let pieceLength = 16 << 10
    private let policy = ShardLayout.Policy(pieceLength: pieceLength, alignFrom: 32 << 10)

    private func file(_ path: String, _ length: Int64, content: UInt8, mtime: Int64 = 1, priority: Priority = .payload)
        -> FileEntry
    {
        FileEntry(
            path: path, length: length, mtime: mtime, executable: false, priority: priority,
            sha256: Digest.sha256([content, UInt8(truncatingIfNeeded: length)]))
    }

    /// A torrent with these files. The piece hashes are made up: a plan does not look at content.
    private func torrent(_ files: [FileEntry]) throws -> Torrent {
        var layout = ShardLayout(policy: policy)
        var change = ShardLayout.Change()
        change.added = files
        layout.apply(change, largeFileHashes: [:]) { _ in false }
        let hash = Digest.sha1(Array(files.map(\.path).joined().utf8))
        layout.complete(
            Dictionary(layout.missingPieces.map { ($0.piece, hash) }, uniquingKeysWith: { first, _ in first }))
        return try Torrent(parsing: layout.encode(name: "demo"))
    }

    /// The torrents of a snapshot, without files on a disk.
    private func shelf(_ torrents: [Torrent]) -> (shards: [Manifest.Shard], shelf: TorrentShelf) {
        let shards = torrents.enumerated().map { number, torrent in
            Manifest.Shard(
                start: number == 0 ? "" : torrent.path(torrent.files.first { _ in true } ?? 0), priority: nil,
                infoHash: torrent.infoHash,
                torrent: Pinned(size: torrent.bytes.count, sha256: Digest.sha256(torrent.bytes)), compressedSize: 1,
                classes: [
                    "4": .init(
                        files: torrent.files.count { _ in true },
                        bytes: torrent.files.reduce(0) { $0 + torrent.length($1) })
                ])
        }
        let bytes = Dictionary(torrents.map { ($0.infoHash, $0.bytes) }, uniquingKeysWith: { first, _ in first })
        return (shards, TorrentShelf { bytes[$0.infoHash] ?? [] })
    }

    private func tree(
        _ torrents: Torrent..., filter: PathFilter = .everything, missing: [InfoHash: PieceSet] = [:]
    ) throws -> LocalTree {
        let (shards, shelf) = shelf(torrents)
        return LocalTree(
            snapshot: try #require(SnapshotID("00000000-0000-4000-8000-000000000001")), files: "/nowhere",
            shards: shards, shelf: shelf, filter: try filter.compiled(), missing: missing)
    }

    private func plan(
        _ target: Torrent..., base: LocalTree? = nil, sources: [LocalTree] = [], filter: PathFilter = .everything,
        sharing: Set<InfoHash> = []
    ) throws -> SnapshotPlan {
        let (shards, shelf) = shelf(target)
        return try SnapshotPlan(
            target: shards, shelf: shelf, filter: try filter.compiled(), base: base, beside: sources.first,
            sources: sources, sharing: sharing)
    }

    @Test("A first sync wants everything, class by class, from the highest down")
    func first() throws {
        let plan = try plan(
            try torrent([
                file("pool/a", 50_000, content: 1), file("pool/b", 100, content: 2),
                file("dists/Packages", 200, content: 3, priority: .metadata),
                file("dists/Release", 50, content: 4, priority: .entryPoint),
            ]))
        #expect(plan.phases == [.payload, .metadata, .entryPoint])
        #expect(plan.bytesWanted == 50_350)
        #expect(plan.transfers[0].have.isEmpty)
        let payload = plan.transfers[0].wanted(downTo: .payload)
        #expect(!payload.isEmpty)
        #expect(plan.transfers[0].wanted(downTo: .entryPoint).isSuperset(of: payload))
        // No piece belongs to two classes.
        #expect(
            plan.transfers[0].wanted.values.reduce(0) { $0 + $1.count }
                == plan.transfers[0].wanted(downTo: .entryPoint).count
        )
    }

    @Test("A file that moved is linked, and nothing is fetched")
    func moved() throws {
        let old = try torrent([file("a/x", 50_000, content: 1), file("a/y", 100, content: 2)])
        let new = try torrent([file("b/x", 50_000, content: 1), file("b/y", 100, content: 2)])
        let plan = try plan(new, base: nil, sources: [try tree(old)])
        #expect(plan.bytesWanted == 0)
        #expect(plan.phases.isEmpty)
        #expect(plan.placements.map(\.file.path).sorted() == ["b/x", "b/y"])
        #expect(plan.placements.allSatisfy { !$0.copies })
        #expect(plan.transfers.isEmpty)
    }

    @Test("The same content with another time is copied, not fetched and not linked")
    func touched() throws {
        let old = try torrent([file("a", 50_000, content: 1, mtime: 1)])
        let new = try torrent([file("a", 50_000, content: 1, mtime: 2)])
        let plan = try plan(new, base: try tree(old))
        #expect(plan.bytesWanted == 0)
        #expect(plan.diff.removedFiles == ["a"])
        #expect(plan.placements.map(\.copies) == [true])
    }

    @Test("What shares a piece with a fetched file gets an inode of its own, and only that")
    func sharedPiece() throws {
        // The old files end in the middle of the piece that the new one begins in.
        let kept = (0..<6).map { file("kept\($0)", 5_000, content: UInt8($0)) }
        let new = try torrent(kept + [file("new", 5_000, content: 99)])
        let plan = try plan(new, base: try tree(try torrent(kept)))
        #expect(plan.bytesWanted == 5_000)
        #expect(plan.transfers[0].wanted[.payload]?.indices == [1, 2])
        #expect(plan.transfers[0].have.indices == [0])
        #expect(plan.detached.sorted() == ["kept3", "kept4", "kept5"])
        #expect(plan.shards[0].sources.count { $0 == .rewritten } == 3)
        // Until they are checked again, the journal does not count on them.
        #expect(try #require(plan.missing.values.first).count == 4)
    }

    @Test("Other names of what gets an inode of its own follow it, also in torrents that nothing else is done with")
    func otherNames() throws {
        let kept = [file("alias", 5_000, content: 5)] + (0..<6).map { file("kept\($0)", 5_000, content: UInt8($0)) }
        let elsewhere = try torrent([
            file("other/0", 5_000, content: 0), file("other/5", 5_000, content: 5),
            file("other/5 of another time", 5_000, content: 5, mtime: 2),
        ])
        let new = try torrent(kept + [file("new", 5_000, content: 99)])
        func twins(_ base: LocalTree?, _ sources: [LocalTree] = [], _ filter: PathFilter = .everything) throws
            -> [String]
        {
            let plan = try plan(
                new, elsewhere, base: base, sources: sources, filter: filter, sharing: [elsewhere.infoHash])
            #expect(paths(plan, new) { plan.shards[0].sources[$0] == .rewritten } == ["kept5"])
            #expect(paths(plan, new) { plan.transfers[0].named.contains($0) } == ["kept5"])
            return plan.twins.map { "\($0.file.path) = \($0.of.path)" }.sorted()
        }
        let old = try tree(try torrent(kept), elsewhere)
        #expect(try twins(old) == ["alias = kept5", "other/5 = kept5"])
        #expect(try twins(nil, [old]) == ["alias = kept5", "other/5 = kept5"])
        #expect(try twins(old, [], PathFilter(include: [], exclude: ["/other/"])) == ["alias = kept5"])
    }

    @Test("Names that are all written again are linked at the end, and each is counted on once it is checked")
    func allNamesRewritten() throws {
        let kept = (0..<6).map { file("kept\($0)", 5_000, content: UInt8(min($0, 4))) }
        let plan = try plan(
            try torrent(kept + [file("new", 5_000, content: 99)]), base: try tree(try torrent(kept)))
        #expect(plan.detached.sorted() == ["kept3", "kept4", "kept5"])
        #expect(plan.twins.map { "\($0.file.path) = \($0.of.path)" } == ["kept5 = kept4"])
        #expect(plan.transfers[0].named.isEmpty)
    }

    @Test("What a piece was written over and not checked since is not taken for what it was")
    func rewrittenBefore() throws {
        let kept = (0..<6).map { file("kept\($0)", 5_000, content: UInt8($0)) }
        let first = try torrent(kept + [file("new", 5_000, content: 99)])
        let interrupted = try plan(first, base: try tree(try torrent(kept)))
        let half = try tree(first, missing: interrupted.missing)
        // The next snapshot does without the file that the pieces were written for.
        let next = try torrent(kept)
        let alone = try plan(next, base: half)
        #expect(alone.filesWanted == 3)
        #expect(alone.leftovers == ["new"])
        // Another tree still has them as they were.
        let linked = try plan(next, base: half, sources: [try tree(try torrent(kept))])
        #expect(linked.filesWanted == 0)
        #expect(linked.placements.isEmpty)
        #expect(paths(linked, next) { linked.shards[0].linked[$0] } == ["kept3", "kept4", "kept5"])
        #expect(linked.detached.isEmpty)
    }

    @Test("Of two new files with one content, one is fetched")
    func twins() throws {
        let plan = try plan(
            try torrent([
                file("a", 50_000, content: 1), file("b", 50_000, content: 1),
                file("c", 50_000, content: 1, priority: .metadata),
            ]))
        #expect(plan.filesWanted == 1)
        #expect(plan.bytesWanted == 50_000)
        #expect(plan.twins.count == 2)
        #expect(plan.missing.values.reduce(0) { $0 + $1.count } == 3)
        #expect(plan.phases == [.payload])
    }

    @Test("What a filter leaves out is neither wanted, nor linked, nor missed; pieces that hold it are not offered")
    func filtered() throws {
        let torrent = try torrent([file("keep/a", 50_000, content: 1), file("skip/b", 50_000, content: 2)])
        let plan = try plan(torrent, filter: PathFilter(include: ["/keep/"], exclude: []))
        #expect(plan.bytesTotal == 50_000)
        #expect(plan.bytesWanted == 50_000)
        let kept = try #require(torrent.files.first { torrent.path($0) == "keep/a" })
        #expect(plan.transfers[0].allWanted.indices == Array(torrent.pieces(kept)))
    }

    @Test("What was being fetched for another snapshot, and is not in this one, is removed")
    func leftovers() throws {
        let base = try torrent([
            file("a", 50_000, content: 1), file("b", 50_000, content: 2), file("c", 50_000, content: 3),
        ])
        var missing = PieceSet(pieceCount: base.entryCount)
        for entry in base.files where base.path(entry) != "a" { missing[entry] = true }
        let half = try tree(base, missing: [base.infoHash: missing])
        let plan = try plan(try torrent([file("a", 50_000, content: 1), file("b", 50_000, content: 2)]), base: half)
        #expect(plan.leftovers == ["c"])
        #expect(plan.bytesWanted == 50_000)
        #expect(plan.diff.removedFiles.isEmpty)
    }

    private func paths(_ plan: SnapshotPlan, _ torrent: Torrent, where condition: (Int) -> Bool) -> [String] {
        torrent.files.filter(condition).map { torrent.path($0) }.sorted()
    }

    @Test("A new tree is linked from the one beside it, path by path; what differs there is looked for by content")
    func beside() throws {
        let old = try torrent((0..<40).map { file("a\($0)", 50_000, content: UInt8($0)) })
        let new = try torrent(
            (0..<40).map { file($0 == 7 ? "moved" : "a\($0)", 50_000, content: $0 == 3 ? 99 : UInt8($0)) })
        let plan = try plan(new, sources: [try tree(old)])
        #expect(plan.filesWanted == 1)
        #expect(plan.placements.map(\.file.path) == ["moved"])
        #expect(plan.placements.map(\.location.path) == ["a7"])
        let linked = paths(plan, new) { plan.shards[0].linked[$0] }
        #expect(linked == (0..<40).filter { $0 != 3 && $0 != 7 }.map { "a\($0)" }.sorted())
    }

    @Test("A file with another time or mode is not taken for the one beside it that has its path and content")
    func besideTouched() throws {
        let old = try torrent([file("a", 50_000, content: 1, mtime: 1), file("b", 50_000, content: 2)])
        let plan = try plan(
            try torrent([file("a", 50_000, content: 1, mtime: 2), file("b", 50_000, content: 2)]),
            sources: [try tree(old)])
        #expect(plan.bytesWanted == 0)
        #expect(plan.placements.map(\.copies) == [true])
        #expect(plan.shards[0].linked.count { $0 } == 1)
    }

    @Test("What is linked from beside and shares a piece with a fetched file is copied")
    func besideRewritten() throws {
        let kept = (0..<6).map { file("kept\($0)", 5_000, content: UInt8($0)) }
        let new = try torrent(kept + [file("new", 5_000, content: 99)])
        let plan = try plan(new, sources: [try tree(try torrent(kept))])
        #expect(plan.bytesWanted == 5_000)
        #expect(plan.detached.isEmpty)
        #expect(paths(plan, new) { plan.shards[0].sources[$0] == .rewritten } == ["kept3", "kept4", "kept5"])
        #expect(plan.shards[0].linked.count { $0 } == 6)
    }

    @Test("A torrent that the tree beside has as it is is linked without a comparison, but for what is lost there")
    func besideSame() throws {
        let torrent = try torrent((0..<4).map { file("a\($0)", 50_000, content: UInt8($0)) })
        var lost = PieceSet(pieceCount: torrent.entryCount)
        lost[try #require(torrent.files.first { torrent.path($0) == "a2" })] = true
        let plan = try plan(torrent, sources: [try tree(torrent, missing: [torrent.infoHash: lost])])
        #expect(plan.filesWanted == 1)
        #expect(paths(plan, torrent) { plan.shards[0].linked[$0] } == ["a0", "a1", "a3"])
    }

    @Test("A torrent that both trees have is counted, and not opened")
    func shared() throws {
        let (one, two) = (try torrent([file("a", 50_000, content: 1)]), try torrent([file("b", 50_000, content: 2)]))
        let plan = try plan(
            one, two, base: try tree(one, try torrent([file("b", 50_000, content: 3)])), sharing: [one.infoHash])
        #expect(plan.filesTotal == 2)
        #expect(plan.bytesTotal == 100_000)
        #expect(plan.filesWanted == 1)
        #expect(plan.shards[0].sources.isEmpty)
        #expect(plan.transfers.map(\.torrent.infoHash) == [two.infoHash])
    }

    @Test("Suggested files are preferred where they are fetched, a twin by the file that it is linked from")
    func preferred() throws {
        let one = try torrent([
            file("a", 50_000, content: 1), file("b", 50_000, content: 2), file("here", 50_000, content: 3),
        ])
        let two = try torrent([file("x/copy", 50_000, content: 2), file("x/c", 50_000, content: 4)])
        let plan = try plan(one, two, sources: [try tree(try torrent([file("here", 50_000, content: 3)]))])
        #expect(plan.preferred(PrefetchList()).allSatisfy { $0.isEmpty })
        #expect(plan.preferred(PrefetchList(["here", "../a", "no"])).allSatisfy { $0.isEmpty })
        func pieces(_ path: String, _ torrent: Torrent) throws -> [Int] {
            Array(torrent.pieces(try #require(torrent.files.first { torrent.path($0) == path })))
        }
        let preferred = plan.preferred(PrefetchList(["x/copy", "x/c"]))
        try #require(preferred.count == 2 && plan.twins.count == 1)
        let fetched = plan.twins[0].of.path
        #expect(preferred[0].indices == (fetched == "b" ? try pieces("b", one) : []))
        let copy = fetched == "b" ? [] : try pieces("x/copy", two)
        #expect(preferred[1].indices == (copy + (try pieces("x/c", two))).sorted())
    }
}
