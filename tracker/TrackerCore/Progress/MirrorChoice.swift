public import FoundationEssentials
public import SwarmCore

/// Where readers of a set may be sent, and what they see there.
public struct MirrorChoice: Hashable, Sendable {
    /// One node.
    public struct Mirror: Hashable, Sendable {
        /// The base URL of its sets: http or https, and nothing in it that ends a line, a header or an attribute.
        public var url: String
        /// Where it is, in two letters; nil when nobody knows.
        public var country: String?
    }

    /// What readers see at all of them.
    public var snapshot: SnapshotID
    /// Its number.
    public var serial: Serial
    /// The nearest first, equals by name.
    public var mirrors: [Mirror]

    /// Whether a base URL can be given to readers.
    public static func isUsable(_ url: String) -> Bool {
        ["http://", "https://"].contains { url.hasPrefix($0) && url.utf8.count > $0.utf8.count }
            && url.utf8.allSatisfy { (0x21...0x7e).contains($0) && !"<>\"\\^`{|}?#".utf8.contains($0) }
    }
}

extension ProgressBoard {
    /// The base URLs of the nodes that readers of a set may be sent to, the nearest first and the order of equals by name.
    public func mirrors(of set: SetName, near place: Place, now: Date) -> [String] {
        mirrorChoice(of: set, near: place, now: now)?.mirrors.map(\.url) ?? []
    }

    /// The nodes that readers of a set may be sent to; nil when there is none.
    ///
    /// They are the nodes whose readers see the newest snapshot that any node's readers see: who is sent to one of them
    /// and comes back to another meets the same state. A node that names a snapshot of which the feed does not know yet
    /// waits until it does: otherwise one node could put all others out. Suspect nodes are left out.
    public func mirrorChoice(of set: SetName, near place: Place, now: Date) -> MirrorChoice? {
        let published = feeds[set]?.feed.newest?.serial ?? .max
        let current = nodes.values.compactMap { record -> (record: NodeRecord, current: NodeStatus.Current)? in
            guard let report = record.report, let received = record.received,
                now.timeIntervalSince(received) <= freshness,
                let carried = report.sets.first(where: { $0.set == set }), !carried.isFiltered,
                record.suspicions[set] == nil, let current = carried.current, current.serial <= published
            else { return nil }
            return (record, current)
        }
        guard let newest = current.map(\.current).max(by: { $0.serial < $1.serial }) else { return nil }
        let near = current.filter { $0.current.serial == newest.serial }.map(\.record)
            .map { record in
                let registered = Place(region: record.registration.region, group: record.registration.group)
                let itsPlace = registered.completed(by: record.place ?? Place())
                return (
                    distance: Distance(place, itsPlace), name: record.registration.name, place: itsPlace, record: record
                )
            }
            .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
        let mirrors = near.compactMap { node in
            (node.record.registration.urls + (node.record.report?.urls ?? [])).first { MirrorChoice.isUsable($0) }
                .map { MirrorChoice.Mirror(url: $0, country: node.place.country) }
        }
        return MirrorChoice(snapshot: newest.uuid, serial: newest.serial, mirrors: mirrors)
    }
}
