import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

/// The rules of the order in a torrent, checked against a model that knows all contents.
struct ShardLayoutTests {
    private static let policy = SampleTorrent.policy

    /// A tree that changes by chance.
    private struct Model {
        var random: SeededRandom
        var files: [String: FileEntry] = [:]
        var contents: [SHA256Digest: [UInt8]] = [:]
        var clock: Int64 = 1_700_000_000

        mutating func content() -> [UInt8] {
            let sizes = [0, 1, 100, 2000, 9000, 16384, 30_000, 32768, 40_000, 65536, 100_000]
            let content = random.bytes(sizes.randomElement(using: &random) ?? 0)
            contents[Digest.sha256(content)] = content
            return content
        }

        /// A change of a few files, in the form that a scan gives it.
        mutating func step() -> ShardLayout.Change {
            var change = ShardLayout.Change()
            clock += 1
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                let paths = files.keys.sorted().filter { path in
                    !change.removed.contains(path) && !change.added.contains { $0.path == path }
                }
                let path = "d\(Int.random(in: 0...5, using: &random))/f\(Int.random(in: 0...400, using: &random))"
                let victim = paths.randomElement(using: &random)
                let isFree = files[path] == nil && !change.added.contains { $0.path == path }
                let priority: Priority = path.hasPrefix("d0/") ? .metadata : .payload
                switch Int.random(in: 0..<8, using: &random) {
                case 0..<3 where isFree:
                    let content = content()
                    change.added.append(SampleTorrent.entry(path, content, mtime: clock, priority: priority))
                case 3, 4:
                    guard let victim else { continue }
                    change.removed.insert(victim)
                case 5:
                    guard let victim, var file = files[victim] else { continue }
                    file.mtime = clock
                    change.removed.insert(victim)
                    change.added.append(file)
                case 6:
                    guard let victim, let old = files[victim] else { continue }
                    let content = content()
                    change.removed.insert(victim)
                    change.added.append(SampleTorrent.entry(victim, content, mtime: clock, priority: old.priority))
                case 7 where isFree:
                    guard let victim, var file = files[victim] else { continue }
                    change.removed.insert(victim)
                    file.path = path
                    file.priority = priority
                    change.added.append(file)
                default: continue
                }
            }
            for path in change.removed { files[path] = nil }
            for file in change.added { files[file.path] = file }
            return change
        }
    }

    @Test("thirty random snapshots keep every rule", arguments: 1...12 as ClosedRange<UInt64>)
    func model(seed: UInt64) throws {
        var model = Model(random: SeededRandom(seed: seed))
        var torrent: Torrent?
        for _ in 0..<30 {
            let before = torrent
            var layout = before.map { ShardLayout($0, policy: Self.policy) } ?? ShardLayout(policy: Self.policy)
            let change = model.step()
            layout.apply(change, largeFileHashes: [:]) { $0.length.isMultiple(of: 3) }
            let known = Set((0..<layout.pieceCount)).subtracting(layout.missingPieces.map(\.piece.rawValue))
            SampleTorrent.complete(&layout, model.contents)
            let bytes = layout.encode(name: "set")
            let next = try Torrent(parsing: bytes)
            try check(next, model, known)
            #expect(ShardLayout(next, policy: Self.policy).encode(name: "set") == bytes)
            #expect(ShardLayout(next, policy: Self.policy).missingPieces.isEmpty)
            if let before { try checkStability(before, next, change) }
            torrent = next
        }
    }

    /// The torrent holds the model's files, and each hash is that of the content.
    private func check(_ torrent: Torrent, _ model: Model, _ known: Set<Int>) throws {
        let files = Dictionary(uniqueKeysWithValues: torrent.files.map { (torrent.path($0), torrent.file($0)) })
        #expect(files == model.files)
        var content: [UInt8] = []
        var holes: Int64 = 0
        var packed: Int64 = 0
        for entry in 0..<torrent.entryCount {
            #expect(torrent.offset(entry) == Int64(content.count))
            switch torrent.kind(entry) {
            case .file:
                let file = torrent.file(entry)
                if file.length >= Self.policy.alignFrom {
                    #expect(torrent.offset(entry).isMultiple(of: Int64(Self.policy.pieceLength)))
                } else {
                    packed += file.length
                }
                content += try #require(model.contents[file.sha256])
            case .pad:
                content += [UInt8](repeating: 0, count: Int(torrent.length(entry)))
                // A pad up to the end of a piece is alignment; what lies between packed files is a hole.
                if !(torrent.offset(entry) + torrent.length(entry)).isMultiple(of: Int64(Self.policy.pieceLength)) {
                    holes += torrent.length(entry)
                }
            case .symlink: break
            }
        }
        #expect(content.count.isMultiple(of: Self.policy.pieceLength))
        #expect(Double(holes) <= 0.25 * Double(holes + packed))
        for piece in 0..<torrent.pieceCount {
            let start = piece * torrent.pieceLength
            let hash = Digest.sha1(Array(content[start..<(start + torrent.pieceLength)]))
            #expect(
                hash.bytes.elementsEqual(torrent.pieceHash(piece)), "piece \(piece), known: \(known.contains(piece))")
        }
    }

    /// A large file keeps its pieces as long as it has its content.
    private func checkStability(_ before: Torrent, _ after: Torrent, _ change: ShardLayout.Change) throws {
        func pieces(_ torrent: Torrent) -> [String: [UInt8]] {
            Dictionary(
                uniqueKeysWithValues: torrent.files.filter { torrent.length($0) >= Self.policy.alignFrom }.map {
                    entry in
                    (torrent.path(entry), torrent.pieces(entry).flatMap { torrent.pieceHash($0) })
                })
        }
        let new = pieces(after)
        for (path, hashes) in pieces(before) where !change.removed.contains(path) { #expect(new[path] == hashes) }
    }

    @Test("what is not touched needs no hashing: one small file among thousands")
    func economy() throws {
        var model = Model(random: SeededRandom(seed: 5))
        var change = ShardLayout.Change()
        for number in 0..<2000 {
            let content = model.random.bytes(1000)
            model.contents[Digest.sha256(content)] = content
            change.added.append(SampleTorrent.entry("f\(number)", content))
        }
        var layout = ShardLayout(policy: Self.policy)
        layout.apply(change, largeFileHashes: [:]) { _ in false }
        SampleTorrent.complete(&layout, model.contents)
        layout = ShardLayout(try Torrent(parsing: layout.encode(name: "set")), policy: Self.policy)
        var next = ShardLayout.Change()
        next.removed = ["f1000"]
        next.added = [SampleTorrent.entry("f1000", [1, 2, 3])]
        layout.apply(next, largeFileHashes: [:]) { _ in false }
        // The pieces that lost the file, and the run of the new one.
        #expect(layout.missingPieces.count <= 3)
    }

    @Test("equal content gives equal bytes, in whatever order it is given")
    func canonical() throws {
        let contents = SampleTorrent.contents()
        let entries = contents.map { SampleTorrent.entry($0.key, $0.value) }
        func encoded(_ entries: [FileEntry]) -> [UInt8] {
            var layout = ShardLayout(policy: Self.policy)
            var change = ShardLayout.Change()
            change.added = entries
            layout.apply(change, largeFileHashes: [:]) { _ in false }
            SampleTorrent.complete(
                &layout,
                Dictionary(contents.values.map { (Digest.sha256($0), $0) }, uniquingKeysWith: { first, _ in first }))
            return layout.encode(name: "set")
        }
        var random = SampleTorrent.random(seed: 4)
        let first = encoded(entries)
        for _ in 0..<5 { #expect(encoded(entries.shuffled(using: &random)) == first) }
    }

    @Test(
        "the files of a directory follow on each other: runs before large files, what is known last, packed anew in order"
    )
    func order() throws {
        let directories = ["a", "b", "c"]
        let (small, known, large) = (1000, 900, 40_000)
        func files(_ name: String, _ size: Int) -> [FileEntry] {
            directories.map {
                SampleTorrent.entry("\($0)/\(name)", Array("\($0)\(name)".utf8) + [UInt8](repeating: 1, count: size))
            }
        }
        var layout = ShardLayout(policy: Self.policy)
        var change = ShardLayout.Change()
        change.added = (files("1", small) + files("2", small) + files("known", known) + files("large", large))
            .shuffled()
        layout.apply(change, largeFileHashes: [:]) { $0.length < small }
        #expect(
            layout.files.map(\.path) == [
                "a/1", "a/2", "b/1", "b/2", "c/1", "c/2", "a/known", "b/known", "c/known", "a/large", "b/large",
                "c/large",
            ])
        // Most of what is packed goes: the rest is packed anew, beside what is new.
        change = ShardLayout.Change()
        change.removed = ["a/1", "b/1", "c/1", "a/known"]
        change.added = files("0", small)
        layout.apply(change, largeFileHashes: [:]) { _ in false }
        #expect(
            layout.files.map(\.path) == [
                "a/2", "b/2", "b/known", "c/2", "c/known", "a/large", "b/large", "c/large", "a/0", "b/0", "c/0",
            ])
    }

    @Test("a path that is added again replaces what has its name")
    func addedTwice() throws {
        var layout = ShardLayout(policy: Self.policy)
        var change = ShardLayout.Change()
        change.added = [SampleTorrent.entry("a", [1]), SampleTorrent.entry("b", [2])]
        layout.apply(change, largeFileHashes: [:]) { _ in false }
        layout.apply(change, largeFileHashes: [:]) { _ in false }
        #expect(layout.files.map(\.path) == ["a", "b"])
    }

    @Test("a file that became large by another setting is placed anew with hashes of its own")
    func otherAlignment() throws {
        var random = SampleTorrent.random(seed: 8)
        let contents = (0..<6).map { _ in random.bytes(20_000) }
        var change = ShardLayout.Change()
        change.added = contents.indices.map { SampleTorrent.entry("f\($0)", contents[$0]) }
        let table = Dictionary(uniqueKeysWithValues: contents.map { (Digest.sha256($0), $0) })
        var layout = ShardLayout(policy: Self.policy)
        layout.apply(change, largeFileHashes: [:]) { _ in false }
        SampleTorrent.complete(&layout, table)
        let small = ShardLayout.Policy(pieceLength: 16 << 10, alignFrom: 10_000)
        layout = ShardLayout(try Torrent(parsing: layout.encode(name: "set")), policy: small)
        var next = ShardLayout.Change()
        next.removed = ["f1", "f3"]
        layout.apply(next, largeFileHashes: [:]) { _ in false }
        SampleTorrent.complete(&layout, table)
        let torrent = try Torrent(parsing: layout.encode(name: "set"))
        var content: [UInt8] = []
        for entry in 0..<torrent.entryCount {
            content +=
                torrent.kind(entry) == .file
                ? try #require(table[torrent.sha256(entry)]) : [UInt8](repeating: 0, count: Int(torrent.length(entry)))
        }
        for piece in 0..<torrent.pieceCount {
            let part = Array(content[(piece * torrent.pieceLength)..<((piece + 1) * torrent.pieceLength)])
            #expect(Digest.sha1(part).bytes.elementsEqual(torrent.pieceHash(piece)))
        }
    }
}
