internal import FileTree
internal import FoundationEssentials
internal import Logging
internal import Metainfo
internal import SwarmCore
internal import TorrentEngine

extension SetMirror {
    /// Fetches a snapshot, again after failures, until it is ready or the task is cancelled.
    func fetchUntilDone(_ snapshot: SnapshotID) async {
        var failures = 0
        // What the last one opened would take the room of what this one opens.
        settling?.cancel()
        await settle()
        fetchPatience.succeeded()
        transferPatience.succeeded()
        while !Task.isCancelled {
            do {
                try await fetch(snapshot)
                fetchPatience.succeeded()
                break
            } catch let damage as DamagedTree {
                logger.warning("\(damage)")
                do {
                    // What is lost anew is got from elsewhere, at once.
                    if try await noteLosses(damage) { continue }
                    throw damage
                } catch { await pause(after: error, failures: &failures, on: snapshot) }
            } catch {
                if Task.isCancelled { break }
                await pause(after: error, failures: &failures, on: snapshot)
            }
        }
        if fetching?.snapshot == snapshot { (fetching, baseInUse) = (nil, nil) }
        documents.offer([:])
        wake.yield()
        startSettling()
    }

    private func pause(after error: any Error, failures: inout Int, on snapshot: SnapshotID) async {
        failures += 1
        let pause = backoff(failures)
        logger.error("\(error)", metadata: ["snapshot": "\(snapshot)"])
        fetchPatience.failed("\(error)", at: .now, pause: pause, isHopeless: Patience.isHopeless(error))
        note("\(error)", on: snapshot)
        await settle()
        try? await Task.sleep(for: pause)
    }

    private func note(_ error: String, on snapshot: SnapshotID) {
        if snapshots[snapshot] == nil { feedError = error }
        snapshots[snapshot]?.status.error = error
        changed.yield()
    }

    private func fetch(_ id: SnapshotID) async throws {
        // Removed, and nobody offers it any more.
        guard snapshots[id] != nil || feed?.entry(id) != nil else { return }
        let manifest: Manifest
        let metadata: Int64
        do { (manifest, metadata) = try await describe(id) } catch let error as MirrorError {
            guard let row = snapshots[id], row.state == .building, feed?.entry(id) == nil, id != visible else {
                throw error
            }
            // Nobody can tell any more what it was to be, and it must not keep newer ones waiting.
            logger.warning("\(error); its half made tree is removed", metadata: ["snapshot": "\(id)"])
            try await abandon([id] + (row.base.map { layout.existingTree($0) != nil ? [] : [$0] } ?? []))
            return
        }
        try Task.checkCancellation()
        if snapshots[id] == nil, FileSystem.exists(layout.tree(id)) {
            // From a state that was lost, when nothing told yet what should be in it.
            try await adopt(manifest, isWanted: true)
            knownInodes = [:]
            try restoreLinks()
            if let state = snapshots[id]?.state, state != .fetching {
                reseed.yield()
                return
            }
        }
        await endSparing()
        let (base, spareBase) = try await chooseBase(for: id)
        let filter = configuration.filter
        // (A tree that was let go of, and may hold another snapshot by now, has been put aside.)
        let known = snapshots[id].flatMap { $0.state == .spare ? nil : $0 }
        var row =
            known
            ?? NodeState.Snapshot(
                uuid: id, serial: manifest.serial, state: .building, filter: filter, base: spareBase,
                status: .init(uuid: id, serial: manifest.serial, state: .fetching))
        let isResumed = row.state == .fetching
        if base == nil { row.base = nil }
        // A first tree has time, and its plan takes memory.
        if base != nil { documents.shelf.readAhead(manifest.shards.filter { seeding[$0.infoHash] == nil }) }
        defer { documents.shelf.readings.end() }
        let plan = try await makePlan(row, manifest.shards, base: base)
        try checkSpace(plan, over: isResumed ? id : base?.snapshot)
        row.status.bytesTotal = plan.bytesTotal
        row.status.files = plan.filesTotal
        row.status.bytesWanted = row.status.bytesDone + plan.bytesWanted
        row.status.filesWanted = row.status.filesDone + plan.filesWanted
        row.status.bytesLinked = plan.bytesTotal - row.status.bytesWanted
        row.status.bytesMetadata += metadata
        row.status.error = nil

        // From here to the end of the assembly the tree is neither the one nor the other.
        if let base { await unseed(base.snapshot) }
        if isResumed, let base {
            // A tree that is gone on with only gains files. What will be written again is not counted on from now on.
            try state.writeJournal(
                row,
                plan.missing.merging(base.missing) { $0.union($1) })
        } else {
            row.state = .building
            try state.save(row)
        }
        snapshots[id] = row
        let assembler = TreeAssembler(layout: layout, target: id, base: row.base, isOpen: id == visible)
        try await offPool { [shelf = documents.shelf] in try assembler.assemble(plan, shelf: shelf) }
        let replaced = row.base
        row.state = .fetching
        row.base = nil
        try state.finishBuilding(row, replacing: replaced, missing: plan.missing)
        try await offPool { try assembler.forgetMoves() }
        if let replaced {
            let held = snapshots[replaced]?.holds ?? replaced
            snapshots[replaced] = nil
            damaged[replaced] = nil
            try forget(held)
        }
        snapshots[id] = row
        changed.yield()
        // A tree that was half made came before all else. Now that it is whole, a newer snapshot may take its place.
        wake.yield()

        // Of a first tree nothing is opened again, and what was fetched takes its room.
        if plan.beside == nil { await settle() }
        let interrupted = isResumed || base.map { !$0.missing.isEmpty } ?? false
        let isSynced = try await transfer(id, plan, resuming: interrupted)
        try await complete(id, plan, isSynced: isSynced)
    }

