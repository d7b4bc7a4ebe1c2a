internal import FileTree
internal import FoundationEssentials
internal import Logging
internal import Metainfo
internal import SwarmCore
internal import TorrentEngine

extension SetMirror {
    // MARK: Retention

    /// Lets go of snapshots: one tree is kept to make the next one from, the others are removed.
    func release(_ released: [SnapshotID]) async throws {
        for id in released {
            guard let row = snapshots[id] else { continue }
            // First of all: from now on nothing is offered from this tree any more.
            snapshots[id]?.state = .spare
            await unseed(id)
            try FileSystem.remove(layout.snapshotLink(id))
            try FileSystem.setMode(layout.tree(id), 0o700)
            try state.setState(id, .spare)
            logger.info("released", metadata: ["snapshot": "\(id)", "serial": "\(row.serial)"])
        }
        try await removeSpares()
        reseed.yield()
    }

    /// Removes all spare trees but one.
    func removeSpares() async throws {
        try await abandon(spares.dropFirst().map(\.uuid).filter { $0 != baseInUse })
    }

    /// Removes trees of which nothing is made any more, and what is known of them.
    ///
    /// - Parameter next: the snapshot that is being fetched.
    func abandon(_ trees: [SnapshotID], next: SnapshotID? = nil) async throws {
        for id in trees {
            try putAside(id)
            let row = snapshots[id]
            try state.remove(id)
            snapshots[id] = nil
            for held in [row?.holds ?? id, row?.becoming].compactMap({ $0 }) { try forget(held, next: next) }
        }
        try await removeAside(trees)
    }

    /// Takes a tree from its place, in one step: neither a crash nor a fetch that begins meanwhile finds a part of it that
    /// could be taken for the whole. `removeAside` is to follow.
    func putAside(_ id: SnapshotID) throws {
        try FileSystem.remove(layout.snapshotLink(id))
        try FileSystem.makeDirectories(trash)
        while let tree = layout.existingTree(id) {
            try FileSystem.removeTree("\(trash)/\(id)")
            try FileSystem.rename(tree, to: "\(trash)/\(id)")
        }
    }

    /// Removes trees that were put aside.
    func removeAside(_ trees: [SnapshotID]) async throws {
        let trash = trash
        try await offPool { for id in trees { try FileSystem.removeTree("\(trash)/\(id)") } }
    }

    /// Where trees lie while they are removed.
    var trash: String { "\(layout.swarm)/trash" }

    /// Removes the documents that only this snapshot needed, unless a tree here holds it still.
    ///
    /// - Parameter next: a snapshot that is not in the state yet, and needs its documents.
    func forget(_ id: SnapshotID, next: SnapshotID? = nil) throws {
        var held = Set(snapshots.values.flatMap { [$0.holds, $0.becoming ?? $0.holds] })
        held.formUnion([next, fetching?.snapshot].compactMap { $0 })
        guard !held.contains(id), let manifest = try documents.localManifest(id) else { return }
        var needed: Set<InfoHash> = []
        var deltas: Set<Manifest.Delta> = []
        for other in held {
            for shard in try documents.localManifest(other)?.shards ?? [] {
                needed.insert(shard.infoHash)
                deltas.formUnion(shard.deltas)
            }
        }
        for shard in manifest.shards where !needed.contains(shard.infoHash) {
            try FileSystem.remove(layout.torrent(shard.infoHash))
            try FileSystem.remove(layout.compressedTorrent(shard.infoHash))
            try FileSystem.remove(layout.origin(shard.infoHash))
            documents.shelf.recent.forget(shard)
        }
        // A patch is of use to others while a snapshot here lists it.
        for delta in manifest.shards.flatMap(\.deltas) where !deltas.contains(delta) {
            try FileSystem.remove(layout.delta(from: delta.from, to: delta.to))
        }
        try FileSystem.remove(layout.manifest(id))
    }

    // MARK: Seeding

    /// Offers every shard of the snapshots that are whole, each from the newest tree that has it. What is in the engine
    /// already stays as it is.
    func seed() async {
        var isNew = false
        for row in snapshots.values.filter({ isWhole($0.uuid) }).sorted(by: { $0.serial > $1.serial }) {
            do {
                guard let manifest = try documents.localManifest(row.uuid) else { continue }
                let filter = try row.filter.compiled()
                // Reading a torrent is most of the work: as many at a time as there are cores.
                let missing = manifest.shards.filter { seeding[$0.infoHash] == nil }
                isNew = isNew || !missing.isEmpty
                try await Parallel.forEach(missing) { shard in
                    try Task.checkCancellation()
                    await self.seed(shard, of: row.uuid, filter)
                }
            } catch is CancellationError {
                return
            } catch { logger.error("\(error)", metadata: ["snapshot": "\(row.uuid)"]) }
        }
        if isNew { try? await offPool { Allocator.trim() } }
    }

