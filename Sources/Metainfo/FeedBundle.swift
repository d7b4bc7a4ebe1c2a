/// A signed feed together with the documents that a node which follows it would ask for next: one answer in place of several.
/// Nothing in it is believed for being there: the feed has its signature, and each document the digest that leads back to it.
///
/// Bencoded (BEP 3): `documents`, a dictionary of contents by their paths below `/.swarm/<set>/`, and `feed`, the note.
public struct FeedBundle: Hashable, Sendable {
    /// Its media type in HTTP.
    public static let mediaType = "application/x-swarm-feed-bundle"
    /// Bytes of all documents together, at most: what is more is better asked for one by one.
    public static let limit = 4 << 20
    /// Documents, at most, and bytes of the path of each, which is ASCII.
    private static let (countLimit, pathLimit) = (4096, 200)
    /// Bytes that it takes as it is sent, at most, beside the feed.
    public static let encodedLimit = limit + countLimit * (pathLimit + 32)

    /// The signed note.
    public let feed: [UInt8]
    /// By their paths below `/.swarm/<set>/`.
    public let documents: [String: [UInt8]]

    /// Every part given.
    public init(feed: [UInt8], documents: [String: [UInt8]]) {
        self.feed = feed
        self.documents = documents
    }

    /// Whether `init(encoded:)` takes it.
    public var isWithinLimits: Bool {
        documents.count <= Self.countLimit && documents.values.reduce(0) { $0 + $1.count } <= Self.limit
            && documents.keys.allSatisfy { Self.isPath($0.utf8) }
    }

    private static func isPath(_ path: some Collection<UInt8>) -> Bool {
        path.count <= pathLimit && path.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    }

    /// What `init(encoded:)` reads.
    public var encoded: [UInt8] {
        let paths = documents.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        var writer = BencodeWriter(capacity: feed.count + documents.reduce(64) { $0 + 128 + $1.value.count })
        writer.dictionary { writer in
            writer.key("documents")
            writer.dictionary { writer in
                for path in paths {
                    writer.key(path)
                    writer.string(documents[path] ?? [])
                }
            }
            writer.key("feed")
            writer.string(feed)
        }
        return writer.bytes
    }

    /// Throws `BencodeError`, also where a limit is passed. Other keys are ignored.
    public init(encoded: [UInt8]) throws(BencodeError) {
        var reader = BencodeReader(encoded)
        var feed: Range<Int>?
        var documents: [String: [UInt8]] = [:]
        var size = 0
        try reader.dictionary(mapping: { $0 }) { (reader, key) throws(BencodeError) in
            if reader.bytes[key].elementsEqual("feed".utf8) {
                feed = try reader.string()
            } else if reader.bytes[key].elementsEqual("documents".utf8) {
                try reader.dictionary(mapping: { $0 }) { (reader, path) throws(BencodeError) in
                    let content = try reader.string()
                    size += content.count
                    guard Self.isPath(reader.bytes[path]), size <= Self.limit, documents.count < Self.countLimit else {
                        throw .unexpected(offset: path.lowerBound, wanted: "fewer or smaller documents")
                    }
                    documents[String(decoding: reader.bytes[path], as: UTF8.self)] = Array(reader.bytes[content])
                }
            } else {
                try reader.skip()
            }
        }
        try reader.finish()
        guard let feed else { throw .unexpected(offset: 0, wanted: "a feed") }
        self.init(feed: Array(encoded[feed]), documents: documents)
    }
}
