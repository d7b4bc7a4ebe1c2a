import CLibtorrent
import SwarmCore
import Synchronization

/// A `.torrent` that was read; owns the shim's handle. To be used by one thread at a time.
@safe
struct ParsedTorrent: ~Copyable {
    /// The shim's handle, valid for as long as this value lives.
    let handle: OpaquePointer

    /// Throws `badTorrent`, `unsupportedTorrent` or `hostileNames`.
    init(_ bytes: [UInt8]) throws(EngineError) {
        var error = slt_error()
        var code = SLT_OK
        // The shim copies the bytes.
        guard let handle = unsafe slt_torrent_parse(bytes, bytes.count, &code, &error) else {
            throw EngineError(code, error)
        }
        unsafe self.handle = handle
    }

    /// Takes a handle over.
    init(handle: OpaquePointer) { unsafe self.handle = handle }

    deinit { unsafe slt_torrent_free(handle) }

    var pieceCount: Int { unsafe Int(slt_torrent_piece_count(handle)) }

    func rename(_ file: Int, to path: String) { unsafe slt_torrent_rename(handle, Int32(clamping: file), path) }
    func add(tracker url: String) { unsafe slt_torrent_add_tracker(handle, url) }

    /// A peer to dial at once. Throws `badAddress`.
    func add(peer: Endpoint) throws(EngineError) {
        let handle = unsafe handle
        try EngineError.check { unsafe slt_torrent_add_peer(handle, peer.host, peer.port, &$0) }
    }
}

extension TorrentEngine {
    /// A torrent that was read, to be added once.
    public final class ReadTorrent: Sendable {
        private let torrent: Mutex<ParsedTorrent?>

        init(_ torrent: consuming sending ParsedTorrent) { self.torrent = Mutex(torrent) }

        /// The torrent, for whoever comes first. Throws `badTorrent`.
        func take() throws(EngineError) -> ParsedTorrent {
            guard let torrent = torrent.withLock({ $0.take() }) else {
                throw EngineError(.badTorrent, "the torrent was added before, and has to be read again")
            }
            return torrent
        }
    }

    /// Reads a `.torrent` on a thread of its own: for a large one it takes as long as everything else that the engine does
    /// with it. Throws `badTorrent`, `unsupportedTorrent`, `hostileNames`.
    public static func read(_ bytes: [UInt8]) async throws(EngineError) -> ReadTorrent {
        try await offPool {
            do throws(EngineError) {
                return .success(ReadTorrent(try ParsedTorrent(bytes)))
            } catch {
                return .failure(error)
            }
        }
    }

    /// The same for a torrent that was read by somebody else, in a fraction of the time. Blocking. Throws `badTorrent`,
    /// `hostileNames`.
    public static func read(_ outline: TorrentOutline) throws(EngineError) -> ReadTorrent {
        ReadTorrent(try ParsedTorrent(outline))
    }
}
