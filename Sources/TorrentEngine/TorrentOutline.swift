import CLibtorrent
public import SwarmCore

/// What somebody has read of a `.torrent`, and answers for: that it is of version 1 and has this info-hash, that no two files
/// have one path, and that none leads elsewhere. Its entries stand one after the other, in flat columns.
public struct TorrentOutline: Sendable {
    /// The name of the swarm.
    public var infoHash: InfoHash
    /// The directory that the files are in.
    public var name: String
    /// Bytes of a piece.
    public var pieceLength: Int
    /// Whether peers may be learned from its trackers alone (BEP 27).
    public var isPrivate: Bool
    /// The SHA-1 of each piece.
    public var pieces: ArraySlice<UInt8>
    /// Lengths of the entries in bytes.
    public var lengths: [Int64]
    /// Which of them are files: others are padding, or links, which have no length.
    public var isFile: [Bool]
    /// The paths below `name`, one after the other.
    public var paths: [UInt8]
    /// Where the paths begin in `paths`, and last where they end.
    public var pathStarts: [UInt32]

    /// What was read.
    public init(
        infoHash: InfoHash, name: String, pieceLength: Int, isPrivate: Bool, pieces: ArraySlice<UInt8>,
        lengths: [Int64], isFile: [Bool], paths: [UInt8], pathStarts: [UInt32]
    ) {
        self.infoHash = infoHash
        self.name = name
        self.pieceLength = pieceLength
        self.isPrivate = isPrivate
        self.pieces = pieces
        self.lengths = lengths
        self.isFile = isFile
        self.paths = paths
        self.pathStarts = pathStarts
    }
}

extension ParsedTorrent {
    /// Throws `badTorrent` or `hostileNames`.
    init(_ outline: TorrentOutline) throws(EngineError) {
        guard outline.isFile.count == outline.lengths.count, outline.pathStarts.count == outline.lengths.count + 1,
            let end = outline.pathStarts.last, end <= outline.paths.count
        else { throw EngineError(.badTorrent, "the columns of a torrent are not of the same entries") }
        var error = slt_error()
        var code = SLT_OK
        // unsafe: the shim copies what it needs within the call, and reads as far as these counts say; that the paths lie
        // within them it sees to itself.
        let handle = unsafe outline.pieces.withUnsafeBufferPointer { pieces in
            unsafe outline.name.withCString { name in
                unsafe outline.lengths.withUnsafeBufferPointer { lengths in
                    unsafe outline.isFile.withUnsafeBufferPointer { isFile in
                        unsafe outline.paths.withUnsafeBufferPointer { paths in
                            unsafe outline.pathStarts.withUnsafeBufferPointer { starts in
                                var all = unsafe slt_outline(
                                    info_hash: slt_info_hash(outline.infoHash), name: name,
                                    piece_length: Int64(outline.pieceLength), is_private: outline.isPrivate,
                                    pieces: pieces.baseAddress, pieces_size: pieces.count, entry_count: lengths.count,
                                    lengths: lengths.baseAddress, is_file: isFile.baseAddress, paths: paths.baseAddress,
                                    path_starts: starts.baseAddress)
                                return unsafe slt_torrent_make(&all, &code, &error)
                            }
                        }
                    }
                }
            }
        }
        guard let handle = unsafe handle else { throw EngineError(code, error) }
        unsafe self.init(handle: handle)
    }
}
