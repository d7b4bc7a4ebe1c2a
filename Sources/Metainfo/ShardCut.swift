public import SwarmCore

/// Where a tree is cut into shards. The cut follows the parent snapshot's, and moves only where a shard doubled or
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

    /// One shard: the directory that it is cut at, and the class when each class has its own.
    public struct Key: Hashable, Sendable, Comparable {
        /// The directory; empty for the root.
        public let directory: String
        /// The only class in the shard; nil when all are.
        public let priority: Priority?

        /// A key of the given parts.
        public init(directory: String, priority: Priority?) {
            self.directory = directory
            self.priority = priority
        }

        /// By directory, and the class that is fetched first before the others.
        public static func < (left: Key, right: Key) -> Bool {
            left.directory != right.directory
                ? left.directory < right.directory : (left.priority?.rawValue ?? 0) > (right.priority?.rawValue ?? 0)
        }
    }

    /// The directories at which the tree is cut; the root, "", is always one.
    public private(set) var directories: Set<String>
    /// Whether there is more than one torrent, and each class has its own.
    public let isSharded: Bool

    /// The cut of a snapshot with these shards.
    public init(shards: [Manifest.Shard]) {
        isSharded = shards.contains { $0.priority != nil }
        directories = Set(shards.map(\.directory)).union([""])
    }

    /// The cut of a set that is one torrent.
    public init() {
        isSharded = false
        directories = [""]
    }

    /// A cut made anew, for a tree with these files.
    public init(files: some Sequence<(path: String, length: Int64)>, policy: Policy) {
        isSharded = true
        directories = [""]
        var weights: [String: Double] = [:]
        for file in files { Self.add(file.path, Self.weight(file.length, policy), to: &weights) }
        split("", weights: weights, limit: 1)
    }

    /// The shard of a path.
    public func key(_ path: String, _ priority: Priority) -> Key {
        guard isSharded else { return Key(directory: "", priority: nil) }
        var directory = TreePath.directory(of: path)
        while !directories.contains(directory) { directory = TreePath.directory(of: directory) }
        return Key(directory: directory, priority: priority)
    }

    /// Cuts at further directories below `directory`, whose own files these are, when they make up two shards or more.
    /// Returns whether anything moved.
    public mutating func splitIfDoubled(
        _ directory: String, files: some Sequence<(path: String, length: Int64)>, policy: Policy
    ) -> Bool {
        var weights: [String: Double] = [:]
        for file in files { Self.add(file.path, Self.weight(file.length, policy), to: &weights) }
        guard let total = weights[directory], total >= 2 else { return false }
        let before = directories.count
        split(directory, weights: weights, limit: 1)
        return directories.count != before
    }

    /// Joins the shards of `directory` with those above it.
    public mutating func join(_ directory: String) {
        if !directory.isEmpty { directories.remove(directory) }
    }

    /// The part of a shard that one file makes up.
    public static func weight(_ length: Int64, _ policy: Policy) -> Double {
        max(1 / Double(policy.shardFiles), Double(length) / Double(policy.shardBytes))
    }

    private static func add(_ path: String, _ weight: Double, to weights: inout [String: Double]) {
        var directory = path
        repeat {
            directory = TreePath.directory(of: directory)
            weights[directory, default: 0] += weight
        } while !directory.isEmpty
    }

    /// A directory with less than this part of a full shard gets no shard of its own.
    static let smallest = 0.05
    /// A shard that shrank to less than this part of a full one is joined with the one above it.
    public static let joinBelow = smallest / 4

    /// Takes the heaviest subdirectory out of `directory` until what is left, and what was taken, fit the limit, or
    /// until only small ones are left.
    private mutating func split(_ directory: String, weights: [String: Double], limit: Double) {
        var children: [String: [(path: String, weight: Double)]] = [:]
        for (path, weight) in weights where !path.isEmpty && !directories.contains(path) {
            children[TreePath.directory(of: path), default: []].append((path, weight))
        }
        var pending = [directory]
        while let current = pending.popLast() {
            var rest = weights[current] ?? 0
            let candidates = (children[current] ?? []).sorted {
                $0.weight != $1.weight ? $0.weight > $1.weight : $0.path < $1.path
            }
            for child in candidates where rest > limit && child.weight >= Self.smallest {
                rest -= child.weight
                directories.insert(child.path)
                pending.append(child.path)
            }
        }
    }
}
