internal import FileTree
internal import Logging
internal import Metainfo
internal import SwarmCore

/// The tree that the next snapshot will be made over is brought up to the newest one while nothing else is to be done. Then an
/// update unlinks and links what that one snapshot changed, and not what changed since the tree expired; and files that no
/// snapshot has any more leave the disk now, and not with the next snapshot.
extension SetMirror {
    /// How long a mirror rests after an activation: until then, others still fetch from it.
    private static let restBeforeSpare = Duration.seconds(2)

    /// Trees that a new one can be made over, the newest first. What readers see is none, whatever the state says.
    var spares: [NodeState.Snapshot] {
        let current = visible
        return snapshots.values.filter { $0.state == .spare && $0.uuid != current }.sorted { $0.serial > $1.serial }
    }

    /// Brings the spare tree up to date after a rest, should it be behind. Does nothing while that is under way.
    func startSparing() {
        guard sparing == nil, staleSpare != nil else { return }
        sparing = Task {
            if (try? await Task.sleep(for: Self.restBeforeSpare)) != nil { await renewSpare() }
            sparing = nil
            changed.yield()
        }
    }

    /// Ends the rest, or waits for what has been begun.
    func endSparing() async {
        sparing?.cancel()
        await sparing?.value
    }

    /// A spare tree, and the newest whole snapshot, which it does not hold.
    private var staleSpare: (NodeState.Snapshot, NodeState.Snapshot)? {
        guard let spare = spares.first,
            let newest = snapshots.values.filter({ isWhole($0.uuid) }).max(by: { $0.serial < $1.serial }),
            spare.holds != newest.uuid || spare.becoming != nil, newest.filter == configuration.filter,
            damaged[newest.uuid] == nil
        else { return nil }
        return (spare, newest)
    }

    private func renewSpare() async {
        guard fetching == nil, hasAdopted, let (spare, newest) = staleSpare else { return }
        baseInUse = spare.uuid
        defer { if baseInUse == spare.uuid { baseInUse = nil } }
        do {
            try await bringUp(spare, to: newest)
            try await removeSpares()
        } catch {
            // It is older than it could be, or half made; whoever makes the next tree looks after it.
            logger.warning(
                "the spare tree is not brought up to date: \(error)", metadata: ["snapshot": "\(spare.uuid)"])
            if let damage = error as? DamagedTree { _ = try? await noteLosses(damage) }
        }
        documents.shelf.recent.settle()
        try? await offPool { Allocator.trim() }
    }

    /// Makes a spare tree hold a snapshot that is whole in another one. What was begun with it is gone on with.
    func bringUp(_ spare: NodeState.Snapshot, to newest: NodeState.Snapshot) async throws {
        let base = try await localTree(spare)
        var row = spare
        row.filter = newest.filter
        let shards = try documents.local(newest.uuid).shards
        let plan = try await makePlan(row, shards, base: base)
        guard plan.bytesWanted == 0, plan.twins.isEmpty else {
            throw MirrorError(.file, "the tree of snapshot \(newest.uuid) lacks files")
        }
        try checkSpace(plan, over: nil)
        // Until it is done, the tree is neither the one nor the other.
        row.becoming = newest.uuid
        row.filter = spare.filter
        try save(row)
        let assembler = TreeAssembler(layout: layout, target: spare.uuid, base: spare.uuid)
        try await offPool { [layout, shelf = documents.shelf] in
            try assembler.assemble(plan, shelf: shelf)
            try FileSystem.syncAll(on: layout.root)
        }
        row.filter = newest.filter
        (row.holds, row.serial, row.becoming) = (newest.uuid, newest.serial, nil)
        try save(row)
        damaged[spare.uuid] = nil
        try assembler.forgetMoves()
        if spare.holds != newest.uuid { try forget(spare.holds) }
        logger.debug("the spare tree is up to date", metadata: ["tree": "\(spare.uuid)", "snapshot": "\(newest.uuid)"])
    }

    private func save(_ row: NodeState.Snapshot) throws {
        try state.save(row)
        snapshots[row.uuid] = row
    }
}