    private func describe(_ id: SnapshotID) async throws -> (Manifest, Int64) {
        guard let entry = feed?.entry(id) else { return (try documents.local(id), 0) }
        let found = try await documents.manifest(of: entry)
        // The upstream is waited for meanwhile.
        async let opened: Void = openAhead(of: found.manifest)
        let torrents = try await documents.fetchTorrents(of: found.manifest)
        await opened
        return (found.manifest, found.bytesFetched + torrents)
    }

    /// The tree that the new one is made over: its own when it is there in part; else one that was being fetched for a
    /// snapshot that nobody needs any more; else a spare one.
    private func chooseBase(for id: SnapshotID) async throws -> (LocalTree?, SnapshotID?) {
        let current = visible
        if let row = snapshots[id] {
            if row.state == .fetching { return (try await localTree(row), nil) }
            // Interrupted while it was built: from the same base again.
            if let base = row.base, let baseRow = snapshots[base] {
                if layout.existingTree(base) != nil || FileSystem.exists(layout.tree(id)) {
                    baseInUse = base
                    if let tree = try await knownTree(baseRow) { return (tree, base) }
                    baseInUse = nil
                }
                try await abandon([base], next: id)
            }
            // What is in a half made tree is not known, and what is fetched must not be written into files that it shares
            // with others.
            if id != current {
                try putAside(id)
                try await removeAside([id])
            }
            return (nil, nil)
        }
        // (What readers see stays in its place, though it may be one that is being mended.)
        let unfinished = snapshots.values.first { $0.state == .fetching && $0.uuid != current }
        guard let chosen = unfinished ?? spares.first, layout.existingTree(chosen.uuid) != nil else {
            return (nil, nil)
        }
        baseInUse = chosen.uuid
        if let whole = try await brought(chosen), let tree = try await knownTree(whole) { return (tree, whole.uuid) }
        try await abandon([chosen.uuid], next: id)
        return (nil, nil)
    }

    /// A tree, as long as anybody can tell what is in it; nil when its documents are lost for good.
    private func knownTree(_ row: NodeState.Snapshot) async throws -> LocalTree? {
        do { return try await localTree(row) } catch let error as MirrorError {
            guard feed?.entry(row.holds) == nil else { throw error }
            logger.warning("\(error); its tree is removed", metadata: ["snapshot": "\(row.uuid)"])
            return nil
        }
    }

    func localTree(_ row: NodeState.Snapshot) async throws -> LocalTree {
        let shards: [Manifest.Shard]
        do { shards = try documents.local(row.holds).shards } catch {
            guard let entry = feed?.entry(row.holds) else { throw error }
            shards = try await documents.documents(of: entry).manifest.shards
        }
        let journal = try state.journal(row.uuid)
        var missing: [InfoHash: PieceSet] = [:]
        for shard in shards {
            let lost = damaged[row.uuid]?[shard.infoHash]
            guard journal[shard.infoHash] != nil || lost != nil else { continue }
            let count = try documents.shelf.torrent(shard).entryCount
            var set = journal[shard.infoHash].flatMap { PieceSet(pieceCount: count, bytes: $0) }
            if let lost { set = set?.union(lost) ?? lost }
            if let set, !set.isEmpty { missing[shard.infoHash] = set }
        }
        return LocalTree(
            snapshot: row.uuid,
            files: layout.existingFiles(of: row.uuid) ?? layout.files(of: row.uuid),
            shards: shards, shelf: documents.shelf,
            filter: try row.filter.compiled(), missing: missing)
    }

