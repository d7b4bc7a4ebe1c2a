internal import FileTree
internal import FoundationEssentials
internal import Logging
internal import Metainfo
internal import SwarmCore

/// The tree that the next snapshot will be made over is brought up to the newest one while nothing else is to be done. Then an
/// update unlinks and links what that one snapshot changed, and not what changed since the tree expired; and files that no
/// snapshot has any more leave the disk now, and not with the next snapshot.
extension SetMirror {
    /// How long a mirror rests after an update: until then, others still fetch from it.
    static let restAfterUpdate = Duration.seconds(2)

    /// Trees that a new one can be made over, the newest first. What readers see is none, whatever the state says.
    var spares: [NodeState.Snapshot] {
        let current = visible
        return snapshots.values.filter { $0.state == .spare && $0.uuid != current }.sorted { $0.serial > $1.serial }
    }

    /// Brings the spare tree up to date after a rest, should it be behind. Does nothing while that is under way.
    func startSparing() {
        guard sparing == nil, let (spare, _) = staleSpare else { return }
        let rest = max(Self.restAfterUpdate, timeForReaders(of: spare))
        sparing = Task {
            if (try? await Task.sleep(for: rest)) != nil { await renewSpare() }
            sparing = nil
            changed.yield()
        }
    }

    /// Ends the rest, or waits for what has been begun.
    func endSparing() async {
        sparing?.cancel()
        await sparing?.value
    }

    /// For how long connections to this node may go on to read a tree that has expired: since what came after it became
    /// current. Zero where that is not known, as after a restart, when there are none.
    private func timeForReaders(of spare: NodeState.Snapshot) -> Duration {
        guard spare.holds == spare.uuid, spare.becoming == nil else { return .zero }
        let next = snapshots.values.filter { $0.serial > spare.serial && $0.state != .spare }
        guard let left = next.compactMap(\.status.activated).min() else { return .zero }
        return .seconds(max(0, left.timeIntervalSince(now()) + Double(readersTime.components.seconds)))
    }

    /// A spare tree, and the newest whole snapshot, which it does not hold.
    private var staleSpare: (NodeState.Snapshot, NodeState.Snapshot)? {
        guard let spare = spares.first, let newest = newestWhole, newest.filter == configuration.filter,
            spare.holds != newest.uuid || spare.becoming != nil, damaged[newest.uuid] == nil
        else { return nil }
        return (spare, newest)
    }

    private func renewSpare() async {
        guard fetching == nil, hasAdopted, let (spare, newest) = staleSpare else { return }
        baseInUse = spare.uuid
        do {
            // What was begun comes to its end first: what is in the tree is known for that end alone.
            if let whole = try await brought(spare) {
                if whole.holds != newest.uuid, isWhole(newest.uuid) { try await bringUp(whole, to: newest) }
            } else {
                try await abandon([spare.uuid])
            }
        } catch {
            // It is older than it could be, or half made; whoever makes the next tree looks after it.
            logger.warning(
                "the spare tree is not brought up to date: \(error)", metadata: ["snapshot": "\(spare.uuid)"])
            if let damage = error as? DamagedTree { _ = try? await noteLosses(damage) }
        }
        if baseInUse == spare.uuid { baseInUse = nil }
        do { try await removeSpares() } catch { logger.error("\(error)") }
        // An update that has begun meanwhile needs what it has opened.
        if fetching == nil { await settle() }
        try? await offPool { Allocator.trim() }
    }

    /// A spare tree, after what was begun with it has come to its end; nil where that cannot be, and nobody can tell any more
    /// what is in it.
    func brought(_ spare: NodeState.Snapshot) async throws -> NodeState.Snapshot? {
        guard let aim = spare.becoming else { return spare }
        guard let whole = snapshots[aim], isWhole(aim) else { return nil }
        do { try await bringUp(spare, to: whole) } catch is CancellationError {
            throw CancellationError()
        } catch {
            logger.warning("a half made spare tree is removed: \(error)", metadata: ["snapshot": "\(spare.uuid)"])
            return nil
        }
        return snapshots[spare.uuid]
    }

    /// Makes a spare tree hold a snapshot that is whole in another one: the one that it was being brought up to, if any.
    /// First of all it gets another place: who was told of the tree that it was, finds it gone, and nothing else there.
    private func bringUp(_ spare: NodeState.Snapshot, to newest: NodeState.Snapshot) async throws {
        let base = try await localTree(spare)
        var row = spare
        row.filter = newest.filter
        let shards = try documents.local(newest.uuid).shards
        let plan = try await makePlan(row, shards, base: base)
        guard plan.bytesWanted == 0, plan.twins.isEmpty else {
            throw MirrorError(.file, "the tree of snapshot \(newest.uuid) lacks files")
        }
        try checkSpace(plan, over: nil)
        await unseed(spare.uuid)
        // Until it is done, the tree is neither the one nor the other.
        row.becoming = newest.uuid
        row.filter = spare.filter
        try save(row)
        let assembler = TreeAssembler(layout: layout, target: spare.uuid, base: spare.uuid, isSpare: true)
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
