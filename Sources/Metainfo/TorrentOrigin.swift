public import SwarmCore

/// How a torrent differs from another one, beside which it was read: what both have, and what only one has. It is as large
/// as the difference, and can be kept, so that snapshots are compared without a look at the torrents themselves.
public struct TorrentOrigin: Hashable, Sendable {
    /// A file of the other torrent.
    public struct Departed: Hashable, Sendable {
        /// Its number there.
        public let entry: Int
        /// What it was.
        public let file: FileEntry
    }

    /// The other torrent's.
    public let infoHash: InfoHash
    /// Entries that stand in both; the first of each stretch are this torrent's. They ascend in both. Some may be missed, as
    /// in `sharedEntries(with:)`.
    public let shared: [SharedEntries]
    /// Files of the other torrent that are not in `shared`.
    public let departed: [Departed]
    /// Symbolic links that only this torrent has.
    public let addedLinks: Set<LinkEntry>
    /// Symbolic links that only the other torrent has.
    public let removedLinks: Set<LinkEntry>
    /// Empty directories that only this torrent has.
    public let addedDirectories: Set<DirectoryEntry>
    /// Empty directories that only the other torrent has.
    public let removedDirectories: Set<DirectoryEntry>

    init(_ sharing: EntrySharing, links: [LinkEntry], directories: [String]) {
        let other = sharing.torrent
        infoHash = other.infoHash
        shared = sharing.shared.map { SharedEntries(first: $0.secondRange, second: $0.first.lowerBound) }
        departed = other.files(outside: sharing.shared.map(\.first)).map { Departed(entry: $0, file: other.file($0)) }
        let (links, old) = (Set(links), Set(other.links))
        (addedLinks, removedLinks) = (links.subtracting(old), old.subtracting(links))
        func entries(_ paths: [String]) -> Set<DirectoryEntry> { Set(paths.map { DirectoryEntry(path: $0) }) }
        let (here, there) = (entries(directories), entries(other.emptyDirectories))
        (addedDirectories, removedDirectories) = (here.subtracting(there), there.subtracting(here))
    }

    /// How this torrent differs from the one that the other one differs from.
    ///
    /// - Parameter older: how the other torrent, `infoHash`, differs from an older one.
    public func following(_ older: TorrentOrigin) -> TorrentOrigin { TorrentOrigin(self, following: older) }

    private init(_ newer: TorrentOrigin, following older: TorrentOrigin) {
        infoHash = older.infoHash
        var shared: [SharedEntries] = []
        var place = 0
        for stretch in newer.shared {
            // Both lists ascend by the numbers of the torrent in the middle.
            while place < older.shared.count, older.shared[place].first.upperBound <= stretch.second { place += 1 }
            for next in older.shared[place...] {
                let middle = next.first.clamped(to: stretch.secondRange)
                if next.first.lowerBound >= stretch.secondRange.upperBound { break }
                guard !middle.isEmpty else { continue }
                let first = stretch.first.lowerBound + middle.lowerBound - stretch.second
                shared.append(
                    SharedEntries(
                        first: first..<(first + middle.count),
                        second: next.second + middle.lowerBound - next.first.lowerBound))
            }
        }
        self.shared = shared
        departed =
            older.departed
            + newer.departed.compactMap { departed in
                older.shared.place(of: departed.entry).map { Departed(entry: $0, file: departed.file) }
            }
        func both<Value>(_ newer: Set<Value>, without: Set<Value>, _ older: Set<Value>, without other: Set<Value>)
            -> Set<Value>
        { newer.subtracting(without).union(older.subtracting(other)) }
        addedLinks = both(
            newer.addedLinks, without: older.removedLinks, older.addedLinks, without: newer.removedLinks)
        removedLinks = both(
            newer.removedLinks, without: older.addedLinks, older.removedLinks, without: newer.addedLinks)
        addedDirectories = both(
            newer.addedDirectories, without: older.removedDirectories, older.addedDirectories,
            without: newer.removedDirectories)
        removedDirectories = both(
            newer.removedDirectories, without: older.addedDirectories, older.removedDirectories,
            without: newer.addedDirectories)
    }

    // MARK: On the disk

    /// What `init(encoded:)` reads: a bencoded dictionary, and the SHA-256 of it.
    public var encoded: [UInt8] {
        var writer = BencodeWriter(capacity: 200 * departed.count + 13 * shared.count)
        writer.dictionary { writer in
            writer.key("added directories")
            Self.write(addedDirectories, &writer)
            writer.key("added links")
            Self.write(addedLinks, &writer)
            writer.key("departed")
            writer.list { writer in
                for departed in departed { Self.write(departed, &writer) }
            }
            writer.key("from")
            writer.string(infoHash.bytes)
            writer.key("removed directories")
            Self.write(removedDirectories, &writer)
            writer.key("removed links")
            Self.write(removedLinks, &writer)
            writer.key("shared")
            writer.list { writer in
                for stretch in shared {
                    writer.integer(stretch.first.lowerBound)
                    writer.integer(stretch.first.count)
                    writer.integer(stretch.second)
                }
            }
        }
        return writer.bytes + Digest.sha256(writer.bytes).bytes
    }

