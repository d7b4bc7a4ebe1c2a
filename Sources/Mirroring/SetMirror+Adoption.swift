internal import FileTree
internal import FoundationEssentials
internal import Logging
internal import Metainfo
internal import SwarmCore

extension SetMirror {
    /// Trees that the state does not know, because it was lost: each that is read and found to be its snapshot is taken up
    /// again, one that is not is gone on with where it serves, and the others are removed. What readers see stays.
    func adoptTrees() async throws {
        guard !hasAdopted, let feed else { return }
        var isComplete = true
        var candidates: [Manifest] = []
        for name in try FileSystem.names(in: layout.trees) {
            guard let id = SnapshotID(name), snapshots[id] == nil, id != fetching?.snapshot else { continue }
            do {
                candidates.append(try await describe(id))
            } catch {
                if feed.entry(id) != nil {
                    // Later, when an upstream answers, it can be judged.
                    isComplete = false
                    logger.warning("a tree of the lost state waits: \(error)", metadata: ["snapshot": "\(id)"])
                } else {
                    try await discard(id, because: "nothing tells any more what should be in it")
                }
            }
        }
        for manifest in candidates.sorted(by: { $0.serial > $1.serial }) { try await adopt(manifest) }
        knownInodes = [:]
        hasAdopted = isComplete
        guard !candidates.isEmpty else { return }
        try restoreLinks()
        try await removeSpares()
        reseed.yield()
    }

    private func describe(_ id: SnapshotID) async throws -> Manifest {
        if let found = try? documents.local(id) { return found }
        guard let entry = feed?.entry(id) else {
            throw MirrorError(.file, "\(layout.manifest(id)) is missing, and the feed does not list the snapshot")
        }
        return try await documents.documents(of: entry).manifest
    }

    /// Reads a tree that the state does not know. Afterwards it has a row, or it is gone; unless it is what readers see,
    /// is not whole, and not wanted.
    ///
    /// - Parameter isWanted: whether the snapshot is about to be fetched.
    func adopt(_ manifest: Manifest, isWanted: Bool = false) async throws {
        let id = manifest.uuid
        let torrents = try await offPool { [shelf = documents.shelf] in
            try manifest.shards.map { try shelf.torrent($0) }
        }
        let root = layout.files(of: id)
        let filter = configuration.filter
        let known = knownInodes
        logger.notice("the state does not know a tree; it is read", metadata: ["snapshot": "\(id)"])
        let inspection: TreeInspection
        do {
            let compiled = try filter.compiled()
            (inspection, knownInodes) = try await offPool {
                var known = known
                let result = try TreeInspection(root: root, torrents: torrents, filter: compiled, known: &known)
                return (result, known)
            }
        } catch { return try await discard(id, because: "\(error)") }
        var row = NodeState.Snapshot(
            uuid: id, serial: manifest.serial, state: .fetching, filter: filter,
            status: .init(uuid: id, serial: manifest.serial, state: .fetching))
        row.status.files = inspection.files
        (row.status.bytesTotal, row.status.bytesLinked) = (inspection.bytes, inspection.bytes)
        let isCurrent = id == visible
        if inspection.isWhole {
            try takeUp(row, isCurrent: isCurrent)
        } else if isWanted || id == feed?.newest?.uuid || (!isCurrent && isAhead(manifest.serial)) {
            try await offPool { try inspection.repair() }
            try state.finishBuilding(row, replacing: nil, missing: inspection.missing)
            snapshots[id] = row
            logger.notice(
                "a tree is gone on with",
                metadata: ["snapshot": "\(id)", "files": "\(inspection.files)", "wrong": "\(inspection.wrong.count)"])
        } else {
            try await discard(id, because: "it is not whole")
        }
    }

    /// Whether a snapshot is newer than all that are here: its content may be nowhere else.
    private func isAhead(_ serial: Serial) -> Bool { snapshots.values.allSatisfy { $0.serial < serial } }

    /// A tree is what it should be: it gets the place that its links tell.
    private func takeUp(_ row: NodeState.Snapshot, isCurrent: Bool) throws {
        var row = row
        if isCurrent {
            try setActive(row)
        } else {
            if FileSystem.readLink(layout.snapshotLink(row.uuid)) != nil {
                row.state = .retained
            } else if row.uuid == feed?.newest?.uuid {
                row.state = .ready
            } else {
                row.state = .spare
            }
            try state.save(row)
            snapshots[row.uuid] = row
        }
        logger.notice(
            "a tree is whole and taken up again",
            metadata: ["snapshot": "\(row.uuid)", "as": "\(snapshots[row.uuid]?.state.rawValue ?? "")"])
    }

    private func discard(_ id: SnapshotID, because reason: String) async throws {
        guard id != visible else {
            strays.insert(id)
            return logger.error(
                "what readers see is no snapshot that can be vouched for: \(reason); it stays until the next one",
                metadata: ["snapshot": "\(id)"])
        }
        logger.warning("a tree is removed: \(reason)", metadata: ["snapshot": "\(id)"])
        try putAside(id)
        try await removeAside([id])
    }

    /// Removes what readers saw until now, and nobody can vouch for.
    func removeStrays() async throws {
        guard !strays.isEmpty else { return }
        let removed = strays.filter { snapshots[$0] == nil }
        strays = []
        for id in removed { try putAside(id) }
        try await removeAside(Array(removed))
    }
}
