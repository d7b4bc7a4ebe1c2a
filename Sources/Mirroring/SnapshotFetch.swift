internal import FileTree
internal import Logging
internal import Metainfo
internal import SwarmCore
internal import Synchronization
internal import TorrentEngine

/// Fetches what a plan wants, class by class: no byte of a later class is asked for while an earlier one is incomplete.
/// Used by one task.
final class SnapshotFetch {
    private let layout: RootLayout
    private let snapshot: SnapshotID
    private let shards: [SnapshotPlan.Transfer]
    private let phases: [Priority]
    private let shelf: TorrentShelf
    private let engine: TorrentEngine
    private let router: EventRouter
    private let pieces: PieceFetcher?
    private let httpAfter: Duration?
    private let logger: Logger
    private let verifier: FileVerifier
    /// Called with progress: what is new in the journal, and the class that is fetched.
    private let report: (FetchProgress) throws -> Void

    private var have: [PieceSet]
    private let wanted: [PieceSet]
    /// By shard, what the master suggests to fetch before the rest of its class.
    private let preferred: [PieceSet]
    private var missing: [InfoHash: PieceSet]
    private let indices: [InfoHash: Int]
    private var unverified: [FileReference] = []
    private var unverifiedBytes: Int64 = 0
    private var queued: Set<FileReference> = []
    /// Whether all of the tree is on disk that was written until now, as the last files that arrived were put there with
    /// the rest of the file system.
    private(set) var isSynced = false
    private var phase: Priority?
    /// What is to come first in the present class, by shard; empty once it is here.
    private var awaited: [PieceSet] = []
    private var lastArrival = ContinuousClock.now
    /// Peers to turn to when the trackers bring nothing.
    private var reserve: [Endpoint] = []
    /// For how long trackers may bring nothing: a piece takes its time on a slow line. Less for what is small, which no
    /// line minds, and once a tracker has failed for more than a moment; not nothing, for another one may work.
    private var trackerPatience: Duration
    private var baseline: [InfoHash: Traffic] = [:]

    /// What a fetch tells.
    struct FetchProgress {
        var missing: [InfoHash: PieceSet] = [:]
        var phase: Priority?
        var filesDone = 0
        var bytesDone: Int64 = 0
        var traffic = Traffic()
        var bytesFromHTTP: Int64 = 0
        /// Why nothing arrives, while that is so.
        var obstacle: String?
        var peers = 0
        var downloadRate = 0
        var uploadRate = 0
    }

