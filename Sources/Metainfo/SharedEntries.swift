internal import Algorithms
internal import Glibc

/// Neighbouring entries that stand in two torrents byte for byte: nothing that they say differs.
public struct SharedEntries: Hashable, Sendable {
    /// Where they are in the one torrent.
    public let first: Range<Int>
    /// Where they begin in the other.
    public let second: Int

    /// A stretch of entries of one torrent, and where it begins in another.
    public init(first: Range<Int>, second: Int) {
        self.first = first
        self.second = second
    }

    /// As many entries of the other torrent.
    public var secondRange: Range<Int> { second..<(second + first.count) }
}

extension [SharedEntries] {
    /// Where the other torrent has an entry of the one; nil when it is in none of these ascending stretches.
    public func place(of entry: Int) -> Int? {
        let index = partitioningIndex { $0.first.upperBound > entry }
        guard index < count, self[index].first.contains(entry) else { return nil }
        return self[index].second + entry - self[index].first.lowerBound
    }
}

extension Torrent {
    /// Files outside of ascending stretches of entries, ascending.
    func files(outside stretches: some Sequence<Range<Int>>) -> [Int] {
        var files: [Int] = []
        var next = 0
        func pass(to end: Int) { for entry in next..<end where kind(entry) == .file { files.append(entry) } }
        for stretch in stretches {
            pass(to: stretch.lowerBound)
            next = stretch.upperBound
        }
        pass(to: entryCount)
        return files
    }

    /// How far a stretch is looked for behind the end of the one before, in entries of both torrents together: publishers
    /// append what is new and put pads where something went, so that all else keeps its order.
    private static let window = 24

    /// Stretches of entries that this torrent and `other` have in the same order, ascending. Some may be missed where the
    /// order differs; no entry is in two of them.
    public func sharedEntries(with other: Torrent) -> [SharedEntries] {
        var shared: [SharedEntries] = []
        // unsafe: the pointers stay inside the closures, and a comparison reads within the entries.
        unsafe bytes.withUnsafeBytes { left in
            unsafe other.bytes.withUnsafeBytes { right in
                func isSame(_ first: Int, _ second: Int) -> Bool {
                    let (from, to) = (columns.range(first), other.columns.range(second))
                    guard from.count == to.count, let one = left.baseAddress, let two = right.baseAddress else {
                        return false
                    }
                    return unsafe memcmp(one + from.lowerBound, two + to.lowerBound, from.count) == 0
                }
                var (first, second) = (0, 0)
                while first < entryCount, second < other.entryCount {
                    let start = (first, second)
                    while first < entryCount, second < other.entryCount, isSame(first, second) {
                        first += 1
                        second += 1
                    }
                    if first > start.0 { shared.append(SharedEntries(first: start.0..<first, second: start.1)) }
                    let step = Self.step(isSame: { (one, two) in
                        first + one < entryCount && second + two < other.entryCount
                            && isSame(first + one, second + two)
                    })
                    first += step.0
                    second += step.1
                }
            }
        }
        return shared
    }

    /// The nearest place, behind two entries that differ, where both torrents go on alike.
    private static func step(isSame: (Int, Int) -> Bool) -> (Int, Int) {
        // One file for another, or a pad for a file, is the most frequent change.
        if isSame(1, 1) { return (1, 1) }
        for distance in 1...window {
            for one in 0...distance where isSame(one, distance - one) { return (one, distance - one) }
        }
        return (window / 2, window / 2)
    }
}
