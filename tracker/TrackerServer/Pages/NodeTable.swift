internal import FoundationEssentials
internal import SwarmCore
internal import TrackerCore

/// The table of nodes, with links that sort it.
enum NodeTable {
    struct Column {
        let title: String
        let link: String
        let isSorted: Bool
        let direction: String
        let arrow: String
    }

    struct Row {
        let key: String
        let node: String
        let region: String
        let state: String
        let share: Double
        let done: String
        let left: String
        let reported: PageTime
        let error: String
    }

    struct Table {
        let caption: String
        let isFiltered: Bool
        let shown: Int
        let all: Int
        let columns: [Column]
        let rows: [Row]
        let emptyText: String
    }

    private static func title(_ column: NodeTableQuery.Column) -> String {
        switch column {
        case .node: "Node"
        case .region: "Region"
        case .state: "State"
        case .done: "Done"
        case .left: "Left"
        case .reported: "Reported"
        }
    }

    /// The table's HTML. `path` is that of the page, for the links.
    static func html(
        _ set: SwarmCore.SetName, _ snapshot: TrackerReport.SnapshotReport, _ query: NodeTableQuery, path: String,
        now: Date
    ) -> String {
        let rows = query.rows(snapshot.nodes)
        let key = LiveState.key(set, snapshot.uuid)
        let table = Table(
            caption: "How far each node is with \(set), snapshot \(snapshot.serial)",
            isFiltered: rows.count < snapshot.nodes.count, shown: rows.count, all: snapshot.nodes.count,
            columns: NodeTableQuery.Column.allCases.map { column(for: $0, query, path: path) },
            rows: rows.map { standing in
                let values = LiveState.columns(standing)
                func text(_ name: String) -> String { values[name]?.text ?? "" }
                return Row(
                    key: "\(key)/\(standing.node)", node: standing.node.rawValue,
                    region: standing.region ?? Place.nowhere, state: text("state"), share: standing.share,
                    done: text("done"), left: text("left"), reported: PageTime(standing.reported, now: now),
                    error: text("error"))
            },
            emptyText: snapshot.nodes.isEmpty
                ? "No node that carries the set has reported." : "No node is as asked for.")
        return PageTemplates.render("nodes", table)
    }

    private static func column(
        for column: NodeTableQuery.Column, _ query: NodeTableQuery, path: String
    ) -> Column {
        let isSorted = query.column == column
        var next = query
        next.column = column
        next.isDescending = isSorted && !query.isDescending
        return Column(
            title: title(column), link: path + parameters(next), isSorted: isSorted,
            direction: query.isDescending ? "descending" : "ascending", arrow: query.isDescending ? "▼" : "▲")
    }

    /// A query as the end of a URL.
    static func parameters(_ query: NodeTableQuery) -> String {
        var text = "?sort=\(query.column.rawValue)&order=\(query.isDescending ? "desc" : "asc")"
        if !query.text.isEmpty {
            // A plus would be read as a space.
            text += "&q=" + RequestTarget.encoded(path: query.text).replacing("+", with: "%2B")
        }
        if let state = query.state { text += "&state=\(state.rawValue)" }
        return text
    }
}
