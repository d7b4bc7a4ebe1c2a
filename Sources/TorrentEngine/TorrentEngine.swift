import Dispatch
public import SwarmCore

/// A BitTorrent session: torrents are added, gated by pieces and removed; what happens comes as `events`.
///
/// The engine runs on a queue of its own, so that its calls may wait for libtorrent. Letting go of it without `stop` ends
/// the session as well, some time later.
public actor TorrentEngine {
    /// What the engine knows of a torrent beside libtorrent.
    struct Torrent {
        /// The pieces had and reported, or given at `add`.
        var have: PieceSet
        var wanted: PieceSet
        /// How many wanted pieces are not had.
        var missing: Int
        var error: String?
        /// Who waits for flushes, in the order in which they were asked for; libtorrent answers in that order.
        var flushes: [CheckedContinuation<Void, Never>] = []
        var isBeingRemoved = false
        var removals: [CheckedContinuation<Void, Never>] = []

        init(have: PieceSet, wanted: PieceSet) {
            self.have = have
            self.wanted = wanted
            missing = 0
            countMissing()
        }

        mutating func countMissing() {
            var rest = wanted
            rest.subtract(have)
            missing = rest.count
        }
    }

    /// What happens, for one consumer; nothing is dropped. Ends after `stop`.
    public nonisolated let events: AsyncStream<EngineEvent>
    /// The queue on which the actor runs. Unsafe in itself: the actor keeps the executor alive.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    let output: AsyncStream<EngineEvent>.Continuation
    var session: Session?
    var torrents: [InfoHash: Torrent] = [:]
    var listening: [Endpoint] = []
    /// Of announces that failed.
    var retries = AnnounceRetries()
    /// Announces what is due next.
    var retry: (at: ContinuousClock.Instant, task: Task<Void, Never>)?
    private let executor = EngineExecutor()
    private let settings: EngineSettings
    private var names = NameResolver()

    /// Starts a session. Throws `session`; that a socket cannot be opened comes as an event.
    public init(settings: EngineSettings) throws {
        let (wakeups, wakeupContinuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let wakeup = Wakeup(wakeupContinuation)
        (events, output) = AsyncStream.makeStream()
        self.settings = settings
        session = try Session(settings, wakeup: wakeup)
        // Before there is a torrent, nobody is connected.
        if !settings.peers.isEmpty { try session?.setPeerRules(settings.peers) }
        // Ends with the session, which holds the only lasting reference to `wakeup`.
        Task { [weak self] in
            for await _ in wakeups { await self?.drain() }
        }
    }

    /// Whether peers are told apart by their distance.
    public nonisolated var knowsDistances: Bool { settings.peers.knowsDistances }

    // Not `isolated`: with that, swiftc 6.3.1 fails in optimised builds of importing modules (“circular reference”).
    deinit { output.finish() }

    /// The addresses on which the session listens, after every socket was tried.
    public func listenEndpoints() async -> [Endpoint] {
        session?.waitUntilListening()
        drain()
        return listening
    }

    /// Adds a torrent, which begins to fetch and serve at once. Files are neither looked at nor created. Several torrents
    /// are read at the same time when several tasks add them. Throws `badTorrent`, `unsupportedTorrent`, `hostileNames`,
    /// `infoHashMismatch`, `pieceMismatch`, `badAddress`, `alreadyAdded`, `session`.
    public func add(_ spec: TorrentSpec) async throws {
        try checkIsNew(spec.infoHash)
        // Another one may come while this one is read.
        try add(spec, try await Self.read(spec.torrent))
    }

    /// The same for a torrent that was read before, of which the specification need not have the bytes. This uses it up: a
    /// second time throws `badTorrent`.
    public func add(_ spec: TorrentSpec, _ read: ReadTorrent) throws {
        try checkIsNew(spec.infoHash)
        guard let (have, wanted) = try session?.add(spec, read.take()) else { throw Self.stopped }
        let torrent = Torrent(have: have, wanted: wanted)
        torrents[spec.infoHash] = torrent
        session?.setUnchokeSlots(settings.unchokeSlots(torrents: torrents.count))
        if torrent.missing == 0 { output.yield(.finished(spec.infoHash)) }
    }

    private func checkIsNew(_ infoHash: InfoHash) throws(EngineError) {
        guard torrents[infoHash] == nil else {
            throw EngineError(.alreadyAdded, "torrent \(infoHash) is added already, or still being removed")
        }
    }

    /// Removes a torrent and returns once its files are closed and nothing more will be written. Deletes no file; does
    /// nothing for a torrent that is not there.
    public func remove(_ infoHash: InfoHash) async {
        guard let torrent = torrents[infoHash] else { return }
        if torrent.isBeingRemoved {
            await withCheckedContinuation { torrents[infoHash]?.removals.append($0) }
            return
        }
        torrents[infoHash]?.isBeingRemoved = true
        if (try? session?.quiesce(infoHash)) != nil { await nextFlush(infoHash) }
        session?.remove(infoHash)
        retries.forget(infoHash)
        let removals = torrents.removeValue(forKey: infoHash)?.removals ?? []
        session?.setUnchokeSlots(settings.unchokeSlots(torrents: torrents.count))
        for waiter in removals { waiter.resume() }
    }

    /// Sets which pieces are fetched, instead of those so far; those of `first` before the others, as far as somebody has
    /// them. Throws `unknownTorrent`, `pieceMismatch`, `session`.
    public func setWanted(_ infoHash: InfoHash, _ pieces: PieceSet, first preferred: PieceSet? = nil) async throws {
        let torrent = try known(infoHash)
        for set in [pieces, preferred ?? pieces] where set.pieceCount != torrent.wanted.pieceCount {
            throw EngineError(
                .pieceMismatch, "the torrent has \(torrent.wanted.pieceCount) pieces, the set \(set.pieceCount)")
        }
        // What has arrived so far is judged by the old set.
        drain()
        try session?.prioritize(infoHash, pieces, first: preferred)
        torrents[infoHash]?.wanted = pieces
        torrents[infoHash]?.countMissing()
        if torrents[infoHash]?.missing == 0 { output.yield(.finished(infoHash)) }
    }

    /// Makes a peer known to a torrent, which dials it soon and again later if that fails. A host name is resolved by the
    /// system, and the answer is kept for five minutes. Throws `unknownTorrent`, `badAddress`, `session`.
    public func connect(_ infoHash: InfoHash, to peer: Endpoint) async throws {
        _ = try known(infoHash)
        let address = try await resolve(peer)
        // The torrent may have gone while the name was resolved; then this throws.
        try dial(infoHash, address.host, address.port)
    }

    /// A peer by its numeric address. A host name is resolved by the system, and the answer is kept for five minutes.
    /// Throws `badAddress`.
    public func resolve(_ peer: Endpoint) async throws -> Endpoint {
        guard peer.port != 0, !peer.isUnspecified else {
            throw EngineError(.badAddress, "\(peer) is no peer: it lacks a host or a port")
        }
        if IPAddress(peer.host) != nil { return peer }
        if let address = names.remembered(peer.host) { return Endpoint(host: address, port: peer.port) }
        let address = try await NameResolver.resolve(peer.host)
        names.remember(peer.host, address)
        return Endpoint(host: address, port: peer.port)
    }

    /// Hands in a whole piece that came another way; wanted or not, it is checked and written, and `pieces` or
    /// `pieceRefused` follows. Throws `unknownTorrent`, `pieceMismatch`, `session`.
    public func addPiece(_ infoHash: InfoHash, _ piece: PieceIndex, _ data: [UInt8]) async throws {
        _ = try known(infoHash)
        try session?.addPiece(infoHash, piece, data)
    }

    /// Returns once every piece that `pieces` has reported can be read through the file system (which is not to say that
    /// it would survive a power cut), unless `fileError` told otherwise. Closes the torrent's files.
    public func flush(_ infoHash: InfoHash) async {
        guard torrents[infoHash]?.isBeingRemoved == false else { return }
        if (try? session?.flush(infoHash)) != nil { await nextFlush(infoHash) }
    }

    /// Sets the rate limits in bytes per second, 0 for none. For peers on loopback and private addresses a first limit
    /// holds from their next connection on.
    public func setLimits(upload: Int, download: Int) {
        session?.setLimits(
            upload: upload, download: download,
            limitLocalPeers: upload > 0 || download > 0 || settings.limitsLocalPeers)
    }

    /// Ends the session: says farewell to the trackers, closes all files, and ends `events`. Takes a second or two.
    public func stop() async {
        guard session != nil else { return }
        drain()
        retry?.task.cancel()
        session.take()?.close()
        let waiters = torrents.values.flatMap { $0.flushes + $0.removals }
        torrents = [:]
        for waiter in waiters { waiter.resume() }
        output.finish()
    }

    // MARK: -

    static var stopped: EngineError { EngineError(.session, "the engine is stopped") }

    /// The torrent, unless it is not there or being removed.
    private func known(_ infoHash: InfoHash) throws(EngineError) -> Torrent {
        guard session != nil else { throw Self.stopped }
        guard let torrent = torrents[infoHash], !torrent.isBeingRemoved else {
            throw EngineError(.unknownTorrent, "torrent \(infoHash) is not added")
        }
        return torrent
    }

    private func dial(_ infoHash: InfoHash, _ host: String, _ port: UInt16) throws(EngineError) {
        guard session != nil else { throw Self.stopped }
        try session?.connect(infoHash, host: host, port: port)
    }

    /// Waits for the `.flushed` that answers the request made last.
    private func nextFlush(_ infoHash: InfoHash) async {
        await withCheckedContinuation { torrents[infoHash]?.flushes.append($0) }
    }
}
