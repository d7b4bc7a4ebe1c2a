internal import FoundationEssentials
internal import Metainfo
internal import SwarmCore
internal import TrackerCore

/// What a place on a page shows now, and shows anew when it changes.
struct LiveValue: Hashable, Sendable, Codable {
    /// The text.
    var text: String
    /// What a meter shows, from 0 to 1.
    var share: Double?

    init(_ text: String, share: Double? = nil) {
        self.text = text
        self.share = share
    }
}

/// All that pages show anew, by the keys of the places, and what the pages are made of.
struct LiveState: Sendable {
    private(set) var values: [String: LiveValue] = [:]
    /// Changes when sets, snapshots or nodes come or go: the page is to be asked for anew.
    private(set) var layout = ""
    /// By the tracker's clock.
    let time: Date

    init(_ report: TrackerReport) {
        time = report.time
        values["summary"] = LiveValue(Self.summary(report))
        var names = ""
        for set in report.sets {
            names += "\n\(set.set)"
            for snapshot in set.snapshots {
                names += "\n \(snapshot.uuid)"
                add(snapshot, of: set.set)
                for standing in snapshot.nodes { names += " \(standing.node)" }
            }
        }
        layout = String(Hex.encode(Digest.sha256(Array(names.utf8)).bytes).prefix(16))
    }

    private mutating func add(_ snapshot: TrackerReport.SnapshotReport, of set: SwarmCore.SetName) {
        let counts = ProgressSample.Counts(snapshot)
        let key = Self.key(set, snapshot.uuid)
        values["\(key)/nodes"] = LiveValue("\(counts.complete) of \(counts.nodes) have it", share: counts.nodeShare)
        values["\(key)/bytes"] = LiveValue(
            "\(PageText.bytes(counts.bytesHad)) of \(PageText.bytes(counts.bytesTotal))", share: counts.byteShare)
        values["\(key)/states"] = LiveValue(
            SnapshotStanding.State.allCases.map { "\($0.rawValue) \(snapshot.count($0))" }.joined(separator: ", "))
        values["\(key)/traffic"] = LiveValue(Self.traffic(snapshot.traffic))
        values["\(key)/hold"] = LiveValue(snapshot.hold ? "held" : "")
        for standing in snapshot.nodes {
            for (column, value) in Self.columns(standing) { values["\(key)/\(standing.node)/\(column)"] = value }
        }
    }

    /// What one node's row shows.
    static func columns(_ standing: SnapshotStanding) -> [String: LiveValue] {
        let left = standing.isComplete ? "" : standing.secondsLeft.map { PageText.duration($0) } ?? "–"
        return [
            "state": LiveValue(standing.state.rawValue),
            "done": LiveValue(PageText.percent(standing.share), share: standing.share),
            "left": LiveValue(standing.state == .silent ? "" : left),
            "reported": LiveValue(PageText.iso(standing.reported)),
            "error": LiveValue(hindrances(standing)),
        ]
    }

    /// Why a node does not count, and what it says is in its way.
    private static func hindrances(_ standing: SnapshotStanding) -> String {
        let suspicion = standing.suspicion.map { "suspect since \(PageText.iso($0.since)): \($0.reason)" }
        return [suspicion, standing.error].compactMap { $0 }.joined(separator: "; ")
    }

    /// Where the places of a snapshot begin.
    static func key(_ set: SwarmCore.SetName, _ snapshot: SnapshotID) -> String { "\(set)/\(snapshot)" }

    static func summary(_ report: TrackerReport) -> String {
        "\(PageText.count(report.nodes, "node")), \(report.reporting) reporting;"
            + " \(PageText.count(report.peers, "peer")) in \(PageText.count(report.swarms, "swarm"))"
    }

    static func traffic(_ traffic: SnapshotStanding.Traffic) -> String {
        let fetched = traffic.fetched
        var text = "\(PageText.bytes(traffic.linked)) were there already, \(PageText.bytes(fetched)) fetched"
        if fetched > 0 {
            let parts = traffic.sources.map { source, bytes in
                "\(PageText.percent(Double(bytes) / Double(fetched))) \(word(source, traffic))"
            }
            text += ": " + parts.joined(separator: ", ")
        }
        return text
    }

    private static func word(_ source: SnapshotStanding.Source, _ traffic: SnapshotStanding.Traffic) -> String {
        switch source {
        case .near: "from near nodes"
        case .far: "from far nodes"
        case .peers: traffic.isSplit ? "from nodes of unknown distance" : "from other nodes"
        case .master: "from the master"
        case .http: "by HTTP"
        }
    }

    /// What a stream is sent: all values, or those that differ from what was before.
    func event(since old: LiveState?) -> [UInt8]? {
        struct Event: Encodable {
            let time: Date
            let layout: String
            let values: [String: LiveValue]
        }
        let changed = old.map { old in values.filter { old.values[$0.key] != $0.value } } ?? values
        if let old, changed.isEmpty, old.layout == layout { return nil }
        guard let json = try? Documents.encode(Event(time: time, layout: layout, values: changed)) else { return nil }
        // Documents end with a newline, which would end the field as well.
        let text = json.filter { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
        return Array("event: state\ndata: ".utf8) + text + Array("\n\n".utf8)
    }
}
