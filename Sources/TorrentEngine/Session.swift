import CLibtorrent
import Dispatch
import SwarmCore

/// Wakes the engine's task. Foreign threads reach it through an unmanaged reference that the session holds.
final class Wakeup: Sendable {
    private let continuation: AsyncStream<Void>.Continuation

    init(_ continuation: AsyncStream<Void>.Continuation) { self.continuation = continuation }
    deinit { continuation.finish() }

    func signal() { continuation.yield() }
}

/// A session of libtorrent; owns the shim's handle. To be used by one thread at a time, which its calls may block.
@safe
struct Session: ~Copyable {
    private let handle: OpaquePointer

    /// Throws `session`. `wakeup` is signalled, on any thread, when `poll` has something to tell.
    init(_ settings: EngineSettings, wakeup: Wakeup) throws(EngineError) {
        var error = slt_error()
        // The session releases the reference when it ends or cannot be made.
        let context = unsafe Unmanaged.passRetained(wakeup).toOpaque()
        // The texts live until the call returns, which is as long as the shim looks at them.
        let made = unsafe settings.fingerprint.withCString { fingerprint in
            unsafe "swarm-mirror".withCString { userAgent in
                unsafe settings.listenInterfaces.withCString { listen in
                    unsafe settings.outgoingInterfaces.withCString { outgoing in
                        var values = unsafe slt_settings(
                            fingerprint: fingerprint, user_agent: userAgent, listen_interfaces: listen,
                            outgoing_interfaces: outgoing, upload_limit: Int32(clamping: settings.uploadLimit),
                            download_limit: Int32(clamping: settings.downloadLimit),
                            connections_limit: Int32(clamping: settings.connectionsLimit),
                            unchoke_slots: Int32(clamping: settings.effectiveUnchokeSlots),
                            limit_local_peers: settings.limitsLocalPeers)
                        return unsafe slt_session_create(
                            &values, { unsafe Unmanaged<Wakeup>.fromOpaque($0).takeUnretainedValue().signal() },
                            context, { unsafe Unmanaged<Wakeup>.fromOpaque($0).release() }, &error)
                    }
                }
            }
        }
        guard let made = unsafe made else { throw EngineError(SLT_SESSION, error) }
        unsafe handle = made
    }

    /// Replaces the rules. Peers that are blocked now are disconnected.
    func setPeerRules(_ rules: PeerRules) throws(EngineError) {
        let (distances, accesses) = (rules.distances, rules.accesses)
        let handle = unsafe handle
        try EngineError.check { error in
            unsafe distances.withUnsafeBufferPointer { distances in
                unsafe accesses.withUnsafeBufferPointer { accesses in
                    var values = unsafe slt_peer_rules(
                        distances: distances.baseAddress, distance_count: distances.count,
                        accesses: accesses.baseAddress, access_count: accesses.count,
                        near_upload_priority: Int32(clamping: rules.nearUploadPriority),
                        far_upload_limit: Int32(clamping: rules.farUploadLimit),
                        far_download_limit: Int32(clamping: rules.farDownloadLimit))
                    return unsafe slt_session_set_peer_rules(handle, &values, &error)
                }
            }
        }
    }

    /// Ends the session; blocks for a second or two.
    consuming func close() {
        unsafe slt_session_destroy(handle)
        discard self
    }

    /// Ends the session elsewhere, because this thread may be one of the cooperative pool.
    deinit {
        // Nobody else has the handle any more.
        nonisolated(unsafe) let handle = unsafe handle
        DispatchQueue.global().async { unsafe slt_session_destroy(handle) }
    }

    /// Returns once every socket was tried; `poll` then tells the outcome.
    func waitUntilListening() { unsafe slt_session_wait_listen(handle) }

    /// All that happened since the last call, pieces first.
    func poll() -> [SessionEvent] {
        var count = 0
        let events = unsafe slt_session_poll(handle, &count)
        return unsafe UnsafeBufferPointer(start: events, count: count).compactMap { unsafe SessionEvent($0) }
    }

