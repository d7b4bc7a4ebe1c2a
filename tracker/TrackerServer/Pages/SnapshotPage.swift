internal import FoundationEssentials
internal import SwarmCore
internal import TrackerCore

/// One snapshot: as a page of its own, and as a part of the overview.
enum SnapshotPage {
    struct Region {
        let region: String
        let nodeCount: Int
        let have: Int
        let done: String
        let traffic: TrafficCells
    }

    struct Part {
        let isWhole: Bool
        let set: String
        let serial: String
        let uuid: String
        let url: String
        let key: String
        let hold: String
        let created: PageTime
        let size: String
        let nodes: String
        let nodesShare: Double
        let states: String
        let bytes: String
        let bytesShare: Double
        let traffic: String
        let hasChart: Bool
        let chart: String
        let hasRegions: Bool
        let regions: [Region]
        let table: String
    }

    static func url(_ set: SwarmCore.SetName, _ snapshot: SnapshotID) -> String { "/sets/\(set)/snapshots/\(snapshot)" }

    static func size(_ snapshot: TrackerReport.SnapshotReport) -> String {
        "\(PageText.bytes(snapshot.bytes)) in \(PageText.count(snapshot.files, "file"))"
    }

    /// The page of a snapshot.
    static func page(
        _ report: TrackerReport, _ set: SwarmCore.SetName, _ snapshot: TrackerReport.SnapshotReport,
        samples: [ProgressSample], query: NodeTableQuery
    ) -> Reply {
        let live = LiveState(report)
        let table = NodeTable.html(
            set, snapshot, query, path: url(set, snapshot.uuid), now: report.time)
        return PageTemplates.page(
            title: "\(set), snapshot \(snapshot.serial) – swarm-tracker", layout: live.layout,
            content: html(live, set, snapshot, samples: samples, table: table, isWhole: true))
    }

    /// What is said of a snapshot; less of it where it is not `isWhole`.
    static func html(
        _ live: LiveState, _ set: SwarmCore.SetName, _ snapshot: TrackerReport.SnapshotReport,
        samples: [ProgressSample], table: String, isWhole: Bool
    ) -> String {
        let key = LiveState.key(set, snapshot.uuid)
        func value(_ name: String) -> LiveValue { live.values["\(key)/\(name)"] ?? LiveValue("") }
        let regions = isWhole ? regions(snapshot.nodes) : []
        let part = Part(
            isWhole: isWhole, set: set.rawValue, serial: String(snapshot.serial), uuid: snapshot.uuid.rawValue,
            url: url(set, snapshot.uuid), key: key, hold: value("hold").text,
            created: PageTime(snapshot.created, now: live.time), size: size(snapshot), nodes: value("nodes").text,
            nodesShare: value("nodes").share ?? 0, states: value("states").text, bytes: value("bytes").text,
            bytesShare: value("bytes").share ?? 0, traffic: value("traffic").text,
            hasChart: !samples.isEmpty && !snapshot.nodes.isEmpty,
            chart: ProgressChart.svg(
                set: set, serial: snapshot.serial, snapshot: snapshot.uuid, samples: samples),
            hasRegions: !regions.isEmpty, regions: regions, table: table)
        return PageTemplates.render("snapshot", part)
    }

    private static func regions(_ nodes: [SnapshotStanding]) -> [Region] {
        Dictionary(grouping: nodes) { $0.region ?? Place.nowhere }.sorted { $0.key < $1.key }.map { region, nodes in
            let traffic = nodes.reduce(SnapshotStanding.Traffic()) { $0 + $1.traffic }
            let total = nodes.reduce(0.0) { $0 + Double($1.bytesTotal) }
            let had = nodes.reduce(0.0) { $0 + Double($1.bytesHad) }
            return Region(
                region: region, nodeCount: nodes.count, have: nodes.count(where: \.isComplete),
                done: PageText.percent(total > 0 ? had / total : 1), traffic: TrafficCells(traffic))
        }
    }
}
