internal import Algorithms
public import SwarmCore

/// A parsed v1 torrent (BEP 3, BEP 47) with our keys: flat columns over the `.torrent`'s bytes, no object per file.
///
/// Entries keep the torrent's order and numbering, pads included, so an entry's index is the engine's file index. It never
/// changes, and is passed by reference: a dozen columns would be counted one by one at each copy.
public final class Torrent: Sendable {
    /// What an entry is.
    public enum Kind: UInt8, Sendable {
        case file, pad, symlink
    }

    /// The whole `.torrent`.
    public let bytes: [UInt8]
    /// SHA-1 of the info dictionary: the name of the swarm.
    public let infoHash: InfoHash
    /// Where the info dictionary stands in `bytes`.
    private let infoRange: Range<Int>
    /// Whether peers may be learned from its trackers alone (BEP 27).
    public let isPrivate: Bool
    /// The set's name: the directory that the files are in.
    public let name: String
    /// Bytes of a piece.
    public let pieceLength: Int
    /// Where the SHA-1 hashes of the pieces stand in `bytes`.
    let pieceHashRange: Range<Int>
    /// Directories that hold nothing.
    public let emptyDirectories: [String]
    /// All symbolic links: those that BEP 47 can say, and the others.
    public let links: [LinkEntry]
    /// How it differs from the torrent beside which it was read; nil when it was read alone.
    public let origin: TorrentOrigin?

    let columns: EntryColumns

    /// - Parameter infoHash: nil to have it computed.
    init(_ parser: consuming TorrentParser, bytes: [UInt8], infoRange: Range<Int>, infoHash: InfoHash?)
        throws(MetainfoError)
    {
        guard let name = parser.name, parser.pieceLength > 0, let hashes = parser.pieceHashes, parser.sawFiles else {
            throw MetainfoError(.invalid, "the info dictionary lacks one of: files, name, piece length, pieces")
        }
        self.bytes = bytes
        self.infoRange = infoRange
        self.infoHash = infoHash ?? Digest.sha1(bytes.span.extracting(infoRange))
        isPrivate = parser.isPrivate
        self.name = name
        pieceLength = Int(parser.pieceLength)
        pieceHashRange = hashes
        emptyDirectories = parser.emptyDirectories
        links = parser.links
        origin = parser.sharing.map { TorrentOrigin($0, links: parser.links, directories: parser.emptyDirectories) }
        columns = parser.columns
        let wanted = (contentLength + Int64(pieceLength) - 1) / Int64(pieceLength)
        guard hashes.count.isMultiple(of: InfoHash.byteCount), Int64(pieceCount) == wanted else {
            throw MetainfoError(
                .invalid, "the torrent has \(hashes.count) bytes of piece hashes for a content of \(wanted) pieces")
        }
    }

    /// Entries, pads and links included.
    public var entryCount: Int { columns.count }
    /// How many pieces the content has.
    public var pieceCount: Int { pieceHashRange.count / InfoHash.byteCount }
    /// Bytes of content, pads included.
    public var contentLength: Int64 { columns.contentLength }

    /// Lengths of the entries in bytes.
    public var lengths: [Int64] { columns.lengths }
    /// The paths of the entries, one after the other.
    public var paths: [UInt8] { columns.pathBytes }
    /// Where the paths begin in `paths`, and last where they end.
    public var pathStarts: [UInt32] { columns.pathStarts }
    /// The info dictionary as it stands in the `.torrent`.
    public var info: ArraySlice<UInt8> { bytes[infoRange] }
    /// The SHA-1 of each piece, one after the other.
    public var pieceHashes: ArraySlice<UInt8> { bytes[pieceHashRange] }

    /// What was read of the entries, as bytes that this process can put aside and have instead of reading them again: see
    /// `init(parsing:isKnown:infoHash:like:columns:limits:)`.
    public var encodedColumns: [UInt8] { columns.encoded }

