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

    let pathBytes: [UInt8]
    let pathStarts: [UInt32]
    let lengths: [Int64]
    let offsets: [Int64]
    let mtimes: [Int64]
    let digestOffsets: [UInt32]
    /// Where the entries stand in `bytes`, and last where they end.
    let entryStarts: [UInt32]
    /// A `Kind`, and `executableBit`.
    let kinds: [UInt8]
    static let executableBit: UInt8 = 4
    let priorities: [UInt8]

    init(_ parser: consuming TorrentParser, bytes: [UInt8], infoHash: InfoHash) throws(MetainfoError) {
        guard let name = parser.name, parser.pieceLength > 0, let hashes = parser.pieceHashes, parser.sawFiles else {
            throw MetainfoError(.invalid, "the info dictionary lacks one of: files, name, piece length, pieces")
        }
        parser.pathStarts.append(UInt32(parser.pathBytes.count))
        parser.entryStarts.append(UInt32(parser.entriesEnd))
        self.bytes = bytes
        self.infoHash = infoHash
        self.name = name
        pieceLength = Int(parser.pieceLength)
        pieceHashRange = hashes
        emptyDirectories = parser.emptyDirectories
        links = parser.links
        origin = parser.sharing.map { TorrentOrigin($0, links: parser.links, directories: parser.emptyDirectories) }
        pathBytes = parser.pathBytes
        pathStarts = parser.pathStarts
        lengths = parser.lengths
        offsets = parser.offsets
        mtimes = parser.mtimes
        digestOffsets = parser.digestOffsets
        entryStarts = parser.entryStarts
        kinds = parser.kinds
        priorities = parser.priorities
        let wanted = (contentLength + Int64(pieceLength) - 1) / Int64(pieceLength)
        guard hashes.count.isMultiple(of: InfoHash.byteCount), Int64(pieceCount) == wanted else {
            throw MetainfoError(
                .invalid, "the torrent has \(hashes.count) bytes of piece hashes for a content of \(wanted) pieces")
        }
    }

    /// Entries, pads and links included.
    public var entryCount: Int { lengths.count }
    /// How many pieces the content has.
    public var pieceCount: Int { pieceHashRange.count / InfoHash.byteCount }
    /// Bytes of content, pads included.
    public var contentLength: Int64 { (offsets.last ?? 0) + (lengths.last ?? 0) }

    /// What the entry is.
    public func kind(_ entry: Int) -> Kind { Kind(rawValue: kinds[entry] & 3) ?? .pad }
    /// Whether the file is executable.
    public func isExecutable(_ entry: Int) -> Bool { kinds[entry] & Self.executableBit != 0 }
    /// Length of the entry in bytes.
    public func length(_ entry: Int) -> Int64 { lengths[entry] }
    /// Where the entry begins in the torrent's content.
    public func offset(_ entry: Int) -> Int64 { offsets[entry] }
    /// Seconds since 1970.
    public func mtime(_ entry: Int) -> Int64 { mtimes[entry] }
    /// The class of the file.
    public func priority(_ entry: Int) -> Priority { Priority(Int(priorities[entry])) ?? .payload }
    /// The path from the set's root, as bytes.
    public func pathUTF8(_ entry: Int) -> ArraySlice<UInt8> {
        pathBytes[Int(pathStarts[entry])..<Int(pathStarts[entry + 1])]
    }
    /// The path from the set's root.
    public func path(_ entry: Int) -> String { String(decoding: pathUTF8(entry), as: UTF8.self) }

    /// The SHA-256 of a file's content. The entry must be a file.
    public func sha256(_ entry: Int) -> SHA256Digest {
        SHA256Digest(bytes, at: Int(digestOffsets[entry]))
    }

    /// What decides whether two files may share an inode. The entry must be a file.
    public func identity(_ entry: Int) -> FileIdentity {
        FileIdentity(sha256: sha256(entry), mtime: mtimes[entry], executable: isExecutable(entry))
    }

    /// A number that is the same for files with equal paths, contents, times and modes, in this process and in no other.
    /// The entry must be a file.
    public func fingerprint(_ entry: Int) -> Int {
        FileEntry.fingerprint(path: pathUTF8(entry), identity(entry))
    }

    /// The entry as a value of its own. It must be a file.
    public func file(_ entry: Int) -> FileEntry {
        FileEntry(
            path: path(entry), length: lengths[entry], mtime: mtimes[entry], executable: isExecutable(entry),
            priority: priority(entry), sha256: sha256(entry))
    }

    /// Neighbouring entries as they stand in the `.torrent`.
    func encodedEntries(_ entries: Range<Int>) -> ArraySlice<UInt8> {
        bytes[Int(entryStarts[entries.lowerBound])..<Int(entryStarts[entries.upperBound])]
    }

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
        guard lengths[entry] > 0 else { return 0..<0 }
        let first = offsets[entry] / Int64(pieceLength)
        let last = (offsets[entry] + lengths[entry] - 1) / Int64(pieceLength)
        return Int(first)..<Int(last + 1)
    }

    /// The entries that have content in the piece, in order.
    public func entries(inPiece piece: Int) -> Range<Int> {
        let start = Int64(piece) * Int64(pieceLength)
        let end = start + Int64(length(ofPiece: piece))
        // The first entry that ends after the piece's start.
        let first = (0..<entryCount).partitioningIndex { offsets[$0] + lengths[$0] > start }
        var last = first
        while last < entryCount, offsets[last] < end { last += 1 }
        return first..<last
    }

    /// Entries that are files, ascending.
    public var files: some Sequence<Int> { (0..<entryCount).lazy.filter { self.kinds[$0] & 3 == Kind.file.rawValue } }

    /// File entries in the order of `TreePath.precedes`.
    public func filesByPath() -> [UInt32] {
        let order = files.map { UInt32($0) }
        return order.sorted { TreePath.precedes(pathUTF8(Int($0)), pathUTF8(Int($1))) }
    }
}