    private static func write(_ links: Set<LinkEntry>, _ writer: inout BencodeWriter) {
        write(links.sorted { $0.path < $1.path }.flatMap { [$0.path, $0.target] }, &writer)
    }

    private static func write(_ directories: Set<DirectoryEntry>, _ writer: inout BencodeWriter) {
        write(directories.map(\.path).sorted(), &writer)
    }

    private static func write(_ texts: [String], _ writer: inout BencodeWriter) {
        writer.list { writer in
            for text in texts { writer.string(text) }
        }
    }

    private static func write(_ departed: Departed, _ writer: inout BencodeWriter) {
        writer.list { writer in
            writer.integer(departed.entry)
            writer.string(departed.file.path)
            writer.integer(departed.file.length)
            writer.integer(departed.file.mtime)
            writer.integer(departed.file.executable ? 1 : 0)
            writer.integer(departed.file.priority.rawValue)
            writer.string(departed.file.sha256.bytes)
        }
    }

    /// Reads what `encoded` wrote; nil when it is damaged. What stands there was believed when it was written.
    public init?(encoded bytes: [UInt8]) {
        let count = bytes.count - SHA256Digest.byteCount
        guard count > 0 else { return nil }
        var reader = BencodeReader(Array(bytes.prefix(count)))
        guard SHA256Digest(bytes, at: count) == Digest.sha256(reader.bytes) else { return nil }
        do throws(BencodeError) {
            var texts: [String: [String]] = [:]
            var departed: [Departed] = []
            var shared: [SharedEntries] = []
            var from: Range<Int>?
            try reader.dictionary(mapping: { $0 }) { (reader, key) throws(BencodeError) in
                let name = String(decoding: reader.bytes[key], as: UTF8.self)
                switch name {
                case "departed":
                    try reader.list(mapping: { $0 }) { (reader) throws(BencodeError) in
                        departed.append(try Self.departed(&reader))
                    }
                case "from": from = try reader.string()
                case "shared":
                    try reader.list(mapping: { $0 }) { (reader) throws(BencodeError) in
                        let first = Int(try reader.integer())
                        let end = first + Int(try reader.integer())
                        shared.append(SharedEntries(first: first..<end, second: Int(try reader.integer())))
                    }
                default:
                    var list: [String] = []
                    try reader.list(mapping: { $0 }) { (reader) throws(BencodeError) in
                        list.append(String(decoding: reader.bytes[try reader.string()], as: UTF8.self))
                    }
                    texts[name] = list
                }
            }
            guard let from, let infoHash = InfoHash(bytes: reader.bytes[from]) else { return nil }
            self.infoHash = infoHash
            self.shared = shared
            self.departed = departed
            addedLinks = Self.links(texts["added links"])
            removedLinks = Self.links(texts["removed links"])
            addedDirectories = Self.directories(texts["added directories"])
            removedDirectories = Self.directories(texts["removed directories"])
        } catch { return nil }
    }

    private static func directories(_ texts: [String]?) -> Set<DirectoryEntry> {
        Set((texts ?? []).map { DirectoryEntry(path: $0) })
    }

    private static func links(_ texts: [String]?) -> Set<LinkEntry> {
        let texts = texts ?? []
        return Set(
            stride(from: 0, to: texts.count - 1, by: 2).map { LinkEntry(path: texts[$0], target: texts[$0 + 1]) })
    }

    private static func departed(_ reader: inout BencodeReader) throws(BencodeError) -> Departed {
        var (numbers, texts): ([Int64], [Range<Int>]) = ([], [])
        let start = reader.offset
        try reader.list(mapping: { $0 }) { (reader) throws(BencodeError) in
            if try reader.peek() == UInt8(ascii: "i") {
                numbers.append(try reader.integer())
            } else {
                texts.append(try reader.string())
            }
        }
        guard numbers.count == 5, texts.count == 2, texts[1].count == SHA256Digest.byteCount,
            let priority = Priority(Int(numbers[4]))
        else { throw .unexpected(offset: start, wanted: "a file") }
        return Departed(
            entry: Int(numbers[0]),
            file: FileEntry(
                path: String(decoding: reader.bytes[texts[0]], as: UTF8.self), length: numbers[1], mtime: numbers[2],
                executable: numbers[3] == 1, priority: priority,
                sha256: SHA256Digest(reader.bytes, at: texts[1].lowerBound)))
    }
}
