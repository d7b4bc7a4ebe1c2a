public import FoundationEssentials
public import SwarmCore

/// How often files are read at all nodes together, by set and day (UTC), in memory that does not grow with what is read.
/// A value; whoever holds it gives the time.
public struct Popularity: Sendable {
    /// Days since 1970.
    public typealias Day = Int

    /// The counts of one set on one day.
    public struct Key: Hashable, Sendable {
        /// The set.
        public let set: SetName
        /// The day.
        public let day: Day

        /// Both parts given.
        public init(set: SetName, day: Day) {
            self.set = set
            self.day = day
        }
    }

    /// How many days are kept, today included.
    public static let dayLimit = 31
    /// How many files are kept of a set and day.
    public static let fileLimit = 2000
    /// What is taken of one node's report on a set.
    private static let reportLimit = 200
    private static let pathLimit = 4096

    private var counts: [Key: FrequentItems<String>] = [:]
    /// What has changed since `takeChanged()`.
    private var changed: Set<Key> = []

    /// Nothing was read.
    public init() {}

    /// The day of a time.
    public static func day(of time: Date) -> Day { Int((time.timeIntervalSince1970 / 86_400).rounded(.down)) }

    /// Adds what a report has more than the one of the same node before it. A node counts from its start, or from that
    /// of a day; of a new count, all is new. A file that comes into a list which was cut had at most as many reads as the
    /// last one of that list: those may have been counted already, and are not counted again. Reads in between two reports count for the day of the second.
    public mutating func take(_ report: NodeReport, previous: NodeReport?, sets: Set<SetName>, now: Date) {
        let today = Self.day(of: now)
        for carried in report.sets where sets.contains(carried.set) {
            guard let reads = carried.reads else { continue }
            let last = previous?.sets.first { $0.set == carried.set }?.reads
            var before: [String: Int64] = [:]
            var floor: Int64 = 0
            if let last, last.since == reads.since {
                if last.isCut { floor = last.files.map(\.reads).min() ?? 0 }
                for file in last.files { before[file.path] = max(file.reads, before[file.path] ?? 0) }
            }
            let key = Key(set: carried.set, day: today)
            var seen: Set<String> = []
            for file in reads.files.prefix(Self.reportLimit) {
                guard (1...Self.pathLimit).contains(file.path.utf8.count), seen.insert(file.path).inserted else {
                    continue
                }
                let new = min(file.reads, 1 << 40) - min(before[file.path] ?? floor, 1 << 40)
                guard new > 0 else { continue }
                counts[key, default: FrequentItems(capacity: Self.fileLimit)].add(file.path, count: new)
                changed.insert(key)
            }
        }
        counts = counts.filter { $0.key.day > today - Self.dayLimit }
        changed = changed.filter { counts[$0] != nil }
    }

    /// Takes what was saved before.
    public mutating func restore(_ key: Key, path: String, reads: Int64) {
        counts[key, default: FrequentItems(capacity: Self.fileLimit)].add(path, count: reads)
    }

    /// The days with something new, as a whole, to be saved.
    public mutating func takeChanged() -> [Key: [PopularFiles.File]] {
        defer { changed = [] }
        return Dictionary(uniqueKeysWithValues: changed.map { ($0, files(of: [$0], limit: Self.fileLimit)) })
    }

    /// What could not be saved is to be saved again.
    public mutating func putBack(_ keys: some Sequence<Key>) { changed.formUnion(keys.filter { counts[$0] != nil }) }

    /// The files of a set that were read most in the last days, today included.
    public func popular(_ set: SetName, days: Int, limit: Int, now: Date) -> PopularFiles {
        let today = Self.day(of: now)
        let days = min(max(1, days), Self.dayLimit)
        let first = today - days + 1
        return PopularFiles(
            set: set, since: Date(timeIntervalSince1970: Double(first) * 86_400), asked: now,
            files: files(of: (first...today).map { Key(set: set, day: $0) }, limit: limit))
    }

    private func files(of keys: [Key], limit: Int) -> [PopularFiles.File] {
        var sums: [String: Int64] = [:]
        for key in keys {
            for read in counts[key]?.top(Self.fileLimit) ?? [] {
                sums[read.item] = (sums[read.item] ?? 0).addingReportingOverflow(read.count).partialValue
            }
        }
        return sums.map { PopularFiles.File(path: $0.key, reads: $0.value) }
            .sorted { ($1.reads, $0.path) < ($0.reads, $1.path) }.prefix(max(0, limit)).map { $0 }
    }
}

/// The files of a set that readers want most: the JSON of `GET /api/v1/sets/SET/popular`.
public struct PopularFiles: Hashable, Sendable, Codable {
    /// A file.
    public struct File: Hashable, Sendable, Codable {
        /// From the set's root.
        public var path: String
        /// How often it was read from its beginning, no less than this.
        public var reads: Int64

        /// Both parts given.
        public init(path: String, reads: Int64) {
            self.path = path
            self.reads = reads
        }
    }

    /// The set.
    public var set: SetName
    /// The beginning of the first day that counts (UTC).
    public var since: Date
    /// When this was asked, by the tracker's clock.
    public var asked: Date
    /// The one that is read most first.
    public var files: [File]
}
