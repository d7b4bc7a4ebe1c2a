internal import Algorithms
public import SwarmCore

/// Where a tree is cut into shards: at places in the order of its paths, so that each shard is a stretch of neighbouring
/// paths, and small directories share one. The cut follows the parent snapshot's, and moves only where a shard doubled or
/// shrank to a quarter.
public struct ShardCut: Hashable, Sendable {
    /// When a set is cut, and how large a shard should be.
    public struct Policy: Hashable, Sendable {
        /// Up to this many files a set is one torrent, which any client can take whole.
        public var singleUpTo = 10_000
        /// Above that, shards aim at this many files…
        public var shardFiles = 20_000
        /// … and this many bytes.
        public var shardBytes: Int64 = 64 << 30

        /// The policy with its defaults.
        public init() {}
    }

    /// One shard: the path that its stretch begins at, and the class when each class has its own.
    public struct Key: Hashable, Sendable, Comparable {
        /// A directory or file; empty for the first stretch.
        public let start: String
        /// Nil when one torrent has all classes.
        public let priority: Priority?

        /// A key from its parts.
        public init(start: String, priority: Priority?) {
            self.start = start
            self.priority = priority
        }

        /// By place, and the class that is fetched first before the others.
        public static func < (left: Key, right: Key) -> Bool {
            left.start != right.start
                ? TreePath.precedes(left.start.utf8, right.start.utf8)
                : (left.priority?.rawValue ?? 0) > (right.priority?.rawValue ?? 0)
        }
    }

    /// Where the stretches begin, ascending in the order of `TreePath.precedes`; the first one is "".
    public private(set) var starts: [String]
    /// Whether there is more than one torrent, and each class has its own.
    public let isSharded: Bool

    /// The cut of a snapshot with these shards.
    public init(shards: [Manifest.Shard]) {
        isSharded = shards.contains { $0.priority != nil }
        starts = Self.sorted(Set(shards.map(\.start)).union([""]))
    }

    /// The cut of a set that is one torrent.
    public init() {
        isSharded = false
        starts = [""]
    }

    /// A cut made anew, for a tree with these files.
    public init(files: some Sequence<(path: String, length: Int64)>, policy: Policy) {
        self.init(sorted: Self.ordered(files), policy: policy)
    }

    /// The same for files in the order of `TreePath.precedes`, of which the collection may make each when it is asked.
    public init(sorted files: some Collection<(path: String, length: Int64)>, policy: Policy) {
        isSharded = true
        starts = [""] + Self.cuts(files, policy)
    }

    private static func ordered(_ files: some Sequence<(path: String, length: Int64)>) -> [(
        path: String, length: Int64
    )] {
        files.sorted { TreePath.precedes($0.path.utf8, $1.path.utf8) }
    }

    /// The shard of a path.
    public func key(_ path: String, _ priority: Priority) -> Key {
        guard isSharded else { return Key(start: "", priority: nil) }
        // The last start that does not come after the path.
        let next = starts.partitioningIndex { TreePath.precedes(path.utf8, $0.utf8) }
        return Key(start: starts[max(0, next - 1)], priority: priority)
    }

    /// Cuts the stretch at `start`, whose files these are, when they make up two shards or more. Returns whether
    /// anything moved.
    public mutating func splitIfDoubled(
        _ start: String, files: some Collection<(path: String, length: Int64)>, policy: Policy
    ) -> Bool {
        guard files.reduce(0, { $0 + Self.weight($1.length, policy) }) >= 2 else { return false }
        let cuts = Self.cuts(Self.ordered(files), policy)
        starts = Self.sorted(Set(starts).union(cuts))
        return !cuts.isEmpty
    }

    /// Joins the stretch at `start` with the one before it.
    public mutating func join(_ start: String) {
        if !start.isEmpty { starts.removeAll { $0 == start } }
    }

    /// The part of a shard that one file makes up.
    public static func weight(_ length: Int64, _ policy: Policy) -> Double {
        max(1 / Double(policy.shardFiles), Double(length) / Double(policy.shardBytes))
    }

    /// A shard that shrank to less than this part of a full one is joined with the one before it.
    public static let joinBelow = 0.25

    private static func sorted(_ starts: Set<String>) -> [String] {
        starts.sorted { TreePath.precedes($0.utf8, $1.utf8) }
    }

    /// Fills one shard after the other in the order of the paths: up to the end of the directory in which it is full, or
    /// half as much again where a directory does not end.
    private static func cuts(_ ordered: some Collection<(path: String, length: Int64)>, _ policy: Policy) -> [String] {
        var rest = ordered.reduce(0) { $0 + weight($1.length, policy) }
        var cuts: [String] = []
        var filled = 0.0
        var previous: String?
        for file in ordered {
            let weight = weight(file.length, policy)
            if let last = previous, filled > 0, rest >= joinBelow, filled + weight > 1 {
                let directoryEnds = TreePath.directory(of: last) != TreePath.directory(of: file.path)
                if directoryEnds || filled + weight > 1.5 {
                    cuts.append(boundary(last, file.path))
                    filled = 0
                }
            }
            filled += weight
            rest -= weight
            previous = file.path
        }
        return cuts
    }

    /// The shortest path that comes after `left` and not after `right`.
    private static func boundary(_ left: String, _ right: String) -> String {
        let slash = UInt8(ascii: "/")
        let (before, after) = (left.utf8.split(separator: slash), right.utf8.split(separator: slash))
        let shared = zip(before, after).prefix { $0.elementsEqual($1) }.count
        return after.prefix(shared + 1).map { String(Substring($0)) }.joined(separator: "/")
    }
}
