internal import SwarmCore

/// The snapshot of one set that a connection sees: the one that was current at its first request, until the connection
/// closes or a minute after the switch to another one. So a client that reads an index and then what it names, over
/// one connection, never meets half of each state.
struct SnapshotPin: Hashable, Sendable {
    /// For how many seconds after a switch the old snapshot stays in sight.
    static let overlap = ReadersTime.afterSwitch.components.seconds

    private(set) var snapshot: SnapshotID
    /// When the pin ends, in seconds since 1970; nil while its snapshot is current.
    private var end: Int64?

    /// Pins what is current.
    init(_ current: SnapshotID) { snapshot = current }

    /// Takes note of what is current now, and lets go when the time is over.
    ///
    /// - Parameter switched: the moment of the switch; asked for only when one is noticed.
    mutating func update(current: SnapshotID, now: Int64, switched: () -> Int64) {
        guard current != snapshot else {
            end = nil
            return
        }
        // A clock that was set must not hold an old snapshot for longer than from now on. The first switch counts: a
        // second one within the minute does not prolong.
        let limit = end ?? min(switched(), now) + Self.overlap
        end = limit
        if now >= limit { self = SnapshotPin(current) }
    }
}