    init(
        layout: RootLayout, snapshot: SnapshotID, plan: SnapshotPlan, preferred: [PieceSet], shelf: TorrentShelf,
        engine: TorrentEngine, router: EventRouter, source: HTTPSource, httpAfter: Duration?, logger: Logger,
        report: @escaping (FetchProgress) throws -> Void
    ) {
        self.layout = layout
        self.snapshot = snapshot
        shards = plan.transfers
        phases = plan.phases
        self.shelf = shelf
        self.engine = engine
        self.router = router
        self.httpAfter = httpAfter
        self.logger = logger
        self.report = report
        verifier = FileVerifier(root: layout.files(of: snapshot))
        trackerPatience = min(max(.seconds(2), .seconds(Double(plan.bytesWanted) / 4_000_000)), .seconds(15))
        have = shards.map(\.have)
        wanted = shards.map(\.allWanted)
        self.preferred = preferred
        pieces = httpAfter.map { pause in
            PieceFetcher(
                source: source, torrents: plan.transfers.map(\.torrent), preferred: preferred, engine: engine,
                rest: min(max(pause, .seconds(1)), .seconds(30)), logger: logger)
        }
        missing = plan.missing
        indices = Dictionary(
            shards.enumerated().map { ($1.torrent.infoHash, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Fetches everything; returns when it is complete, verified, and in the journal. After it throws, or is cancelled,
    /// the torrents are out of the engine and what arrived stays on disk for the next attempt.
    ///
    /// - Parameters:
    ///   - peers: those that the node's configuration names.
    ///   - masters: those that the feed names. Where there are trackers, these decide who asks the master, so that it is
    ///     not asked by everybody; only when they bring nothing, it is.
    func run(resuming: Bool, peers: [Endpoint], masters: [Endpoint], trackers: [String]) async throws {
        guard !shards.isEmpty else { return }
        let first = trackers.isEmpty ? peers + masters : peers
        reserve = trackers.isEmpty ? [] : masters
        if resuming { try await verifyWhatIsThere() }
        let (events, wake) = router.subscribe(to: shards.map(\.torrent.infoHash))
        let ticker = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: .seconds(1))
                wake()
            }
        }
        defer { ticker.cancel() }
        do {
            var specs: [(Manifest.Shard, TorrentSpec)] = []
            for index in shards.indices {
                specs.append((shards[index].shard, await spec(index, trackers: trackers, peers: first)))
            }
            try await Parallel.forEach(specs) { [engine, shelf] shard, spec in
                try await engine.add(spec, try await shelf.read(shard))
            }
            lastArrival = .now
            for phase in phases { try await fetch(phase, events) }
            await pieces?.stop()
        } catch {
            await pieces?.stop()
            for index in shards.indices { await engine.remove(shards[index].torrent.infoHash) }
            try? await verifyQueued()
            throw error
        }
        try await tell()
    }

    /// After an interruption: the pieces of files that are there in part are read and compared.
    private func verifyWhatIsThere() async throws {
        for index in shards.indices {
            let shard = shards[index]
            let verifier = verifier
            let found = try await offPool {
                let torrent = shard.torrent
                let present = shard.entries(.fetch).filter {
                    FileSystem.exists("\(verifier.root)/\(torrent.path($0))")
                }
                return try verifier.verify(Set(present.flatMap { torrent.pieces($0) }).sorted(), of: torrent)
            }
            for piece in found { have[index][piece] = true }
            try await detachUnfinished(index)
            if !found.isEmpty {
                logger.info("kept \(found.count) pieces from before", metadata: ["shard": "\(shard.torrent.infoHash)"])
            }
            collect(index, found)
        }
        try await verifyQueued()
    }

    /// What is there in part goes on being written in: it must not share its inode with another tree, nor be read-only, as
    /// it is once it was whole. So does what is to be exchanged for a link at the end, where a piece of it is wanted.
    private func detachUnfinished(_ index: Int) async throws {
        let shard = shards[index]
        var unfinished = wanted[index]
        unfinished.subtract(have[index])
        let root = verifier.root
        try await offPool { [unfinished] in
            for entry in shard.entries(.fetch, .twin)
            where shard.torrent.pieces(entry).contains(where: { unfinished[$0] }) {
                try TreeAssembler.detach(shard.torrent.path(entry), in: root)
            }
        }
    }

    /// How a torrent is to be added, without the torrent itself, of which only a few are in memory at a time.
    private func spec(_ index: Int, trackers: [String], peers: [Endpoint]) async -> TorrentSpec {
        let shard = shards[index]
        let infoHash = shard.torrent.infoHash
        await engine.remove(infoHash)
        baseline[infoHash] = await engine.traffic(infoHash)
        var renamed: [Int: String] = [:]
        for entry in shard.entries(.excluded) { renamed[entry] = "\(layout.swarm)/parts/\(infoHash)/\(entry)" }
        // The first class goes at once: a torrent that wants nothing dials nobody.
        let wanted = phases.first.map { shard.wanted(downTo: $0) }
        return TorrentSpec(
            infoHash: infoHash, torrent: [], savePath: layout.tree(snapshot), have: have[index],
            wanted: wanted, preferred: preferred[index], renamed: renamed, peers: peers,
            trackers: trackers, peerExchange: trackers.isEmpty)
    }

    /// Lets one more class go, and waits until it is complete and verified.
    private func fetch(_ phase: Priority, _ events: AsyncStream<EngineEvent>) async throws {
        self.phase = phase
        for index in shards.indices {
            try await engine.setWanted(
                shards[index].torrent.infoHash, shards[index].wanted(downTo: phase), first: preferred[index])
        }
        logger.info("fetching class \(phase)", metadata: ["snapshot": "\(snapshot)"])
        try await tell()
        awaited = shards.indices.map { wanted(of: $0, in: phase).intersection(preferred[$0]) }
        tellOfSuggested(phase)
        if try await isComplete(phase) { return }
        await fetchByHTTP(phase)
        for await event in events {
            try Task.checkCancellation()
            switch event {
            case .pieces(let infoHash, let arrived):
                guard let index = indices[infoHash] else { continue }
                let indices = arrived.map(\.rawValue)
                if await pieces?.arrived(indices, of: index) != true { lastArrival = .now }
                for piece in indices { have[index][piece] = true }
                collect(index, indices)
                tellOfSuggested(phase)
                if unverifiedBytes >= 64 << 20 { try await verifyQueued() }
            case .fileError(_, let path, let message, let number):
                let error = FileError("write", path, errno: number)
                throw MirrorError(error.isFull ? .noSpace : .file, number != 0 ? "\(error)" : "\(path): \(message)")
            case .pieceRefused(let infoHash, let piece):
                logger.warning(
                    "a piece was refused: its hash is wrong",
                    metadata: ["torrent": "\(infoHash)", "piece": "\(piece.rawValue)"])
            case .peerBanned(_, let endpoint):
                logger.warning("a peer sent wrong data and is banned", metadata: ["peer": "\(endpoint)"])
            case .trackerError(_, let url, let message):
                logger.warning(
                    "the tracker does not answer as it should", metadata: ["url": "\(url)", "reason": "\(message)"])
                trackerPatience = min(trackerPatience, .seconds(5))
            case .resynchronized:
                // A tick, or lost notices that come again as pieces.
                try await verifyQueued()
                try await tell()
                await turnToReserve()
                await fetchByHTTP(phase)
            case .finished, .listening, .listenFailed: break
            }
            if try await isComplete(phase) { return }
        }
        try Task.checkCancellation()
        throw MirrorError(.upstream, "the BitTorrent session ended")
    }

    /// The pieces of one class alone.
    private func wanted(of index: Int, in phase: Priority) -> PieceSet {
        shards[index].wanted[phase] ?? PieceSet(pieceCount: shards[index].torrent.pieceCount)
    }

    /// Notes when all that was to come first in a class is here, and how much of the rest came with it.
    private func tellOfSuggested(_ phase: Priority) {
        guard awaited.contains(where: { !$0.isEmpty }) else { return }
        guard shards.indices.allSatisfy({ have[$0].isSuperset(of: awaited[$0]) }) else { return }
        let first = awaited.reduce(0) { $0 + $1.count }
        awaited = []
        var (all, here) = (0, 0)
        for index in shards.indices {
            let pieces = wanted(of: index, in: phase)
            all += pieces.count
            here += pieces.intersection(have[index]).count
        }
        logger.info(
            "the suggested files of class \(phase) are here",
            metadata: [
                "snapshot": "\(snapshot)", "pieces": "\(first)", "others": "\(here - first)",
                "missing": "\(all - here)",
            ])
    }

    /// Connects to the masters once nothing has arrived for long.
    private func turnToReserve() async {
        guard !reserve.isEmpty, ContinuousClock.now - lastArrival >= trackerPatience else { return }
        for index in shards.indices {
            for peer in reserve {
                // A torrent that is complete or going has no use for it.
                do { try await engine.connect(shards[index].torrent.infoHash, to: peer) } catch {
                    logger.debug("\(error)", metadata: ["peer": "\(peer)"])
                }
            }
        }
        reserve = []
    }

    private func isComplete(_ phase: Priority) async throws -> Bool {
        guard shards.indices.allSatisfy({ have[$0].isSuperset(of: shards[$0].wanted(downTo: phase)) }) else {
            return false
        }
        try await verifyQueued()
        try await tell()
        return true
    }

    /// Queues the files that the new pieces complete.
    private func collect(_ index: Int, _ pieces: [Int]) {
        let shard = shards[index]
        for piece in pieces {
            for entry in shard.torrent.entries(inPiece: piece) {
                guard shard.sources[entry] == .fetch || shard.sources[entry] == .rewritten else { continue }
                let reference = FileReference(shard: index, entry: entry)
                // (Of a file that was here, a piece that is not wanted may be one that the engine does not have.)
                guard !queued.contains(reference),
                    shard.torrent.pieces(entry).allSatisfy({ have[index][$0] || !wanted[index][$0] })
                else { continue }
                queued.insert(reference)
                unverified.append(reference)
                unverifiedBytes += shard.torrent.length(entry)
            }
        }
    }

    private var filesDone = 0
    private var bytesDone: Int64 = 0

    /// Reads the completed files back, and writes the journal.
    private func verifyQueued() async throws {
        guard !unverified.isEmpty else { return }
        let batch = unverified
        unverified = []
        unverifiedBytes = 0
        for index in Set(batch.map(\.shard)) { await engine.flush(shards[index].torrent.infoHash) }
        let files = batch.map { shards[$0.shard].torrent.file($0.entry) }
        let verifier = verifier
        // What arrives meanwhile is seen only afterwards: this time is nobody's fault.
        let started = ContinuousClock.now
        defer { lastArrival += ContinuousClock.now - started }
        do {
            isSynced = try await offPool { try verifier.finish(files) }
        } catch {
            queued.subtract(batch)
            throw error
        }
        var changed: Set<InfoHash> = []
        for reference in batch {
            let shard = shards[reference.shard]
            if shard.named.contains(reference.entry) { continue }
            missing[shard.torrent.infoHash]?[reference.entry] = false
            changed.insert(shard.torrent.infoHash)
        }
        for reference in batch where shards[reference.shard].sources[reference.entry] == .fetch {
            filesDone += 1
            bytesDone += shards[reference.shard].torrent.length(reference.entry)
        }
        try await tell(journal: missing.filter { changed.contains($0.key) })
    }

    private func tell(journal: [InfoHash: PieceSet] = [:]) async throws {
        var progress = FetchProgress(missing: journal, phase: phase, filesDone: filesDone, bytesDone: bytesDone)
        var (fromMaster, fromPeers, refused): (Int64, Int64, Int64) = (0, 0, 0)
        var (fromNear, fromFar): (Int64, Int64) = (0, 0)
        for index in shards.indices {
            let infoHash = shards[index].torrent.infoHash
            let traffic = await engine.traffic(infoHash)
            let before = baseline[infoHash] ?? Traffic()
            fromMaster += traffic.fromMaster - before.fromMaster
            fromPeers += traffic.fromPeers - before.fromPeers
            refused += traffic.refused - before.refused
            fromNear += traffic.fromNearPeers - before.fromNearPeers
            fromFar += traffic.fromFarPeers - before.fromFarPeers
        }
        progress.traffic = Traffic(
            fromMaster: fromMaster, fromPeers: fromPeers, refused: refused, fromNearPeers: fromNear,
            fromFarPeers: fromFar)
        progress.bytesFromHTTP = await pieces?.bytesReceived ?? 0
        for status in await engine.statuses() where indices[status.infoHash] != nil {
            progress.peers += status.peers
            progress.downloadRate += status.downloadRate
            progress.uploadRate += status.uploadRate
        }
        // Peers that are connected may be slow for good reasons.
        if progress.peers == 0 { progress.obstacle = await pieces?.failure }
        try report(progress)
    }

    /// When the swarm does not deliver, the upstream's HTTP paths do. What comes this way does not count as an arrival, so it
    /// goes on until a peer delivers.
    private func fetchByHTTP(_ phase: Priority) async {
        guard let pieces, let httpAfter else { return }
        guard ContinuousClock.now - lastArrival >= httpAfter else { return await pieces.pause() }
        var missing = shards.map { PieceSet(pieceCount: $0.torrent.pieceCount) }
        for index in shards.indices {
            missing[index] = shards[index].wanted(downTo: phase)
            missing[index].subtract(have[index])
        }
        await pieces.fetch(missing)
    }
}
