public import SwarmCore

/// A shard's `.torrent` as the publisher wrote it.
public struct EncodedShard: Sendable {
    /// The `.torrent`: a dictionary with the key `info` alone.
    public let bytes: [UInt8]
    /// SHA-1 of the info dictionary: the name of the swarm.
    public let infoHash: InfoHash
    /// Files and bytes of each class, by the class's number.
    public let classes: [String: Manifest.Totals]

    /// More bytes than trackers in front of a torrent take.
    public static let trackersLimit = 64 * 1024

    private static let infoKey = Array("d4:info".utf8)

    init(bytes: [UInt8], classes: [String: Manifest.Totals]) {
        precondition(bytes.starts(with: Self.infoKey), "our torrents begin with the info dictionary")
        self.bytes = bytes
        self.classes = classes
        infoHash = Digest.sha1(bytes.span.extracting(Self.infoKey.count..<(bytes.count - 1)))
    }

    /// What `withTrackers` made of a torrent of `size` bytes, undone; nil when it cannot have been one.
    public static func withoutTrackers(_ bytes: [UInt8], size: Int) -> [UInt8]? {
        if bytes.count == size { return bytes }
        guard size > infoKey.count, bytes.count > size, bytes[bytes.count - size + 1] == infoKey[1] else { return nil }
        return [infoKey[0]] + bytes[(bytes.count - size + 1)...]
    }

    /// A `.torrent` as nodes take it: without trackers, and compressed. Throws `MetainfoError` when it is not the torrent
    /// of that info-hash, and `ZstdError`.
    public static func compressed(_ bytes: [UInt8], _ infoHash: InfoHash) throws -> [UInt8] {
        var reader = BencodeReader(bytes)
        var info = 0..<0
        try reader.dictionary(mapping: MetainfoError.malformed) { (reader, key) throws(MetainfoError) in
            let start = reader.offset
            try reader.passOver()
            if reader.matches(key, Key.info) { info = start..<reader.offset }
        }
        guard Digest.sha1(bytes.span.extracting(info)) == infoHash else {
            throw MetainfoError(.invalid, "the torrent is not \(infoHash)")
        }
        return try Zstd.compress(infoKey + bytes[info] + [UInt8(ascii: "e")])
    }

    /// The same torrent with trackers for clients that do not read the feed (BEP 12); the info-hash stays.
    public func withTrackers(_ trackers: [String]) -> [UInt8] {
        guard let first = trackers.first else { return bytes }
        var writer = BencodeWriter(capacity: bytes.count + 1024)
        writer.dictionary { writer in
            writer.key("announce")
            writer.string(first)
            writer.key("announce-list")
            writer.list { writer in
                for tracker in trackers { writer.list { writer in writer.string(tracker) } }
            }
            // What follows the outer `d` is the key `info` and its value.
            writer.raw(bytes.dropFirst().dropLast())
        }
        return writer.bytes
    }
}
