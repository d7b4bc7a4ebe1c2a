internal import Algorithms
public import SwarmCore

/// What of a torrent concerns some of its pieces: their hashes, and the entries that have content in them. Where little
/// of a large torrent is fetched, this is what stays in memory meanwhile. Entries and pieces keep their numbers.
public struct TorrentExcerpt: Sendable {
    /// SHA-1 of the info dictionary.
    public let infoHash: InfoHash
    /// Bytes of a piece.
    public let pieceLength: Int
    /// How many pieces the whole content has.
    public let pieceCount: Int
    /// Bytes of the whole content, pads included.
    public let contentLength: Int64
    /// The pieces of which this tells.
    public let pieces: PieceSet

    /// The entries of which this tells, ascending.
    private let numbers: [UInt32]
    private let kinds: [Torrent.Kind]
    private let offsets: [Int64]
    private let lengths: [Int64]
    private let mtimes: [Int64]
    private let executables: [Bool]
    private let priorities: [Priority]
    private let digests: [SHA256Digest]
    private let pathStarts: [UInt32]
    private let pathBytes: [UInt8]
    /// The numbers of `pieces`, and their hashes one after the other.
    private let pieceNumbers: [UInt32]
    private let pieceHashes: [UInt8]

    init(_ torrent: Torrent, pieces: PieceSet) {
        infoHash = torrent.infoHash
        pieceLength = torrent.pieceLength
        pieceCount = torrent.pieceCount
        contentLength = torrent.contentLength
        self.pieces = pieces
        let indices = pieces.indices
        var entries: [Int] = []
        for piece in indices {
            for entry in torrent.entries(inPiece: piece) where entry > entries.last ?? -1 && torrent.length(entry) > 0 {
                entries.append(entry)
            }
        }
        numbers = entries.map { UInt32($0) }
        kinds = entries.map { torrent.kind($0) }
        offsets = entries.map { torrent.offset($0) }
        lengths = entries.map { torrent.length($0) }
        mtimes = entries.map { torrent.mtime($0) }
        executables = entries.map { torrent.isExecutable($0) }
        priorities = entries.map { torrent.priority($0) }
        let none = SHA256Digest(Array(repeating: 0, count: SHA256Digest.byteCount), at: 0)
        digests = entries.map { torrent.kind($0) == .file ? torrent.sha256($0) : none }
        var (starts, paths): ([UInt32], [UInt8]) = ([], [])
        starts.reserveCapacity(entries.count + 1)
        paths.reserveCapacity(entries.reduce(0) { $0 + torrent.pathUTF8($1).count })
        for entry in entries {
            starts.append(UInt32(paths.count))
            paths.append(contentsOf: torrent.pathUTF8(entry))
        }
        starts.append(UInt32(paths.count))
        (pathStarts, pathBytes) = (starts, paths)
        pieceNumbers = indices.map { UInt32($0) }
        var hashes: [UInt8] = []
        hashes.reserveCapacity(indices.count * InfoHash.byteCount)
        for piece in indices { hashes.append(contentsOf: torrent.pieceHash(piece)) }
        pieceHashes = hashes
    }

    private func place(_ entry: Int) -> Int {
        let place = numbers.partitioningIndex { $0 >= entry }
        precondition(place < numbers.count && numbers[place] == entry, "the entry is not in the excerpt")
        return place
    }

    // What is asked of an entry below must be asked of one that has content in one of `pieces`.

    /// What the entry is.
    public func kind(_ entry: Int) -> Torrent.Kind { kinds[place(entry)] }
    /// Length of the entry in bytes.
    public func length(_ entry: Int) -> Int64 { lengths[place(entry)] }
    /// Where the entry begins in the torrent's content.
    public func offset(_ entry: Int) -> Int64 { offsets[place(entry)] }
    /// The class of the file.
    public func priority(_ entry: Int) -> Priority { priorities[place(entry)] }
    /// The path from the set's root, as bytes.
    public func pathUTF8(_ entry: Int) -> ArraySlice<UInt8> { pathUTF8(at: place(entry)) }
    /// The path from the set's root.
    public func path(_ entry: Int) -> String { String(decoding: pathUTF8(entry), as: UTF8.self) }
    /// The SHA-256 of a file's content. The entry must be a file.
    public func sha256(_ entry: Int) -> SHA256Digest { digests[place(entry)] }
    /// What decides whether two files may share an inode. The entry must be a file.
    public func identity(_ entry: Int) -> FileIdentity {
        let place = place(entry)
        return FileIdentity(sha256: digests[place], mtime: mtimes[place], executable: executables[place])
    }

    /// The entry as a value of its own. It must be a file.
    public func file(_ entry: Int) -> FileEntry {
        let place = place(entry)
        return FileEntry(
            path: String(decoding: pathUTF8(at: place), as: UTF8.self), length: lengths[place], mtime: mtimes[place],
            executable: executables[place], priority: priorities[place], sha256: digests[place])
    }

    private func pathUTF8(at place: Int) -> ArraySlice<UInt8> {
        pathBytes[Int(pathStarts[place])..<Int(pathStarts[place + 1])]
    }

    /// The pieces that hold the entry's content, those outside the excerpt included.
    public func pieces(_ entry: Int) -> Range<Int> {
        let place = place(entry)
        let first = offsets[place] / Int64(pieceLength)
        let last = (offsets[place] + lengths[place] - 1) / Int64(pieceLength)
        return Int(first)..<Int(last + 1)
    }

    /// The entries that have content in the piece, in order; none for a piece that is not in the excerpt.
    public func entries(inPiece piece: Int) -> [Int] { pieces[piece] ? entries(inPieces: piece..<(piece + 1)) : [] }

    /// The entries that have content in neighbouring pieces, in order. All these pieces must be in the excerpt.
    public func entries(inPieces pieces: Range<Int>) -> [Int] {
        let (start, end) = (
            Int64(pieces.lowerBound) * Int64(pieceLength), Int64(pieces.upperBound) * Int64(pieceLength)
        )
        // The first entry that ends after the start.
        let first = numbers.indices.partitioningIndex { offsets[$0] + lengths[$0] > start }
        return offsets[first...].prefix { $0 < end }.indices.map { Int(numbers[$0]) }
    }

    /// SHA-1 of a piece of the excerpt.
    public func pieceHash(_ piece: Int) -> ArraySlice<UInt8> {
        precondition(pieces[piece], "the piece is not in the excerpt")
        let start = pieceNumbers.partitioningIndex { $0 >= piece } * InfoHash.byteCount
        return pieceHashes[start..<(start + InfoHash.byteCount)]
    }

    /// Length of a piece in bytes; the last one may be shorter.
    public func length(ofPiece piece: Int) -> Int {
        Int(min(Int64(pieceLength), contentLength - Int64(piece) * Int64(pieceLength)))
    }
}

extension Torrent {
    /// What concerns these pieces.
    public func excerpt(of pieces: PieceSet) -> TorrentExcerpt { TorrentExcerpt(self, pieces: pieces) }
}