    func makePlan(_ row: NodeState.Snapshot, _ shards: [Manifest.Shard], base: LocalTree?) async throws
        -> SnapshotPlan
    {
        let own = await linkableTrees(except: Set([row.uuid] + (base.map { [$0.snapshot] } ?? [])))
        let plan = try await makePlan(row, shards, base: base, beside: own.first, sources: own)
        guard plan.bytesWanted > 0, let device = try FileSystem.status("\(layout.trees)/.")?.device else { return plan }
        // Only then is it worth the time to look through the other sets.
        let others = await neighbourhood.trees(beside: self, on: device).filter { damaged[$0.snapshot] == nil }
        if others.isEmpty { return plan }
        return try await makePlan(row, shards, base: base, beside: own.first, sources: own + others)
    }

    private func makePlan(
        _ row: NodeState.Snapshot, _ shards: [Manifest.Shard], base: LocalTree?, beside: LocalTree?,
        sources: [LocalTree]
    ) async throws -> SnapshotPlan {
        let filter = try row.filter.compiled()
        let sameFilter = base.flatMap { snapshots[$0.snapshot]?.filter } == row.filter
        let whole =
            sameFilter ? Set(base?.shards.map(\.infoHash) ?? []).subtracting(base?.missing.keys ?? [:].keys) : []
        return try await offPool { [shelf = documents.shelf] in
            try SnapshotPlan(
                target: shards, shelf: shelf, filter: filter, base: base, beside: beside, sources: sources,
                sharing: whole.intersection(shards.map(\.infoHash)))
        }
    }

    /// Trees that can be linked from, the newest first: those that are whole, and what readers see.
    private func linkableTrees(except excluded: Set<SnapshotID>) async -> [LocalTree] {
        let current = visible
        let rows = snapshots.values.filter {
            (isWhole($0.uuid) || ($0.state == .fetching && $0.uuid == current))
                && !excluded.contains($0.uuid)
        }
        var trees: [LocalTree] = []
        for row in rows.sorted(by: { $0.serial > $1.serial }) {
            do { trees.append(try await localTree(row)) } catch {
                logger.warning("nothing is linked from a tree: \(error)", metadata: ["snapshot": "\(row.uuid)"])
            }
        }
        return trees
    }

    /// Trees that another set may link from, if it is on the same file system.
    func treesToShare(on device: UInt64) async -> [LocalTree] {
        guard let status = try? FileSystem.status("\(layout.trees)/."), status.device == device else { return [] }
        return await linkableTrees(except: [])
    }

    /// - Parameter tree: the snapshot whose tree is gone on with; what was fetched of a file is there already.
    func checkSpace(_ plan: SnapshotPlan, over tree: SnapshotID?) throws {
        // Directories and links take some room too.
        var needed = plan.bytesWanted + plan.bytesCopied + Int64(plan.filesTotal) * 64
        let free = try FileSystem.freeBytes(layout.root)
        if needed > free, let files = tree.flatMap({ layout.existingFiles(of: $0) }) {
            for transfer in plan.transfers {
                for entry in transfer.entries(.fetch, .rewritten) {
                    let status = try FileSystem.status("\(files)/\(transfer.torrent.path(entry))")
                    guard let status, transfer.sources[entry] == .fetch || status.links == 1 else { continue }
                    needed -= min(status.allocated, transfer.torrent.length(entry))
                }
            }
        }
        guard needed <= free else {
            throw MirrorError(
                .noSpace,
                "the snapshot needs \(Quantities.format(bytes: needed)) on \(layout.root), where \(Quantities.format(bytes: free)) are free; "
                    + "free some space, or exclude a part of the set")
        }
    }

