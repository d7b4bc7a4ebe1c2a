public import SwarmCore

/// How libtorrent reads a `.torrent`: one entry per file, pad files included, in the order of the torrent.
public struct TorrentLayout: Sendable, Hashable {
    /// SHA-1 of the info dictionary.
    public let infoHash: InfoHash
    /// Paths with the torrent's name first, as libtorrent would use them: names that it dislikes are changed, and paths
    /// that collide when case is ignored are numbered (`add` gives the latter their own path back).
    public let paths: [String]
    /// Sizes in bytes.
    public let sizes: [Int64]
    /// Offsets in bytes from the start of the content.
    public let offsets: [Int64]
    /// Whether the file is a pad file (BEP 47), which is never written.
    public let padding: [Bool]
    /// Bytes per piece.
    public let pieceLength: Int
    /// The number of pieces.
    public let pieceCount: Int
}

extension TorrentEngine {
    /// Reads a `.torrent` with libtorrent. Throws `badTorrent`, `unsupportedTorrent` or `hostileNames`.
    public nonisolated static func inspect(torrent: [UInt8]) throws(EngineError) -> TorrentLayout {
        try ParsedTorrent(torrent).layout
    }

    /// Has libtorrent hash the files of a torrent under `savePath` and returns the pieces that are intact, padding
    /// included. Fetches nothing; missing empty files are created. Throws like `inspect`, and `session`.
    public nonisolated static func hashCheck(torrent: [UInt8], savePath: String) async throws(EngineError) -> PieceSet {
        try await offPool {
            do throws(EngineError) {
                return .success(try ParsedTorrent(torrent).check(savePath: savePath))
            } catch {
                return .failure(error)
            }
        }
    }
}