    /// What the entry is.
    public func kind(_ entry: Int) -> Kind { columns.kind(entry) }
    /// Whether the file is executable.
    public func isExecutable(_ entry: Int) -> Bool { columns.kinds[entry] & EntryColumns.executableBit != 0 }
    /// Length of the entry in bytes.
    public func length(_ entry: Int) -> Int64 { columns.lengths[entry] }
    /// Where the entry begins in the torrent's content.
    public func offset(_ entry: Int) -> Int64 { columns.offsets[entry] }
    /// Seconds since 1970.
    public func mtime(_ entry: Int) -> Int64 { columns.mtimes[entry] }
    /// The class of the file.
    public func priority(_ entry: Int) -> Priority { Priority(Int(columns.priorities[entry])) ?? .payload }
    /// The path from the set's root, as bytes.
    public func pathUTF8(_ entry: Int) -> ArraySlice<UInt8> { columns.pathBytes[columns.pathRange(entry)] }
    /// The path from the set's root.
    public func path(_ entry: Int) -> String { String(decoding: pathUTF8(entry), as: UTF8.self) }

    /// The SHA-256 of a file's content. The entry must be a file.
    public func sha256(_ entry: Int) -> SHA256Digest {
        SHA256Digest(bytes, at: Int(columns.digestOffsets[entry]))
    }

    /// What decides whether two files may share an inode. The entry must be a file.
    public func identity(_ entry: Int) -> FileIdentity {
        FileIdentity(sha256: sha256(entry), mtime: mtime(entry), executable: isExecutable(entry))
    }

    /// A number that is the same for files with equal paths, contents, times and modes, in this process and in no other.
    /// The entry must be a file.
    public func fingerprint(_ entry: Int) -> Int {
        FileEntry.fingerprint(path: pathUTF8(entry), identity(entry))
    }

    /// The entry as a value of its own. It must be a file.
    public func file(_ entry: Int) -> FileEntry {
        FileEntry(
            path: path(entry), length: length(entry), mtime: mtime(entry), executable: isExecutable(entry),
            priority: priority(entry), sha256: sha256(entry))
    }

    /// Neighbouring entries as they stand in the `.torrent`.
    func encodedEntries(_ entries: Range<Int>) -> ArraySlice<UInt8> { bytes[columns.range(entries)] }

    /// SHA-1 of a piece.
    public func pieceHash(_ piece: Int) -> ArraySlice<UInt8> {
        let start = pieceHashRange.lowerBound + piece * InfoHash.byteCount
        return bytes[start..<(start + InfoHash.byteCount)]
    }

    /// Length of a piece in bytes; the last one may be shorter.
    public func length(ofPiece piece: Int) -> Int {
        Int(min(Int64(pieceLength), contentLength - Int64(piece) * Int64(pieceLength)))
    }

    /// The pieces that hold the entry's content; empty for an empty one.
    public func pieces(_ entry: Int) -> Range<Int> {
        let (offset, length) = (offset(entry), length(entry))
        guard length > 0 else { return 0..<0 }
        let first = offset / Int64(pieceLength)
        let last = (offset + length - 1) / Int64(pieceLength)
        return Int(first)..<Int(last + 1)
    }

    /// The entries that have content in the piece, in order.
    public func entries(inPiece piece: Int) -> Range<Int> {
        let start = Int64(piece) * Int64(pieceLength)
        let end = start + Int64(length(ofPiece: piece))
        // The first entry that ends after the piece's start.
        let first = (0..<entryCount).partitioningIndex { offset($0) + length($0) > start }
        var last = first
        while last < entryCount, offset(last) < end { last += 1 }
        return first..<last
    }

    /// Entries that are files, ascending.
    public var files: some Sequence<Int> { (0..<entryCount).lazy.filter { self.kind($0) == .file } }

    /// File entries in the order of `TreePath.precedes`.
    public func filesByPath() -> [UInt32] {
        let order = files.map { UInt32($0) }
        return order.sorted { TreePath.precedes(pathUTF8(Int($0)), pathUTF8(Int($1))) }
    }
}
