import SwarmCore
import Testing

struct FrequentItemsTests {
    @Test func countsExactlyWhatFits() {
        var sketch = FrequentItems<String>(capacity: 3)
        for item in ["a", "b", "a", "c", "a", "b"] { sketch.add(item) }
        sketch.add("c", count: 0)
        sketch.add("d", count: -1)
        #expect(sketch.top(2).map(\.item) == ["a", "b"])
        #expect(sketch.top(10).map(\.count) == [3, 2, 1])
        #expect(sketch.top(0).isEmpty)
    }

    /// In a long tail of rare items, the frequent ones are found, and no count is too high.
    @Test(arguments: [1, 2, 3])
    func findsTheFrequentInBoundedMemory(seed: UInt64) {
        var state = seed
        func random() -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33)
        }
        var sketch = FrequentItems<Int>(capacity: 100)
        var exact: [Int: Int64] = [:]
        for _ in 0..<50_000 {
            // Half of all reads are of ten items, the rest is spread over a million.
            let item = random() & 1 == 0 ? random() % 10 : 10 + random() % 1_000_000
            sketch.add(item)
            exact[item, default: 0] += 1
        }
        #expect(sketch.size == 100)
        let top = sketch.top(10)
        #expect(Set(top.map(\.item)) == Set(0..<10))
        for count in sketch.top(100) { #expect(count.count <= exact[count.item] ?? 0) }
        // What was frequent from the beginning never had to make room.
        for count in top { #expect(count.count * 10 >= (exact[count.item] ?? 0) * 9) }
    }

    @Test func doesNotOverflow() {
        var sketch = FrequentItems<String>(capacity: 1)
        sketch.add("a", count: .max)
        sketch.add("a", count: .max)
        #expect(sketch.top(1).first?.count == .max)
        sketch.add("b", count: .max)
        #expect(sketch.top(1).first?.item == "b")
    }
}
