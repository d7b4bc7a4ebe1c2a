import CLibtorrent
import SwarmCore

// Copies between the shim's structures and Swift values. Pointers inside the shim's structures are valid until the next
// call on their handle, and each conversion copies before it returns.

extension EngineError {
    init(_ code: slt_code, _ error: slt_error) {
        let kind: Code =
            switch code {
            case SLT_BAD_TORRENT: .badTorrent
            case SLT_UNSUPPORTED_TORRENT: .unsupportedTorrent
            case SLT_HOSTILE_NAMES: .hostileNames
            case SLT_INFO_HASH_MISMATCH: .infoHashMismatch
            case SLT_PIECE_COUNT_MISMATCH: .pieceMismatch
            case SLT_ALREADY_ADDED: .alreadyAdded
            case SLT_UNKNOWN_TORRENT: .unknownTorrent
            case SLT_BAD_ADDRESS: .badAddress
            default: .session
            }
        // The message is an array inside the structure, which is copied here.
        let message = unsafe withUnsafeBytes(of: error.message) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        self.init(kind, message, nativeCode: error.native_code)
    }

    /// Throws what a call of the shim reports.
    static func check(_ call: (inout slt_error) -> slt_code) throws(EngineError) {
        var error = slt_error()
        let code = call(&error)
        guard code == SLT_OK else { throw EngineError(code, error) }
    }
}

extension slt_info_hash {
    init(_ infoHash: InfoHash) {
        self.init()
        // Both sides are 20 bytes.
        unsafe withUnsafeMutableBytes(of: &self) { unsafe $0.copyBytes(from: infoHash.bytes) }
    }
}

extension InfoHash {
    init(_ hash: slt_info_hash) {
        let bytes = unsafe withUnsafeBytes(of: hash.bytes) { unsafe [UInt8]($0) }
        guard let result = InfoHash(bytes: bytes) else { preconditionFailure("an info-hash of the shim has 20 bytes") }
        self = result
    }
}

extension String {
    /// A text of the shim; empty for null.
    init(shim text: UnsafePointer<CChar>?) {
        self = unsafe text.map { unsafe String(cString: $0) } ?? ""
    }
}

/// One notice of the session, before the engine has judged it.
enum SessionEvent {
    case listening(Endpoint)
    case listenFailed(Endpoint, String)
    case piece(InfoHash, PieceIndex)
    case refused(InfoHash, PieceIndex)
    case banned(InfoHash, Endpoint)
    case fileError(InfoHash, path: String, message: String, errno: Int32)
    case trackerError(InfoHash, url: String, message: String, failures: Int)
    case flushed(InfoHash)
    case dropped

    init?(_ event: slt_event) {
        let infoHash = unsafe InfoHash(event.info_hash)
        let piece = unsafe PieceIndex(Int(event.piece))
        let endpoint = unsafe Endpoint(host: String(shim: event.host), port: event.port)
        let path = unsafe String(shim: event.path)
        let message = unsafe String(shim: event.message)
        switch unsafe event.kind {
        case SLT_EVENT_LISTENING: self = .listening(endpoint)
        case SLT_EVENT_LISTEN_FAILED: self = .listenFailed(endpoint, message)
        case SLT_EVENT_PIECE: self = .piece(infoHash, piece)
        case SLT_EVENT_PIECE_REFUSED: self = .refused(infoHash, piece)
        case SLT_EVENT_PEER_BANNED: self = .banned(infoHash, endpoint)
        case SLT_EVENT_FILE_ERROR:
            self = unsafe .fileError(infoHash, path: path, message: message, errno: event.native_code)
        case SLT_EVENT_TRACKER_ERROR:
            self = unsafe .trackerError(infoHash, url: path, message: message, failures: Int(event.failures))
        case SLT_EVENT_FLUSHED: self = .flushed(infoHash)
        case SLT_EVENT_DROPPED: self = .dropped
        default: return nil
        }
    }
}

extension TorrentStatus {
    init?(_ status: slt_status) {
        let bytes = unsafe [UInt8](UnsafeBufferPointer(start: status.have, count: status.have_size))
        guard let have = unsafe PieceSet(pieceCount: Int(status.piece_count), bytes: bytes) else { return nil }
        unsafe self.init(
            infoHash: InfoHash(status.info_hash), have: have, downloadRate: Int(status.download_rate),
            uploadRate: Int(status.upload_rate), payloadUploaded: status.payload_uploaded,
            payloadDownloaded: status.payload_downloaded, peers: Int(status.peers), seeds: Int(status.seeds),
            isFinished: status.finished, error: status.error.map { unsafe String(cString: $0) })
    }
}

extension PeerSummary {
    init(_ peer: slt_peer) {
        unsafe self.init(
            endpoint: Endpoint(host: String(cString: peer.host), port: peer.port),
            client: String(cString: peer.client), isMaster: peer.is_master, downloadRate: Int(peer.download_rate),
            uploadRate: Int(peer.upload_rate), isSeed: peer.is_seed)
    }
}

extension Traffic {
    init(_ traffic: slt_traffic) {
        self.init(
            fromMaster: traffic.from_master, fromPeers: traffic.from_peers, refused: traffic.refused,
            uploaded: traffic.uploaded, fromNear: traffic.from_near, fromFar: traffic.from_far,
            toNear: traffic.to_near, toFar: traffic.to_far, fromNearPeers: traffic.from_near_peers,
            fromFarPeers: traffic.from_far_peers)
    }
}
