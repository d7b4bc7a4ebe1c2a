/// Files that the master suggests to fetch before the others of their class: what readers will want first. In the feed
/// they are a list of paths, left out when there is none.
///
/// A suggestion changes the order inside a class and nothing else: a path that a snapshot does not have is passed over,
/// and so is all of a list that is none. The list stands in the feed, which each node reads whenever it has changed; it
/// costs every poll that has news up to `sizeLimit` bytes.
public struct PrefetchList: Hashable, Sendable, Codable {
    /// How many paths there may be.
    public static let countLimit = 1000
    /// How many bytes the paths may have in the feed, quotation marks and commas counted.
    public static let sizeLimit = 64 << 10

    /// Paths from the set's root, each once, the most wanted first.
    public let paths: [String]

    /// No suggestion.
    public init() { paths = [] }

    /// As many of the paths as fit, from the first one on; what comes a second time, or is empty, is left out.
    public init(_ paths: some Sequence<String>) {
        var kept: [String] = []
        var seen: Set<String> = []
        var size = 0
        for path in paths where !path.isEmpty && !seen.contains(path) {
            size += path.utf8.count + 3
            guard kept.count < Self.countLimit, size <= Self.sizeLimit else { break }
            seen.insert(path)
            kept.append(path)
        }
        self.paths = kept
    }

    /// Whether nothing is suggested.
    public var isEmpty: Bool { paths.isEmpty }

    /// From a list of texts, of which as many are taken as may be; from anything else, an empty list.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        self.init((try? container.decode([String].self)) ?? [])
    }

    /// As a list of texts.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(paths)
    }
}

extension KeyedDecodingContainer {
    /// A list that is missing is empty.
    public func decode(_ type: PrefetchList.Type, forKey key: Key) throws -> PrefetchList {
        try decodeIfPresent(type, forKey: key) ?? PrefetchList()
    }
}

extension KeyedEncodingContainer {
    /// An empty list is left out.
    public mutating func encode(_ list: PrefetchList, forKey key: Key) throws {
        try encodeIfPresent(list.isEmpty ? nil : list, forKey: key)
    }
}