    /// Adds a torrent and returns what it has, the pieces of the specification and those of padding only, and what it
    /// wants.
    func add(_ spec: TorrentSpec, _ torrent: consuming ParsedTorrent) throws(EngineError) -> (
        have: PieceSet, wanted: PieceSet
    ) {
        let pieceCount = torrent.pieceCount
        for pieces in [spec.have, spec.wanted, spec.preferred] {
            guard let pieces, pieces.pieceCount != pieceCount else { continue }
            throw EngineError(.pieceMismatch, "the torrent has \(pieceCount) pieces, the set \(pieces.pieceCount)")
        }
        for (file, path) in spec.renamed { torrent.rename(file, to: path) }
        for url in spec.trackers { torrent.add(tracker: url) }
        for peer in spec.peers { try torrent.add(peer: peer) }
        var have = (spec.have ?? PieceSet(pieceCount: pieceCount, full: true)).bytes
        let wanted = spec.wanted ?? PieceSet(pieceCount: pieceCount)
        let count = have.count
        let handle = unsafe handle
        let parsed = unsafe torrent.handle
        try EngineError.check {
            unsafe slt_session_add(
                handle, parsed, slt_info_hash(spec.infoHash), spec.savePath, &have, wanted.bytes,
                spec.preferred?.bytes, count, spec.peerExchange, &$0)
        }
        guard let result = PieceSet(pieceCount: pieceCount, bytes: have) else {
            preconditionFailure("the bitfield has the length that it was made with")
        }
        return (result, wanted)
    }

    /// Disconnects the torrent's peers and closes its files; `.flushed` tells when, and `remove` is to follow.
    func quiesce(_ infoHash: InfoHash) throws(EngineError) {
        try EngineError.check { unsafe slt_session_quiesce(handle, slt_info_hash(infoHash), &$0) }
    }

    func remove(_ infoHash: InfoHash) { unsafe slt_session_remove(handle, slt_info_hash(infoHash)) }

    /// Asks for `.flushed` once all that was received is written.
    func flush(_ infoHash: InfoHash) throws(EngineError) {
        try EngineError.check { unsafe slt_session_flush(handle, slt_info_hash(infoHash), &$0) }
    }

    /// Announces again at once, unless a tracker has taken the last announce that it answered.
    func announce(_ infoHash: InfoHash) throws(EngineError) {
        try EngineError.check { unsafe slt_session_announce(handle, slt_info_hash(infoHash), &$0) }
    }

    func prioritize(_ infoHash: InfoHash, _ wanted: PieceSet, first preferred: PieceSet?) throws(EngineError) {
        try EngineError.check {
            unsafe slt_session_prioritize(
                handle, slt_info_hash(infoHash), wanted.bytes, preferred?.bytes, wanted.bytes.count, &$0)
        }
    }

    /// Dials a numeric address.
    func connect(_ infoHash: InfoHash, host: String, port: UInt16) throws(EngineError) {
        try EngineError.check { unsafe slt_session_connect(handle, slt_info_hash(infoHash), host, port, &$0) }
    }

    func addPiece(_ infoHash: InfoHash, _ piece: PieceIndex, _ data: [UInt8]) throws(EngineError) {
        try EngineError.check {
            unsafe slt_session_add_piece(
                handle, slt_info_hash(infoHash), Int32(clamping: piece.rawValue), data, data.count, &$0)
        }
    }

    func setLimits(upload: Int, download: Int, limitLocalPeers: Bool) {
        unsafe slt_session_set_limits(
            handle, Int32(clamping: upload), Int32(clamping: download), limitLocalPeers)
    }

    /// How many peers are served at a time over all torrents; -1 for all of them.
    func setUnchokeSlots(_ slots: Int) { unsafe slt_session_set_unchoke_slots(handle, Int32(clamping: slots)) }

    /// The status of one torrent, or with nil of all.
    func status(_ infoHash: InfoHash?) -> [TorrentStatus] {
        var count = 0
        let statuses: UnsafePointer<slt_status>?
        if let infoHash {
            var hash = slt_info_hash(infoHash)
            unsafe statuses = slt_session_status(handle, &hash, &count)
        } else {
            unsafe statuses = slt_session_status(handle, nil, &count)
        }
        return unsafe UnsafeBufferPointer(start: statuses, count: count).compactMap { unsafe TorrentStatus($0) }
    }

    func peers(_ infoHash: InfoHash) -> [PeerSummary] {
        var count = 0
        let peers = unsafe slt_session_peers(handle, slt_info_hash(infoHash), &count)
        return unsafe UnsafeBufferPointer(start: peers, count: count).map { unsafe PeerSummary($0) }
    }

    /// The counters of one torrent, or with nil of all together.
    func traffic(_ infoHash: InfoHash?) -> Traffic {
        guard let infoHash else { return unsafe Traffic(slt_session_traffic(handle, nil)) }
        var hash = slt_info_hash(infoHash)
        return unsafe Traffic(slt_session_traffic(handle, &hash))
    }
}

/// Facts about how the shim was compiled.
enum ShimABI {
    /// `sizeof(lt::hasher)`; another number than the library's means that defines are missing.
    static var hasherSize: Int { slt_sizeof_hasher() }
}
