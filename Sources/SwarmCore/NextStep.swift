public import FoundationEssentials

/// A snapshot as a node has it on disk.
public struct LocalSnapshot: Hashable, Sendable {
    /// How far it is.
    public enum State: String, Hashable, Sendable {
        /// The tree is being linked: its content is neither the old nor the new snapshot's.
        case building
        /// The tree holds what could be linked; the journal says what it lacks.
        case fetching
        /// Complete, verified and on disk; not visible.
        case ready
        /// What readers see.
        case active
        /// Was active before.
        case retained
        /// Not wanted any more; its tree serves the next snapshot.
        case spare
    }

    /// Names its tree below `trees`.
    public let uuid: SnapshotID
    /// The order among snapshots: a node never goes back to a lower one by itself.
    public let serial: Serial
    /// As the node last wrote it down; a crash leaves it as it was.
    public var state: State

    /// Every part given.
    public init(uuid: SnapshotID, serial: Serial, state: State) {
        self.uuid = uuid
        self.serial = serial
        self.state = state
    }
}

/// What a node does next for one set. A pure function of the feed, of what is on disk, and of the time.
public enum NextStep: Hashable, Sendable {
    /// Make this ready snapshot current.
    case activate(SnapshotID)
    /// Fetch this snapshot, in place of one that is being fetched.
    case fetch(SnapshotID)
    /// Let go of these snapshots: their trees become spare.
    case release([SnapshotID])
    /// Nothing until the feed changes, a fetch ends, or this moment comes.
    case wait(until: Date?)

    /// - Parameters:
    ///   - feed: the accepted feed; nil before the first.
    ///   - keep: how many snapshots stay beside the active one, apart from those with a tag.
    public static func decide(
        feed: Feed?, local: [LocalSnapshot], tagged: Set<SnapshotID>, keep: Int, now: Date
    ) -> NextStep {
        guard let feed else { return .wait(until: nil) }
        // A tree that was left half linked comes first: until it is whole, nothing can be said about it.
        if let building = local.first(where: { $0.state == .building }) { return .fetch(building.uuid) }

        let activeSerial = local.first { $0.state == .active }?.serial ?? 0
        let ready = local.filter { $0.state == .ready && $0.serial > activeSerial }.sorted { $0.serial > $1.serial }
        for snapshot in ready {
            // A snapshot that left the feed was withdrawn or has a successor: it is not activated any more.
            guard let activation = feed.entry(snapshot.uuid)?.activation, !activation.hold else { continue }
            if activation.notBefore <= now { return .activate(snapshot.uuid) }
        }

        let released = released(feed: feed, local: local, tagged: tagged, keep: keep)
        if !released.isEmpty { return .release(released) }

        if let wanted = wanted(feed: feed, local: local, now: now) { return .fetch(wanted) }
        return .wait(until: nextActivation(feed: feed, local: local, now: now))
    }

    /// What to fetch: the newest snapshot; but while that waits for its lift or its time, and nothing of it was fetched
    /// yet, first the newest that readers may see, where it is newer than what is here.
    private static func wanted(feed: Feed, local: [LocalSnapshot], now: Date) -> SnapshotID? {
        let here = local.filter { $0.state != .spare && $0.state != .fetching }.map(\.serial).max() ?? 0
        guard let newest = feed.newest, newest.serial > here else { return nil }
        let isBegun = local.contains { $0.uuid == newest.uuid && $0.state == .fetching }
        let visible = feed.snapshots.filter {
            !$0.activation.hold && $0.activation.notBefore <= now && $0.serial > here
        }
        return isBegun ? newest.uuid : visible.max { $0.serial < $1.serial }?.uuid ?? newest.uuid
    }

    /// The next moment at which a ready snapshot may be activated; nil when none waits for its time.
    public static func nextActivation(feed: Feed?, local: [LocalSnapshot], now: Date) -> Date? {
        let ready = local.filter { $0.state == .ready }
        return ready.compactMap { feed?.entry($0.uuid)?.activation }
            .filter { !$0.hold && $0.notBefore > now }.map(\.notBefore).min()
    }

    private static func released(
        feed: Feed, local: [LocalSnapshot], tagged: Set<SnapshotID>, keep: Int
    ) -> [SnapshotID] {
        let protected = tagged.union(feed.tags.values)
        let retained = local.filter { $0.state == .retained && !protected.contains($0.uuid) }.sorted {
            $0.serial > $1.serial
        }
        let activeSerial = local.first { $0.state == .active }?.serial ?? 0
        // Ready ones that can never become current: withdrawn, or older than what is active.
        let stale = local.filter {
            $0.state == .ready && !protected.contains($0.uuid)
                && ($0.serial < activeSerial || feed.entry($0.uuid) == nil)
        }
        return retained.dropFirst(keep).map(\.uuid) + stale.map(\.uuid)
    }
}
