public import FoundationEssentials
public import SwarmCore

extension ProgressBoard {
    /// The base URLs of the nodes that readers of a set may be sent to, the nearest first and the order of equals by name.
    ///
    /// They are the nodes whose readers see the newest snapshot that any node's readers see: who is sent to one of them
    /// and comes back to another meets the same state. Suspect nodes are left out.
    public func mirrors(of set: SetName, near place: Place, now: Date) -> [String] {
        let current = nodes.values.compactMap { record -> (record: NodeRecord, serial: Serial)? in
            guard let report = record.report, let received = record.received,
                now.timeIntervalSince(received) <= freshness,
                let carried = report.sets.first(where: { $0.set == set }), !carried.isFiltered,
                record.suspicions[set] == nil, let current = carried.current
            else { return nil }
            return (record, current.serial)
        }
        let newest = current.map(\.serial).max()
        return current.filter { $0.serial == newest }.map(\.record)
            .map { record in
                let registered = Place(region: record.registration.region, group: record.registration.group)
                let itsPlace = registered.completed(by: record.place ?? Place())
                return (distance: Distance(place, itsPlace), name: record.registration.name, record: record)
            }
            .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
            .compactMap { $0.record.registration.urls.first ?? $0.record.report?.urls.first }
    }
}
