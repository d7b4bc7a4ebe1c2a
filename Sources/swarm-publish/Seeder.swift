import ContentServer
import FileTree
import Foundation
import Logging
import Metainfo
import Publishing
import ServiceLifecycle
import SwarmCore
import TorrentEngine

/// Keeps the engine's torrents in step with the live snapshots, and tells how they fare.
actor Seeder: Service {
    private let store: SnapshotStore
    private let engine: TorrentEngine
    private let logger: Logger
    /// The snapshot whose tree each torrent is read from.
    private var seeding: [InfoHash: SnapshotStore.Seed] = [:]
    /// Torrents that could not be added, with the reason.
    private var failed: [InfoHash: String] = [:]
    /// What the trees lack, as the torrents were told when they were added.
    private var lost = LostFiles()
    /// Where a torrent that is added is announced: what the feed says, not the configuration that this daemon began with.
    private var trackers: [String] = []
    /// Torrents of the feed that are being added.
    nonisolated let pending = PendingSeeds()
    /// Torrents of a snapshot that is being published. Who makes its tree needs a core as well.
    private let readings = TorrentReadings(width: Parallel.width - 1)

    init(store: SnapshotStore, engine: TorrentEngine, logger: Logger) {
        self.store = store
        self.engine = engine
        self.logger = logger
    }

    /// Adds what is new in the feed, removes what is gone, and moves torrents whose tree goes to another tree. `show` is
    /// called as soon as it is known what is `pending`: adding a thousand files takes some milliseconds. `settled` is called
    /// once nothing is. Calls come one at a time, from the keeper of the feed.
    func update(to feed: Feed, show: @Sendable () -> Void, settled: @Sendable () -> Void) async {
        let logger = logger
        trackers = feed.trackers
        let wanted = await offPool { [store] in
            store.seeds(of: feed) { snapshot, error in
                logger.error("the snapshot \(snapshot) is not seeded: \(error)")
            }
        }
        let live = Set(feed.snapshots.map(\.uuid))
        let known = lost
        do { lost = try await blocking { [store] in try store.lost() } } catch { logger.error("\(error)") }
        let leaving = seeding.filter { infoHash, seed in
            wanted[infoHash] == nil || !live.contains(seed.snapshot)
                || known.paths(of: seed.snapshot) != lost.paths(of: seed.snapshot)
        }
        for infoHash in leaving.keys { seeding[infoHash] = nil }
        failed = failed.filter { wanted[$0.key] != nil }
        let missing = wanted.filter { seeding[$0.key] == nil }.sorted { $0.value.shard.label < $1.value.shard.label }
        pending.expect(missing.map(\.key))
        show()
        for infoHash in leaving.keys { await engine.remove(infoHash) }
        let staying = Array(seeding.keys)
        // Reading a torrent is most of the work. (It fails only when it is cancelled, as the whole program is then.)
        try? await Parallel.forEach(missing) { [pending] infoHash, seed in
            try Task.checkCancellation()
            await self.add(infoHash, seed)
            pending.settle(infoHash)
        }
        for (infoHash, _) in missing { pending.settle(infoHash) }
        readings.end()
        settled()
        if !missing.isEmpty { _ = await offPool { Allocator.trim() } }
        // A file that was written in place in the source may have been exchanged in a tree: what is open is closed.
        for infoHash in staying { await engine.flush(infoHash) }
    }

    /// Begins to read the torrents of a snapshot that the next feed may list.
    func prepare(for manifest: Manifest) {
        let new = manifest.shards.filter { $0.totals.bytes > 0 && seeding[$0.infoHash] == nil }
        readings.begin(new.map { [store] shard in (shard.infoHash, { try await Self.read(shard, store) }) })
    }

    /// What is not there is no torrent: when it is added, it is sought again.
    private static func read(_ shard: Manifest.Shard, _ store: SnapshotStore) async throws -> TorrentEngine.ReadTorrent
    {
        try await TorrentEngine.read(try await blocking { try store.torrentFile(shard) ?? [] })
    }

    private func add(_ infoHash: InfoHash, _ seed: SnapshotStore.Seed) async {
        do {
            do { try await addUnchecked(seed) } catch let error as EngineError where Self.isDamage(error.code) {
                try await addChecked(seed)
            }
            seeding[infoHash] = seed
            failed[infoHash] = nil
        } catch {
            if failed.updateValue("\(error)", forKey: infoHash) == nil {
                logger.error("the torrent \(infoHash) (\(seed.shard.label)) is not seeded: \(error)")
            }
        }
    }

    /// Has the engine compare the torrent with its info-hash, which it does in any case, and nobody else. Throws what
    /// `isDamage` tells of where it is not what it should be.
    private func addUnchecked(_ seed: SnapshotStore.Seed) async throws {
        guard lost.paths(of: seed.snapshot).isEmpty else { return try await addChecked(seed) }
        if let read = await readings.take(seed.shard.infoHash) {
            return try await engine.add(try Self.spec(store, seed, [], lost: [], trackers: trackers), read)
        }
        guard
            let torrent = try await blocking({ [store] in try store.torrentFile(seed.shard) })
        else { return try await addChecked(seed) }
        try await engine.add(try Self.spec(store, seed, torrent, lost: [], trackers: trackers))
    }

    private static func isDamage(_ code: EngineError.Code) -> Bool {
        [.badTorrent, .unsupportedTorrent, .hostileNames, .infoHashMismatch].contains(code)
    }

    private func addChecked(_ seed: SnapshotStore.Seed) async throws {
        let spec = try await blocking { [store, lost, trackers] in
            try Self.spec(
                store, seed, try store.torrentBytes(seed.shard), lost: lost.paths(of: seed.snapshot), trackers: trackers
            )
        }
        try await engine.add(spec)
    }

    private static func spec(
        _ store: SnapshotStore, _ seed: SnapshotStore.Seed, _ torrent: [UInt8], lost: Set<String>, trackers: [String]
    ) throws -> TorrentSpec {
        var spec = TorrentSpec(
            infoHash: seed.shard.infoHash, torrent: torrent, savePath: store.layout.tree(seed.snapshot), have: nil,
            wanted: nil, trackers: trackers,
            peerExchange: trackers.isEmpty)
        // What the tree lacks is neither offered nor fetched: a piece that is written could reach the source.
        if !lost.isEmpty {
            let torrent = try Torrent(parsing: spec.torrent)
            var have = PieceSet(pieceCount: torrent.pieceCount, full: true)
            for entry in torrent.files where lost.contains(torrent.path(entry)) {
                for piece in torrent.pieces(entry) { have[piece] = false }
            }
            spec.have = have
        }
        return spec
    }

    // MARK: Service

    /// Logs what the engine has to tell, until a graceful shutdown; then stops the engine.
    nonisolated func run() async throws {
        await withGracefulShutdownHandler {
            for await event in engine.events {
                await note(event)
                if case .fileError(let infoHash, _, _, _) = event { await mend(infoHash) }
            }
        } onGracefulShutdown: { [engine] in
            Task { await engine.stop() }
        }
    }

    private func note(_ event: EngineEvent) {
        func name(_ infoHash: InfoHash) -> String { "\(infoHash) (\(seeding[infoHash]?.shard.label ?? "gone"))" }
        switch event {
        case .fileError(let infoHash, let path, let message, _):
            logger.error("the torrent \(name(infoHash)) stands still: \(path): \(message)")
        case .trackerError(let infoHash, let url, let message):
            logger.warning("the tracker \(url) did not take the torrent \(name(infoHash)): \(message)")
        case .listenFailed(let endpoint, let message):
            logger.error("cannot listen for peers at \(endpoint): \(message)")
        case .peerBanned(let infoHash, let peer):
            logger.notice("\(peer) sent bad data of the torrent \(name(infoHash))")
        case .listening, .pieces, .finished, .pieceRefused, .resynchronized: break
        }
    }

    /// A file that could not be read has stopped its torrent, for every file in it. Should the tree lack files, the
    /// torrent goes on without them.
    private func mend(_ infoHash: InfoHash) async {
        guard let seed = seeding[infoHash] else { return }
        do {
            let (missing, lost) = try await blocking { [store] in (try store.noteLost(of: seed), try store.lost()) }
            guard !missing.isEmpty, seeding[infoHash] == seed else {
                // What is open may be a file that was exchanged for another one.
                return await engine.flush(infoHash)
            }
            logger.error(
                """
                the tree of snapshot \(seed.snapshot) lacks \(missing.count) files, such as \(missing[0]): they were \
                removed or cut short, and are not offered any more
                """)
            self.lost = lost
            await engine.remove(infoHash)
            seeding[infoHash] = nil
            await add(infoHash, seed)
        } catch { logger.error("the torrent \(infoHash) (\(seed.shard.label)) stands still: \(error)") }
    }

    // MARK: Status

    private struct Document: Encodable {
        struct Torrent: Encodable {
            let infoHash: InfoHash
            let label: String
            let snapshot: SnapshotID
            let files: Int
            let bytes: Int64
            let peers: Int
            let seeds: Int
            let uploaded: Int64
            let uploadRate: Int
            let error: String?
        }

        let version = Version.current
        let pid = ProcessInfo.processInfo.processIdentifier
        let set: SetName
        let torrents: [Torrent]
        /// Connections to peers, over all torrents.
        let peers: Int
        let uploaded: Int64
        let uploadRate: Int
        let failed: [String: String]
    }

    /// The JSON of `/.swarm/status`.
    func status() async -> [UInt8] {
        let traffic = await engine.totalTraffic()
        let statuses = await engine.statuses()
        let torrents = statuses.compactMap { status -> Document.Torrent? in
            guard let seed = seeding[status.infoHash] else { return nil }
            return Document.Torrent(
                infoHash: status.infoHash, label: seed.shard.label, snapshot: seed.snapshot,
                files: seed.shard.totals.files, bytes: seed.shard.totals.bytes, peers: status.peers,
                seeds: status.seeds,
                uploaded: status.payloadUploaded, uploadRate: status.uploadRate, error: status.error)
        }.sorted { $0.label != $1.label ? $0.label < $1.label : $0.infoHash < $1.infoHash }
        let document = Document(
            set: store.configuration.set, torrents: torrents, peers: torrents.reduce(0) { $0 + $1.peers },
            uploaded: traffic.uploaded, uploadRate: torrents.reduce(0) { $0 + $1.uploadRate },
            failed: Dictionary(uniqueKeysWithValues: failed.map { ($0.key.description, $0.value) }))
        return (try? Documents.encode(document)) ?? Array("{}".utf8)
    }

    private func offPool<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            BlockingWork.queue.async { continuation.resume(returning: body()) }
        }
    }
}
