internal import ConfigurationFile
internal import Metainfo
public import SwarmCore

/// What the file `config.toml` of a store says.
public struct StoreConfiguration: Sendable {
    /// The set's name.
    public var set: SetName
    /// The directory whose states are published; absolute.
    public var source: String
    /// Which paths are metadata and entry points.
    public var preset: Preset
    /// Bytes of a piece; fixed for the life of a set.
    public var pieceLength: Int
    /// Files of this many bytes or more begin on a piece.
    public var alignFrom: Int64
    /// Snapshots that stay live beside those with a tag.
    public var keep: Int
    /// How many percent of its files a set may lose in one snapshot that is not forced.
    public var maxShrinkage: Int
    /// From publication to activation, when a snapshot is not told otherwise.
    public var delay: Duration
    /// For how long a feed is valid; it is signed anew after half of that.
    public var feedLifetime: Duration
    /// Base URLs where the set's HTTP paths are found.
    public var urls: [String]
    /// Announce URLs of BitTorrent trackers.
    public var trackers: [String]
    /// Globs of what is not published.
    public var exclude: [String]
    /// Globs with a class of their own, the first that matches decides.
    public var priorities: [(glob: String, priority: Priority)]
    /// A set of up to this many files is one torrent.
    public var singleUpTo: Int
    /// Files that a shard should have in a larger set.
    public var shardFiles: Int
    /// Bytes that a shard should have in a larger set, where its files are large.
    public var shardBytes: Int64

    /// A configuration with the defaults for all else.
    public init(set: SetName, source: String, preset: Preset, pieceLength: Int) {
        self.set = set
        self.source = source
        self.preset = preset
        self.pieceLength = pieceLength
        alignFrom = 128 << 10
        keep = 2
        maxShrinkage = 50
        delay = .zero
        feedLifetime = .seconds(7 * 86_400)
        urls = []
        trackers = []
        exclude = []
        priorities = []
        singleUpTo = 10_000
        shardFiles = 20_000
        shardBytes = 64 << 30
    }

    /// Reads a configuration; the error lists everything that is wrong in it, with lines.
    public init(text: String, file: String) throws {
        let reader = try ConfigurationReader(text: text, file: file)
        let root = reader.root
        let set = root.requiredParsed("set", expected: "a set's name: \(SetName.rule)") { SetName($0) }
        let source = root.requiredParsed("source", expected: "an absolute path") { text -> String? in
            guard text.utf8.first == UInt8(ascii: "/") else { return nil }
            var path = text
            while path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
            return path
        }
        let pieceLength = root.requiredInt("piece-length", in: (16 << 10)...(64 << 20))
        if pieceLength.nonzeroBitCount != 1 { root.reject("piece-length", "expected a power of two") }
        let preset = root.oneOf("preset", default: Preset.plain)
        self.init(
            set: set ?? SetName.unknown, source: source ?? "/", preset: preset, pieceLength: pieceLength)
        alignFrom = root.byteCount("align-from", in: 1...(1 << 40), default: alignFrom)
        keep = root.int("keep", in: 1...1000, default: keep)
        maxShrinkage = root.int("max-shrinkage", in: 0...100, default: maxShrinkage)
        delay = root.duration("delay", default: delay)
        feedLifetime = root.duration(
            "feed-lifetime", in: .seconds(60)...(.seconds(86_400 * 3650)), default: feedLifetime)
        urls = root.stringArray("urls")
        trackers = root.stringArray("trackers")
        exclude = root.stringArray("exclude")
        singleUpTo = root.int("single-torrent-up-to", in: 1...1_000_000, default: singleUpTo)
        shardFiles = root.int("shard-files", in: 10...1_000_000, default: shardFiles)
        shardBytes = root.byteCount("shard-bytes", in: (1 << 20)...(1 << 46), default: shardBytes)
        for table in root.tables("priority") {
            let glob = table.requiredString("glob")
            let value = table.requiredInt("class", in: 1...7)
            do { _ = try Glob(glob) } catch { table.reject("glob", "\(error)") }
            if let priority = Priority(value) { priorities.append((glob, priority)) }
        }
        do { _ = try PathFilter(exclude: exclude).compiled() } catch { root.reject("exclude", "\(error)") }
        try reader.finish()
    }

    /// The file's text, with a comment on each setting.
    public var text: String {
        func list(_ values: [String]) -> String { "[" + values.map { quoted($0) }.joined(separator: ", ") + "]" }
        return """
            # The store of one set. `swarm-publish` reads this at every start.

            # The set's name and the directory whose states are published.
            set = \(quoted(set.rawValue))
            source = \(quoted(source))

            # Which paths are metadata and entry points, and so are fetched last: "apt", "rpm-md" or "plain".
            preset = \(quoted(preset.rawValue))

            # Bytes of a piece: fixed for the life of the set.
            piece-length = \(pieceLength)

            # Where the set's HTTP paths are found, for nodes that were given another upstream.
            urls = \(list(urls))

            # BitTorrent trackers that nodes announce to. Without one, nodes find each other through the master.
            trackers = \(list(trackers))

            # What is not published, as globs: "*.tmp" in any directory, "/private/" at the top.
            exclude = \(list(exclude))

            # Live snapshots beside those with a tag, and the time from publication to activation.
            keep = \(keep)
            delay = "\(Quantities.format(duration: delay))"

            # A source that lost more than this percentage of its files is published only with --force.
            max-shrinkage = \(maxShrinkage)

            # Any path can be given a class from 7 (first) to 1 (last); ordinary payload has 4.
            # [[priority]]
            # glob = "/dists/*/Contents-*"
            # class = 3

            """
    }

    private func quoted(_ text: String) -> String {
        let escaped = text.unicodeScalars.map { scalar -> String in
            switch scalar {
            case "\"": "\\\""
            case "\\": "\\\\"
            case _ where scalar.value < 32 || scalar.value == 127:
                "\\u" + String(repeating: "0", count: 4 - String(scalar.value, radix: 16).count)
                    + String(scalar.value, radix: 16)
            default: String(scalar)
            }
        }
        return "\"" + escaped.joined() + "\""
    }

    /// When the set is cut, and how large its shards should be.
    var cutPolicy: ShardCut.Policy {
        var policy = ShardCut.Policy()
        policy.singleUpTo = singleUpTo
        policy.shardFiles = shardFiles
        policy.shardBytes = shardBytes
        return policy
    }

    /// The rules of priority, with a text that differs when they do.
    func rules() throws -> (PriorityRules, fingerprint: String) {
        let rules = try PriorityRules(preset: preset, overrides: priorities)
        let parts = [preset.rawValue] + priorities.map { "\($0.priority) \($0.glob)" }
        return (rules, parts.joined(separator: "\n"))
    }
}

extension SetName {
    /// Stands in while other errors of a configuration are gathered.
    static var unknown: SetName {
        guard let name = SetName("unknown") else { preconditionFailure("“unknown” keeps the rule of names") }
        return name
    }
}
