internal import SwarmCore

/// Which nodes a table shows, and in which order: what a reader of the page asked for.
public struct NodeTableQuery: Hashable, Sendable {
    /// What the table is sorted by.
    public enum Column: String, Hashable, Sendable, CaseIterable {
        case node, region, state, done, left, reported
    }

    /// The column that decides; equals are in the order of the nodes' names.
    public var column = Column.node
    /// Whether the greatest comes first.
    public var isDescending = false
    /// Only nodes with this in their name, region or error; empty for all.
    public var text = ""
    /// Only nodes in this state; nil for all.
    public var state: SnapshotStanding.State?

    /// All nodes by name.
    public init() {}

    /// From the parameters `sort`, `order`, `q` and `state` of a URL; what is not understood is as if it were not there.
    public init(parameters: [String: String]) {
        column = parameters["sort"].flatMap { Column(rawValue: $0) } ?? .node
        isDescending = parameters["order"] == "desc"
        // A form sends a space as a plus.
        text = String((parameters["q"] ?? "").map { $0 == "+" ? " " : $0 }.prefix(100))
        state = parameters["state"].flatMap { SnapshotStanding.State(rawValue: $0) }
    }

    /// The nodes that are asked for, in the order that is asked for.
    public func rows(_ standings: [SnapshotStanding]) -> [SnapshotStanding] {
        let wanted = text.lowercased()
        let rows = standings.filter { standing in
            guard state == nil || standing.state == state else { return false }
            return wanted.isEmpty
                || [standing.node.rawValue, standing.region ?? Place.nowhere, standing.error ?? ""]
                    .contains { $0.lowercased().contains(wanted) }
        }
        return rows.sorted { first, second in
            let (left, right) = isDescending ? (second, first) : (first, second)
            switch column {
            case .node: return left.node < right.node
            case .region: return ordered(left.region ?? Place.nowhere, right.region ?? Place.nowhere, first, second)
            case .state: return ordered(Self.rank(left.state), Self.rank(right.state), first, second)
            case .done: return ordered(left.share, right.share, first, second)
            case .left: return ordered(left.secondsLeft ?? .infinity, right.secondsLeft ?? .infinity, first, second)
            case .reported: return ordered(left.reported, right.reported, first, second)
            }
        }
    }

    private func ordered<Value: Comparable>(
        _ left: Value, _ right: Value, _ first: SnapshotStanding, _ second: SnapshotStanding
    ) -> Bool {
        left == right ? first.node < second.node : left < right
    }

    private static func rank(_ state: SnapshotStanding.State) -> Int {
        SnapshotStanding.State.allCases.firstIndex(of: state) ?? 0
    }
}
