internal import FileTree
internal import FoundationEssentials
internal import Logging
internal import Metainfo
internal import SwarmCore
internal import TorrentEngine

extension SetMirror {
    // MARK: Activation

    /// Makes a ready snapshot current: its tree is opened, then one rename switches the link.
    func activate(_ id: SnapshotID) async throws {
        guard var row = snapshots[id] else { return }
        try FileSystem.setMode(layout.tree(id), 0o755)
        try FileSystem.replaceLink(at: layout.snapshotLink(id), target: "../\(layout.currentTarget(id))")
        try FileSystem.replaceLink(at: layout.current, target: layout.currentTarget(id))
        try FileSystem.syncDirectory(of: layout.current)
        row.state = .active
        row.status.state = .active
        row.status.activated = Date(timeIntervalSince1970: now().timeIntervalSince1970.rounded(.down))
        try activated(&row)
        logger.info("activated", metadata: ["snapshot": "\(id)", "serial": "\(row.serial)"])
        changed.yield()
    }

    /// Takes over in the state what the link says already.
    func activated(_ row: inout NodeState.Snapshot) throws {
        try FileSystem.replaceLink(at: "\(layout.snapshots)/current", target: row.uuid.rawValue)
        for (tag, snapshot) in feed?.tags ?? [:] where snapshots[snapshot] != nil {
            try FileSystem.makeDirectories(layout.masterTags)
            try FileSystem.replaceLink(at: "\(layout.masterTags)/\(tag)", target: "../snap/\(snapshot)")
        }
        try state.activate(row)
        for (uuid, other) in snapshots where other.state == .active && uuid != row.uuid {
            snapshots[uuid]?.state = .retained
        }
        snapshots[row.uuid] = row
    }

    // MARK: Retention

    /// Lets go of snapshots: one tree is kept to make the next one from, the others are removed.
    func release(_ released: [SnapshotID]) async throws {
        for id in released {
            guard let row = snapshots[id] else { continue }
            await unseed(id)
            try FileSystem.remove(layout.snapshotLink(id))
            try FileSystem.setMode(layout.tree(id), 0o700)
            try state.setState(id, .spare)
            snapshots[id]?.state = .spare
            logger.info("released", metadata: ["snapshot": "\(id)", "serial": "\(row.serial)"])
        }
        let spares = snapshots.values.filter { $0.state == .spare }.sorted { $0.serial > $1.serial }
        let layout = layout
        for row in spares.dropFirst() {
            try await offPool { try FileSystem.removeTree(layout.tree(row.uuid)) }
            try state.remove(row.uuid)
            snapshots[row.uuid] = nil
            try forget(row.uuid)
        }
        await seed()
    }

    /// Removes the documents that only this snapshot needed.
    func forget(_ id: SnapshotID) throws {
        guard let manifest = try documents.localManifest(id) else { return }
        var needed: Set<InfoHash> = []
        for other in snapshots.keys where other != id {
            needed.formUnion(try documents.localManifest(other)?.shards.map(\.infoHash) ?? [])
        }
        for shard in manifest.shards where !needed.contains(shard.infoHash) {
            try FileSystem.remove(layout.torrent(shard.infoHash))
            try FileSystem.remove(layout.compressedTorrent(shard.infoHash))
        }
        try FileSystem.remove(layout.manifest(id))
    }

    // MARK: Seeding

    /// Offers every shard of the snapshots that are whole, each from the newest tree that has it. What is in the engine
    /// already stays as it is.
    func seed() async {
        let whole = snapshots.values.filter { [.active, .ready, .retained].contains($0.state) }.sorted {
            $0.serial > $1.serial
        }
        for row in whole {
            do {
                guard let manifest = try documents.localManifest(row.uuid) else { continue }
                let filter = try row.filter.compiled()
                for shard in manifest.shards where seeding[shard.infoHash] == nil {
                    let torrent = try documents.localTorrent(shard)
                    let have = SetMirror.have(torrent, filter)
                    guard !have.isEmpty else { continue }
                    seeding[shard.infoHash] = row.uuid
                    await engine.remove(shard.infoHash)
                    try await engine.add(
                        TorrentSpec(
                            infoHash: shard.infoHash, torrent: torrent.bytes, savePath: layout.tree(row.uuid),
                            have: have,
                            wanted: PieceSet(pieceCount: torrent.pieceCount),
                            renamed: SnapshotFetch.mended(torrent) ?? [:],
                            trackers: feed?.trackers ?? [], peerExchange: feed?.trackers.isEmpty ?? true))
                    await introduce([shard.infoHash])
                }
            } catch { logger.error("\(error)", metadata: ["snapshot": "\(row.uuid)"]) }
        }
    }

    /// Connects torrents to the master and the configured peers. Without a tracker, this is how others learn of this
    /// node: the master passes it on by peer exchange.
    func introduce(_ torrents: some Sequence<InfoHash>) async {
        guard feed?.trackers.isEmpty ?? true else { return }
        for infoHash in torrents {
            for peer in peers() {
                do { try await engine.connect(infoHash, to: peer) } catch { logger.warning("\(error)") }
            }
        }
    }

    /// Takes the torrents that read a tree out of the engine.
    func unseed(_ id: SnapshotID) async {
        for (infoHash, snapshot) in seeding where snapshot == id {
            seeding[infoHash] = nil
            await engine.remove(infoHash)
        }
    }

    /// The pieces that a whole tree has under a filter.
    static func have(_ torrent: Torrent, _ filter: CompiledFilter) -> PieceSet {
        var have = PieceSet(pieceCount: torrent.pieceCount, full: true)
        guard !filter.isEverything else { return have }
        for entry in torrent.files where !filter.includes(torrent.path(entry)) {
            for piece in torrent.pieces(entry) { have[piece] = false }
        }
        return have
    }
}
