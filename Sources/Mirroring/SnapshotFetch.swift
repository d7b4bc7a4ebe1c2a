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
    private let plan: SnapshotPlan
    private let engine: TorrentEngine
    private let router: EventRouter
    private let source: HTTPSource?
    private let httpAfter: Duration?
    private let logger: Logger
    private let verifier: FileVerifier
    /// Called with progress: what is new in the journal, and the class that is fetched.
    private let report: (FetchProgress) throws -> Void

    private var have: [PieceSet]
    private var missing: [InfoHash: PieceSet]
    private let indices: [InfoHash: Int]
    private var unverified: [FileReference] = []
    private var unverifiedBytes: Int64 = 0
    private var queued: Set<FileReference> = []
    private var phase: Priority?
    private var lastArrival = ContinuousClock.now
    private var baseline: [InfoHash: Traffic] = [:]
    private var bytesFromHTTP: Int64 = 0
    private var requestedByHTTP: [PieceSet]

    /// What a fetch tells.
    struct FetchProgress {
        var missing: [InfoHash: PieceSet] = [:]
        var phase: Priority?
        var filesDone = 0
        var bytesDone: Int64 = 0
        var traffic = Traffic()
        var bytesFromHTTP: Int64 = 0
        var peers = 0
        var downloadRate = 0
        var uploadRate = 0
    }

    init(
        layout: RootLayout, snapshot: SnapshotID, plan: SnapshotPlan, engine: TorrentEngine, router: EventRouter,
        source: HTTPSource?, httpAfter: Duration?, logger: Logger, report: @escaping (FetchProgress) throws -> Void
    ) {
        self.layout = layout
        self.snapshot = snapshot
        self.plan = plan
        self.engine = engine
        self.router = router
        self.source = source
        self.httpAfter = httpAfter
        self.logger = logger
        self.report = report
        verifier = FileVerifier(root: layout.files(of: snapshot))
        have = plan.shards.map(\.have)
        requestedByHTTP = plan.shards.map { PieceSet(pieceCount: $0.torrent.pieceCount) }
        missing = plan.missing
        indices = Dictionary(
            plan.shards.enumerated().map { ($1.torrent.infoHash, $0) }, uniquingKeysWith: { first, _ in first })
    }

    private var active: [Int] { plan.shards.indices.filter { !plan.shards[$0].wanted.isEmpty } }

    /// Fetches everything; returns when it is complete, verified, and in the journal. After it throws, or is cancelled,
    /// the torrents are out of the engine and what arrived stays on disk for the next attempt.
    func run(resuming: Bool, peers: [Endpoint], trackers: [String]) async throws {
        guard !active.isEmpty else { return }
        if resuming { try await verifyWhatIsThere() }
        let (events, wake) = router.subscribe(to: active.map { plan.shards[$0].torrent.infoHash })
        let ticker = Task {
            while !Task.isCancelled {
                try await Task.sleep(for: .seconds(1))
                wake()
            }
        }
        defer { ticker.cancel() }
        do {
            for index in active { try await add(index, trackers: trackers, peers: peers) }
            for phase in plan.phases { try await fetch(phase, events) }
        } catch {
            for index in active { await engine.remove(plan.shards[index].torrent.infoHash) }
            try? await verifyQueued()
            throw error
        }
        try await tell()
    }

    /// After an interruption: the pieces of files that are there in part are read and compared.
    private func verifyWhatIsThere() async throws {
        for index in active {
            let shard = plan.shards[index]
            let verifier = verifier
            let found = try await offPool {
                var candidates: [Int] = []
                for (entry, source) in shard.sources.enumerated() where source == .fetch {
                    if FileSystem.exists("\(verifier.root)/\(shard.torrent.path(entry))") {
                        candidates += shard.torrent.pieces(entry)
                    }
                }
                return try verifier.verify(Set(candidates).sorted(), of: shard.torrent)
            }
            for piece in found { have[index][piece] = true }
            if !found.isEmpty {
                logger.info("kept \(found.count) pieces from before", metadata: ["shard": "\(shard.torrent.infoHash)"])
            }
            collect(index, found)
        }
        try await verifyQueued()
    }

    private func add(_ index: Int, trackers: [String], peers: [Endpoint]) async throws {
        let shard = plan.shards[index]
        let infoHash = shard.torrent.infoHash
        await engine.remove(infoHash)
        baseline[infoHash] = await engine.traffic(infoHash)
        var renamed: [Int: String] = [:]
        for (entry, source) in shard.sources.enumerated() where source == .excluded {
            renamed[entry] = "\(layout.swarm)/parts/\(infoHash)/\(entry)"
        }
        if let mend = Self.mended(shard.torrent) { renamed.merge(mend) { excluded, _ in excluded } }
        try await engine.add(
            TorrentSpec(
                infoHash: infoHash, torrent: shard.torrent.bytes, savePath: layout.tree(snapshot), have: have[index],
                wanted: PieceSet(pieceCount: shard.torrent.pieceCount), renamed: renamed, trackers: trackers,
                peerExchange: trackers.isEmpty))
        for peer in peers {
            do { try await engine.connect(infoHash, to: peer) } catch { logger.warning("\(error)") }
        }
    }

    /// Paths that libtorrent would change, though they are legitimate; nil when there are none.
    static func mended(_ torrent: Torrent) -> [Int: String]? {
        guard let paths = try? TorrentEngine.paths(torrent: torrent.bytes) else { return nil }
        var result: [Int: String] = [:]
        for entry in torrent.files where entry < paths.count {
            let path = "\(torrent.name)/\(torrent.path(entry))"
            if paths[entry] != path { result[entry] = path }
        }
        return result.isEmpty ? nil : result
    }

    /// Lets one more class go, and waits until it is complete and verified.
    private func fetch(_ phase: Priority, _ events: AsyncStream<EngineEvent>) async throws {
        self.phase = phase
        lastArrival = .now
        for index in active {
            try await engine.setWanted(plan.shards[index].torrent.infoHash, plan.shards[index].wanted(downTo: phase))
        }
        logger.info("fetching class \(phase)", metadata: ["snapshot": "\(snapshot)"])
        try await tell()
        if try await isComplete(phase) { return }
        for await event in events {
            try Task.checkCancellation()
            switch event {
            case .pieces(let infoHash, let pieces):
                guard let index = indices[infoHash] else { continue }
                let indices = pieces.map(\.rawValue)
                if indices.contains(where: { !requestedByHTTP[index][$0] }) { lastArrival = .now }
                for piece in indices { have[index][piece] = true }
                collect(index, indices)
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
            case .resynchronized:
                // A tick, or lost notices that come again as pieces.
                try await verifyQueued()
                try await tell()
                try await fetchByHTTP(phase)
            case .finished, .listening, .listenFailed: break
            }
            if try await isComplete(phase) { return }
        }
        try Task.checkCancellation()
        throw MirrorError(.upstream, "the BitTorrent session ended")
    }

    private func isComplete(_ phase: Priority) async throws -> Bool {
        guard active.allSatisfy({ have[$0].isSuperset(of: plan.shards[$0].wanted(downTo: phase)) }) else {
            return false
        }
        try await verifyQueued()
        try await tell()
        return true
    }

    /// Queues the files that the new pieces complete.
    private func collect(_ index: Int, _ pieces: [Int]) {
        let shard = plan.shards[index]
        for piece in pieces {
            for entry in shard.torrent.entries(inPiece: piece) where shard.sources[entry] == .fetch {
                let reference = FileReference(shard: index, entry: entry)
                guard !queued.contains(reference), shard.torrent.pieces(entry).allSatisfy({ have[index][$0] }) else {
                    continue
                }
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
        for index in Set(batch.map(\.shard)) { await engine.flush(plan.shards[index].torrent.infoHash) }
        let files = batch.map { plan.shards[$0.shard].torrent.file($0.entry) }
        let verifier = verifier
        do {
            try await offPool { try verifier.finish(files) }
        } catch {
            queued.subtract(batch)
            throw error
        }
        var changed: Set<InfoHash> = []
        for reference in batch {
            let infoHash = plan.shards[reference.shard].torrent.infoHash
            missing[infoHash]?[reference.entry] = false
            changed.insert(infoHash)
        }
        filesDone += batch.count
        bytesDone += files.reduce(0) { $0 + $1.length }
        try await tell(journal: missing.filter { changed.contains($0.key) })
    }

    private func tell(journal: [InfoHash: PieceSet] = [:]) async throws {
        var progress = FetchProgress(missing: journal, phase: phase, filesDone: filesDone, bytesDone: bytesDone)
        var (fromMaster, fromPeers, refused): (Int64, Int64, Int64) = (0, 0, 0)
        for index in active {
            let infoHash = plan.shards[index].torrent.infoHash
            let traffic = await engine.traffic(infoHash)
            let before = baseline[infoHash] ?? Traffic()
            fromMaster += traffic.fromMaster - before.fromMaster
            fromPeers += traffic.fromPeers - before.fromPeers
            refused += traffic.refused - before.refused
        }
        progress.traffic = Traffic(fromMaster: fromMaster, fromPeers: fromPeers, refused: refused)
        progress.bytesFromHTTP = bytesFromHTTP
        for status in await engine.statuses() where indices[status.infoHash] != nil {
            progress.peers += status.peers
            progress.downloadRate += status.downloadRate
            progress.uploadRate += status.uploadRate
        }
        try report(progress)
    }

    /// When the swarm does not deliver, the upstream's HTTP paths do: piece by piece, checked like any other piece, and
    /// given to the swarm. What comes this way does not count as an arrival, so it goes on until a peer delivers.
    private func fetchByHTTP(_ phase: Priority) async throws {
        guard let source, let httpAfter, ContinuousClock.now - lastArrival >= httpAfter else { return }
        for index in active {
            var pieces = plan.shards[index].wanted(downTo: phase)
            pieces.subtract(have[index])
            pieces.subtract(requestedByHTTP[index])
            let batch = pieces.indices.prefix(64)
            guard !batch.isEmpty else { continue }
            let torrent = plan.shards[index].torrent
            do {
                try await withThrowingTaskGroup(of: (Int, [UInt8], Int64).self) { group in
                    var rest = batch[...]
                    func next() {
                        guard let piece = rest.popFirst() else { return }
                        group.addTask {
                            let content = try await source.piece(piece, of: torrent)
                            return (piece, content.bytes, content.received)
                        }
                    }
                    for _ in 0..<4 { next() }
                    while let (piece, bytes, received) = try await group.next() {
                        bytesFromHTTP += received
                        requestedByHTTP[index][piece] = true
                        try await engine.addPiece(torrent.infoHash, PieceIndex(piece), bytes)
                        next()
                    }
                }
            } catch let error as MirrorError {
                // Asked again after the same time: it may be that the snapshot is not active there yet.
                logger.warning("\(error)")
                lastArrival = .now
            }
            return
        }
    }
}

/// Pieces by HTTP ranges from an upstream.
struct HTTPSource: Sendable {
    let upstreams: [Upstream]
    let set: SwarmCore.SetName
    let snapshot: SnapshotID

    /// A piece whose hash was checked.
    func piece(_ piece: Int, of torrent: Torrent) async throws -> (bytes: [UInt8], received: Int64) {
        var failure: any Error = MirrorError(.upstream, "there is no upstream to fetch from")
        for upstream in upstreams {
            do {
                let (bytes, received) = try await assemble(piece, torrent, upstream)
                guard Digest.sha1(bytes).bytes.elementsEqual(torrent.pieceHash(piece)) else {
                    throw MirrorError(.upstream, "\(upstream.base) has other content than snapshot \(snapshot)")
                }
                return (bytes, received)
            } catch is CancellationError {
                throw CancellationError()
            } catch { failure = error }
        }
        throw failure
    }

    private func assemble(_ piece: Int, _ torrent: Torrent, _ upstream: Upstream) async throws -> ([UInt8], Int64) {
        let start = Int64(piece) * Int64(torrent.pieceLength)
        var content = [UInt8](repeating: 0, count: torrent.length(ofPiece: piece))
        var received: Int64 = 0
        for entry in torrent.entries(inPiece: piece) where torrent.kind(entry) == .file && torrent.length(entry) > 0 {
            let from = max(start, torrent.offset(entry))
            let end = min(start + Int64(content.count), torrent.offset(entry) + torrent.length(entry))
            let bytes = try await upstream.range(
                "/.swarm/\(set)/snap/\(snapshot)/\(Self.escaped(torrent.path(entry)))",
                offset: from - torrent.offset(entry),
                length: Int(end - from))
            content.replaceSubrange(Int(from - start)..<Int(end - start), with: bytes)
            received += end - from
        }
        return (content, received)
    }

    /// Percent-encoding of a path (RFC 3986, section 2.1): all but unreserved characters and slashes.
    static func escaped(_ path: String) -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/".utf8)
        return path.utf8.map { plain.contains($0) ? String(UnicodeScalar($0)) : "%" + Hex.encode([$0]).uppercased() }
            .joined()
    }
}
