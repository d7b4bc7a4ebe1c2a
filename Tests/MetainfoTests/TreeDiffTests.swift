import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

struct TreeDiffTests {
    private func torrent(
        _ files: [String: [UInt8]], links: [String: String] = [:], directories: [String] = [], mtime: Int64 = 1,
        executable: Set<String> = []
    ) throws -> Torrent {
        var layout = ShardLayout(policy: SampleTorrent.policy)
        var change = ShardLayout.Change()
        for (path, content) in files {
            change.added.append(SampleTorrent.entry(path, content, mtime: mtime, executable: executable.contains(path)))
        }
        change.addedLinks = links.map { LinkEntry(path: $0.key, target: $0.value) }
        change.addedDirectories = directories
        layout.apply(change, largeFileHashes: [:]) { _ in false }
        SampleTorrent.complete(
            &layout, Dictionary(files.values.map { (Digest.sha256($0), $0) }, uniquingKeysWith: { first, _ in first }))
        return try Torrent(parsing: layout.encode(name: "set"))
    }

    private func diff(_ base: [Torrent], _ target: [Torrent]) throws -> TreeDiff {
        let all = try PathFilter.everything.compiled()
        let sharing = Set(base.map(\.infoHash)).intersection(target.map(\.infoHash))
        return TreeDiff(base: base, baseFilter: all, target: target, targetFilter: all, sharing: sharing)
    }

    private func placed(_ diff: TreeDiff, _ target: [Torrent]) -> [String] {
        diff.placed.map { target[$0.shard].path($0.entry) }
    }

    @Test("what went, what came, what changed in content, time or mode")
    func changes() throws {
        let base = try torrent(
            ["same": [1], "gone": [2], "content": [3], "mode": [4], "d/x": [5]], links: ["l": "same", "m": "same"],
            directories: ["e", "f"])
        let target = try torrent(
            ["same": [1], "content": [33], "mode": [4], "new": [6], "d": [5]], links: ["l": "same", "m": "new"],
            directories: ["f", "g"], executable: ["mode"])
        let diff = try diff([base], [target])
        #expect(Set(diff.removedFiles) == ["gone", "content", "mode", "d/x"])
        #expect(Set(placed(diff, [target])) == ["content", "mode", "new", "d"])
        #expect(diff.removedLinks == ["m"] && diff.addedLinks == [LinkEntry(path: "m", target: "new")])
        #expect(diff.removedDirectories == ["e"] && diff.addedDirectories == ["g"])
    }

    @Test("from nothing and to nothing")
    func edges() throws {
        let torrent = try torrent(["a": [1], "a-b": [2], "a/": []].filter { $0.key != "a/" })
        #expect(try placed(diff([], [torrent]), [torrent]).sorted() == ["a", "a-b"])
        #expect(try Set(diff([torrent], []).removedFiles) == ["a", "a-b"])
        #expect(try diff([torrent], [torrent]).placed.isEmpty)
        #expect(try diff([], []).placed.isEmpty)
    }

    @Test("a file that moves from one shard to another is as it was")
    func betweenShards() throws {
        let base = [try torrent(["a": [1], "b": [2]]), try torrent(["c": [3]])]
        let target = [try torrent(["a": [1]]), try torrent(["b": [2], "c": [3]])]
        let diff = try diff(base, target)
        #expect(diff.placed.isEmpty && diff.removedFiles.isEmpty)
    }

    @Test("by chance: the diff leads from one tree to the other", arguments: 1...50 as ClosedRange<UInt64>)
    func chance(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        func tree() throws -> (files: [String: [UInt8]], shards: [Torrent]) {
            var files: [String: [UInt8]] = [:]
            for _ in 0..<40 {
                let path = ["a", "a-", "b", "ä"].randomElement(using: &random) ?? ""
                files["\(path)/\(Int.random(in: 0...15, using: &random))"] = [UInt8.random(in: 0...1, using: &random)]
            }
            let parts = Dictionary(grouping: files.keys) { _ in Int.random(in: 0...2, using: &random) }
            let shards = try parts.values.map { paths in
                try torrent(files.filter { paths.contains($0.key) })
            }
            return (files, shards)
        }
        let (old, base) = try tree()
        let (new, target) = try tree()
        let diff = try diff(base, target)
        var result = old
        for path in diff.removedFiles { #expect(result.removeValue(forKey: path) != nil) }
        for path in placed(diff, target) {
            #expect(result[path] == nil)
            result[path] = new[path]
        }
        #expect(result == new)
    }
}