    /// Returns whether all of the tree is on disk.
    private func transfer(_ id: SnapshotID, _ plan: SnapshotPlan, resuming: Bool) async throws -> Bool {
        for transfer in plan.transfers { seeding[transfer.torrent.infoHash] = nil }
        guard let before = snapshots[id]?.status else { return false }
        transferring = Set(plan.transfers.map(\.torrent.infoHash))
        defer { transferring = [] }
        let suggested = feed?.prefetch ?? PrefetchList()
        let preferred = try await offPool { plan.preferred(suggested) }
        let fetch = SnapshotFetch(
            layout: layout, snapshot: id, plan: plan, preferred: preferred, shelf: documents.shelf,
            engine: engine, router: router,
            source: HTTPSource(upstreams: upstreams, set: layout.set, snapshot: id, feed: feed),
            httpAfter: configuration.httpAfter,
            logger: logger,
            report: { progress in try self.record(progress, of: id, before: before) })
        try await fetch.run(
            resuming: resuming, peers: await resolved(configuration.peers),
            masters: await resolved(listedPeers), trackers: trackers)
        return fetch.isSynced
    }

    private func record(_ progress: SnapshotFetch.FetchProgress, of id: SnapshotID, before: NodeStatus.Snapshot) throws
    {
        guard var row = snapshots[id] else { return }
        row.status.phase = progress.phase.map { Int($0.rawValue) }
        row.status.filesDone = before.filesDone + progress.filesDone
        row.status.bytesDone = before.bytesDone + progress.bytesDone
        row.status.bytesFromMaster = before.bytesFromMaster + progress.traffic.fromMaster
        row.status.bytesFromPeers = before.bytesFromPeers + progress.traffic.fromPeers
        if engine.knowsDistances {
            row.status.bytesFromNearPeers = (before.bytesFromNearPeers ?? 0) + progress.traffic.fromNearPeers
            row.status.bytesFromFarPeers = (before.bytesFromFarPeers ?? 0) + progress.traffic.fromFarPeers
        }
        row.status.bytesFromHTTP = before.bytesFromHTTP + progress.bytesFromHTTP
        row.status.bytesFetched =
            row.status.bytesFromMaster + row.status.bytesFromPeers + row.status.bytesFromHTTP
        row.status.peers = progress.peers
        row.status.downloadRate = progress.downloadRate
        row.status.uploadRate = progress.uploadRate
        row.status.error = progress.obstacle
        if row.status.filesDone > snapshots[id]?.status.filesDone ?? 0 { fetchPatience.succeeded() }
        if let obstacle = progress.obstacle {
            transferPatience.failed(obstacle, at: .now, pause: .seconds(1), isHopeless: false)
        } else {
            transferPatience.succeeded()
        }
        snapshots[id] = row
        if !progress.missing.isEmpty { try state.writeJournal(row, progress.missing) }
        changed.yield()
    }

    /// Everything was fetched: twins are linked, all is put on disk, and the snapshot is ready.
    ///
    /// - Parameter isSynced: whether what was assembled and fetched is on disk. A fetch of many files ends with a sync of the
    ///   file system, before the journal says that they are here; with no twins, that one is relied upon for the rest of the
    ///   tree too. (The parts that are removed are removed again should a crash bring them back.)
    private func complete(_ id: SnapshotID, _ plan: SnapshotPlan, isSynced: Bool) async throws {
        let layout = layout
        try await offPool {
            let builder = try TreeBuilder(root: layout.files(of: id))
            for (file, source) in plan.twins {
                try TreeAssembler.place(
                    file, from: builder.location(source.path), copies: file.identity != source.identity, builder)
            }
            try FileSystem.removeTree("\(layout.swarm)/parts")
            if !isSynced || !plan.twins.isEmpty { try FileSystem.syncAll(on: layout.root) }
        }
        for transfer in plan.transfers {
            let infoHash = transfer.torrent.infoHash
            // With twins there are pieces that the engine does not know to be here: it takes the torrent anew.
            let isWhole = transfer.entries(.twin, .excluded).first { _ in true } == nil
            if isWhole { seeding[infoHash] = id } else { await engine.remove(infoHash) }
        }
        guard var row = snapshots[id] else { return }
        row.state = .ready
        row.status.phase = nil
        row.status.downloadRate = 0
        row.status.uploadRate = 0
        row.status.peers = 0
        row.status.error = nil
        try state.finishBuilding(row, replacing: nil, missing: [:])
        snapshots[id] = row
        logger.info(
            "ready",
            metadata: [
                "snapshot": "\(id)", "serial": "\(row.serial)", "linked": "\(row.status.bytesLinked)",
                "fetched": "\(row.status.bytesFetched)", "from-master": "\(row.status.bytesFromMaster)",
                "from-peers": "\(row.status.bytesFromPeers)", "from-http": "\(row.status.bytesFromHTTP)",
            ])
        reseed.yield()
        changed.yield()
    }
}
