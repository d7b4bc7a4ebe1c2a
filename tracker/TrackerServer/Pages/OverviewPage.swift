internal import FoundationEssentials
internal import SwarmCore
internal import TrackerCore

/// The page of all sets and nodes.
enum OverviewPage {
    struct StateChoice {
        let name: String
        let isChosen: Bool
    }

    struct Newest {
        let serial: String
        let url: String
        let key: String
        let hold: String
        let summaryPart: String
        let table: String
    }

    struct Earlier {
        let serial: String
        let short: String
        let url: String
        let key: String
        let hold: String
        let created: PageTime
        let size: String
        let nodes: String
    }

    struct SetPart {
        let name: String
        let feedVersion: String
        let read: PageTime
        let newest: Newest?
        let hasEarlier: Bool
        let earlier: [Earlier]
    }

    struct Overview {
        let summary: String
        let time: PageTime
        let warnings: [String]
        let hasNodes: Bool
        let text: String
        let states: [StateChoice]
        let sort: String
        let order: String
        let isFiltered: Bool
        let sets: [SetPart]
    }

    /// `line` gives the samples of a snapshot.
    static func page(
        _ report: TrackerReport, query: NodeTableQuery, line: (SnapshotKey) -> [ProgressSample]
    ) -> Reply {
        let live = LiveState(report)
        let overview = Overview(
            summary: LiveState.summary(report), time: PageTime(report.time, now: report.time),
            warnings: warnings(report), hasNodes: report.nodes > 0, text: query.text,
            states: SnapshotStanding.State.allCases.map { StateChoice(name: $0.rawValue, isChosen: $0 == query.state) },
            sort: query.column.rawValue, order: query.isDescending ? "desc" : "asc",
            isFiltered: !query.text.isEmpty || query.state != nil,
            sets: report.sets.map { set in
                let earlier = set.snapshots.dropFirst().map { earlierSnapshot($0, of: set.set, live, now: report.time) }
                return SetPart(
                    name: set.set.rawValue, feedVersion: String(set.feedVersion),
                    read: PageTime(set.feedRead, now: report.time),
                    newest: set.snapshots.first.map { snapshot in
                        newest(
                            snapshot, of: set.set, live, query, samples: line(SnapshotKey(set.set, snapshot.uuid)))
                    }, hasEarlier: !earlier.isEmpty, earlier: earlier)
            })
        return PageTemplates.page(
            title: "swarm-tracker", layout: live.layout, content: PageTemplates.render("overview", overview))
    }

    private static func newest(
        _ snapshot: TrackerReport.SnapshotReport, of set: SwarmCore.SetName, _ live: LiveState, _ query: NodeTableQuery,
        samples: [ProgressSample]
    ) -> Newest {
        let key = LiveState.key(set, snapshot.uuid)
        return Newest(
            serial: String(snapshot.serial), url: SnapshotPage.url(set, snapshot.uuid), key: key,
            hold: live.values["\(key)/hold"]?.text ?? "",
            summaryPart: SnapshotPage.html(live, set, snapshot, samples: samples, table: "", isWhole: false),
            table: NodeTable.html(set, snapshot, query, path: "/", now: live.time))
    }

    private static func earlierSnapshot(
        _ snapshot: TrackerReport.SnapshotReport, of set: SwarmCore.SetName, _ live: LiveState, now: Date
    ) -> Earlier {
        let key = LiveState.key(set, snapshot.uuid)
        return Earlier(
            serial: String(snapshot.serial), short: String(snapshot.uuid.rawValue.prefix(8)),
            url: SnapshotPage.url(set, snapshot.uuid), key: key, hold: live.values["\(key)/hold"]?.text ?? "",
            created: PageTime(snapshot.created, now: now), size: SnapshotPage.size(snapshot),
            nodes: live.values["\(key)/nodes"]?.text ?? "")
    }

    private static func warnings(_ report: TrackerReport) -> [String] {
        var warnings: [String] = []
        if !report.unheard.isEmpty {
            warnings.append("Never heard of: \(report.unheard.map(\.rawValue).joined(separator: ", "))")
        }
        warnings += report.clocks.map { clockWarning($0.node.rawValue, $0.offset) }
        return warnings
    }

    static func clockWarning(_ node: String, _ offset: Double) -> String {
        "The clock of \(node) is \(PageText.duration(abs(offset))) \(offset > 0 ? "fast" : "slow");"
            + " it says when a snapshot becomes current there."
    }
}