    /// Whether a snapshot can be offered, and linked from, as it is. A tree that is being made over cannot.
    func isWhole(_ id: SnapshotID) -> Bool {
        switch snapshots[id]?.state {
        case .active, .ready, .retained: true
        case .building, .fetching, .spare, nil: false
        }
    }

    /// The newest snapshot that is whole.
    var newestWhole: NodeState.Snapshot? {
        snapshots.values.filter { isWhole($0.uuid) }.max { $0.serial < $1.serial }
    }

    private func seed(_ shard: Manifest.Shard, of snapshot: SnapshotID, _ filter: CompiledFilter) async {
        guard seeding[shard.infoHash] == nil, isWhole(snapshot) else { return }
        seeding[shard.infoHash] = snapshot
        do {
            await engine.remove(shard.infoHash)
            let (path, trackers) = (layout.tree(snapshot), trackers)
            var spec = try await offPool { [shelf = documents.shelf] in
                try Self.spec(shard, try shelf.bytes(shard), filter, savePath: path, trackers: trackers)
            }
            // Where there is a tracker, what is only offered is found by it. Without one, this is how others learn of this
            // node: the master passes it on by peer exchange.
            if trackers.isEmpty { spec?.peers = await resolved(peers()) }
            // The tree may have been made over meanwhile.
            guard let spec, seeding[shard.infoHash] == snapshot else {
                if seeding[shard.infoHash] == snapshot { seeding[shard.infoHash] = nil }
                return
            }
            try await engine.add(spec)
            if seeding[shard.infoHash] != snapshot { await engine.remove(shard.infoHash) }
        } catch {
            if seeding[shard.infoHash] == snapshot { seeding[shard.infoHash] = nil }
            // The node ends.
            if Task.isCancelled { return }
            logger.error("\(error)", metadata: ["snapshot": "\(snapshot)", "torrent": "\(shard.infoHash)"])
        }
    }

    /// Peers by their addresses.
    func resolved(_ peers: [Endpoint]) async -> [Endpoint] {
        var result: [Endpoint] = []
        for peer in peers {
            do { result.append(try await engine.resolve(peer)) } catch { logger.warning("\(error)") }
        }
        return result
    }

    /// A torrent of which a whole tree is offered; nil when the filter leaves nothing of it.
    private static func spec(
        _ shard: Manifest.Shard, _ bytes: [UInt8], _ filter: CompiledFilter, savePath: String, trackers: [String]
    ) throws -> TorrentSpec? {
        var have: PieceSet?
        if !filter.isEverything {
            let pieces = Self.have(try Torrent(parsing: bytes, isKnown: true), filter)
            if pieces.isEmpty { return nil }
            have = pieces
        }
        return TorrentSpec(
            infoHash: shard.infoHash, torrent: bytes, savePath: savePath, have: have, wanted: nil,
            trackers: trackers, peerExchange: trackers.isEmpty)
    }

    /// Connects torrents to the master and the configured peers, as when they were added.
    ///
    /// - Parameter besideTrackers: whether to connect though there is a tracker.
    func introduce(_ torrents: some Sequence<InfoHash>, besideTrackers: Bool = false) async {
        guard besideTrackers || feed?.trackers.isEmpty ?? true else { return }
        for infoHash in torrents {
            for peer in peers() {
                do { try await engine.connect(infoHash, to: peer) } catch { logger.warning("\(error)") }
            }
        }
    }

    /// The master moved: what is being fetched or offered is to find it again.
    func introduceAnew() async {
        await introduce(transferring, besideTrackers: true)
        await introduce(seeding.keys)
    }

    /// Takes the torrents that read a tree out of the engine.
    func unseed(_ id: SnapshotID) async {
        for (infoHash, snapshot) in seeding where snapshot == id {
            seeding[infoHash] = nil
            await engine.remove(infoHash)
        }
    }

    /// The pieces that a whole tree has under a filter.
    private static func have(_ torrent: Torrent, _ filter: CompiledFilter) -> PieceSet {
        var have = PieceSet(pieceCount: torrent.pieceCount, full: true)
        for entry in torrent.files where !filter.includes(torrent.path(entry)) {
            for piece in torrent.pieces(entry) { have[piece] = false }
        }
        return have
    }
}
