import Metainfo
import SwarmCore
import Testing

struct ShardCutTests {
    private var policy: ShardCut.Policy {
        var policy = ShardCut.Policy()
        policy.singleUpTo = 100
        policy.shardFiles = 100
        return policy
    }

    private func files(_ counts: [String: Int]) -> [(path: String, length: Int64)] {
        counts.sorted { $0.key < $1.key }.flatMap { directory, count in
            (0..<count).map { (path: "\(directory)/f\($0)", length: Int64(10)) }
        }
    }

    @Test("shards are full, neighbours share one, and a large flat directory is cut too")
    func cut() {
        let tree = files(["pool/a": 90, "pool/b/x": 80, "pool/b/y": 80, "pool/c": 5, "dists": 20, "flat": 400])
        let cut = ShardCut(files: tree, policy: policy)
        #expect(cut.isSharded)
        #expect(cut.starts.first == "")
        var sizes: [ShardCut.Key: Int] = [:]
        for file in tree { sizes[cut.key(file.path, .payload), default: 0] += 1 }
        #expect(sizes.values.allSatisfy { $0 <= 150 })
        #expect(sizes.count <= 8)
        let many = files(Dictionary(uniqueKeysWithValues: (100..<200).map { ("d\($0)", 10) }))
        #expect(ShardCut(files: many, policy: policy).starts.count == 10)
    }

    @Test("a path belongs to the last start that does not come after it")
    func keys() {
        let cut = ShardCut(files: files(["a": 100, "b": 100, "c/d": 100]), policy: policy)
        #expect(cut.starts == ["", "b", "c"])
        #expect(cut.key("a/zzz", .payload).start == "")
        #expect(cut.key("b", .payload).start == "b")
        #expect(cut.key("b/f0", .payload).start == "b")
        #expect(cut.key("b-side", .payload).start == "b")
        #expect(cut.key("c/a", .payload).start == "c")
    }

    @Test("the cut does not depend on the order of the files")
    func order() {
        let tree = files(["a/b": 90, "a/c": 90, "d": 90, "e": 90])
        #expect(ShardCut(files: tree, policy: policy) == ShardCut(files: tree.reversed(), policy: policy))
    }

    @Test("a shard is cut when it doubled, and not before")
    func split() {
        var cut = ShardCut(files: files(["a": 60, "b": 60]), policy: policy)
        let before = cut
        let start = cut.key("a/f", .payload).start
        let early = cut.splitIfDoubled(start, files: files(["a/x": 90, "a/y": 90]), policy: policy)
        #expect(!early && cut == before)
        let late = cut.splitIfDoubled(start, files: files(["a/x": 120, "a/y": 120]), policy: policy)
        #expect(late)
        #expect(Set(cut.starts).isSuperset(of: before.starts))
        #expect(cut.starts.contains("a/y"))
        cut.join("a/y")
        #expect(!cut.starts.contains("a/y"))
        cut.join("")
        #expect(cut.starts.contains(""))
    }

    @Test("each class has its own shard when a set is cut, and none when it is not")
    func classes() {
        let cut = ShardCut(files: files(["a": 150]), policy: policy)
        #expect(cut.key("a/f", .payload) != cut.key("a/f", .metadata))
        #expect(ShardCut().key("a/f", .payload) == ShardCut().key("b/g", .metadata))
    }

    @Test("large files count by their bytes")
    func bytes() {
        #expect(ShardCut.weight(1, policy) == 0.01)
        #expect(ShardCut.weight(32 << 30, policy) == 0.5)
    }
}
