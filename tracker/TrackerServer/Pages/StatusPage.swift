internal import FoundationEssentials
internal import SwarmCore
internal import TrackerCore

/// The page for people, without scripts and without anything from elsewhere. It asks the browser to load it anew every
/// ten seconds.
enum StatusPage {
    static func html(_ report: TrackerReport) -> [UInt8] {
        let sets = report.sets.map { section($0, now: report.time) }.joined()
        let page = """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>swarm-tracker</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="refresh" content="10">
            <style>\(style)</style></head>
            <body><header><h1>swarm-tracker</h1>
            <p>\(report.nodes) nodes, \(report.reporting) reporting; \(report.peers) peers in \(report.swarms) swarms;
            <time datetime="\(iso(report.time))">\(iso(report.time))</time></p></header>
            <main>\(sets.isEmpty ? "<p>No set’s feed was read yet.</p>" : sets)</main>
            <footer><p><a href="/report.txt">as text</a> · <a href="/api/v1/report">as JSON</a> ·
            <a href="/metrics">metrics</a></p></footer></body></html>

            """
        return Array(page.utf8)
    }

    private static func section(_ set: TrackerReport.SetReport, now: Date) -> String {
        var html = "<section><h2>\(escape(set.set.rawValue))</h2>\n"
        for (index, snapshot) in set.snapshots.enumerated() {
            html += self.snapshot(snapshot, isNewest: index == 0, now: now)
        }
        return html + "</section>\n"
    }

    private static func snapshot(_ snapshot: TrackerReport.SnapshotReport, isNewest: Bool, now: Date) -> String {
        let have = snapshot.nodes.count(where: \.isComplete)
        let bytes = snapshot.nodes.reduce((had: Int64(0), total: Int64(0))) {
            ($0.had + $1.bytesHad, $0.total + $1.bytesTotal)
        }
        let counts = SnapshotStanding.State.allCases.map { "\($0.rawValue) \(snapshot.count($0))" }
        var html = """
            <h3>Snapshot \(snapshot.serial) <code>\(snapshot.uuid.rawValue.prefix(8))</code>\
            \(snapshot.hold ? " <strong>held</strong>" : "")</h3>
            <dl><dt>Nodes</dt><dd>\(meter(Double(have), Double(snapshot.nodes.count))) \(have) of \
            \(snapshot.nodes.count) have it: \(counts.joined(separator: ", "))</dd>
            <dt>Bytes</dt><dd>\(meter(Double(bytes.had), Double(bytes.total))) \(Quantities.format(bytes: bytes.had)) of \
            \(Quantities.format(bytes: bytes.total))</dd></dl>

            """
        guard isNewest, !snapshot.nodes.isEmpty else { return html }
        html += """
            <table><caption>How far each node is</caption><thead><tr><th scope="col">Node</th><th scope="col">Region</th>
            <th scope="col">State</th><th scope="col">Done</th><th scope="col">Left</th><th scope="col">Reported</th>
            <th scope="col">Hindered by</th></tr></thead><tbody>

            """
        for node in snapshot.nodes { html += row(node, now: now) }
        return html + "</tbody></table>\n"
    }

    private static func row(_ node: SnapshotStanding, now: Date) -> String {
        let left = node.isComplete ? "" : node.secondsLeft.map { duration($0) } ?? "–"
        let suspicion = node.suspicion.map { "suspect for \(duration(now.timeIntervalSince($0.since))): \($0.reason)" }
        let hindrances = [suspicion, node.error].compactMap { $0 }.joined(separator: "; ")
        return """
            <tr class="\(node.state.rawValue)"><th scope="row">\(escape(node.node.rawValue))</th>\
            <td>\(escape(node.region ?? Place.nowhere))</td><td>\(node.state.rawValue)</td>\
            <td>\(meter(node.share, 1)) \(Int(node.share * 100)) %</td><td>\(left)</td>\
            <td>\(duration(now.timeIntervalSince(node.reported))) ago</td><td>\(escape(hindrances))</td></tr>

            """
    }

    private static func meter(_ part: Double, _ whole: Double) -> String {
        let share = whole > 0 ? min(1, part / whole) : 0
        return "<meter min=\"0\" max=\"1\" value=\"\(share)\">\(Int(share * 100)) %</meter>"
    }

    private static func duration(_ seconds: Double) -> String {
        Quantities.format(duration: .seconds(Int64(min(max(seconds, 0), 1e10).rounded())))
    }

    private static func iso(_ date: Date) -> String { date.formatted(.iso8601) }

    /// `text` with the characters that mean something in HTML replaced, and none that turns the direction of writing.
    static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: if scalar.properties.generalCategory != .format { escaped.unicodeScalars.append(scalar) }
            }
        }
        return escaped
    }

    private static let style = """
        :root { color-scheme: light dark; }
        body { font: 1rem/1.5 system-ui, sans-serif; max-width: 72rem; margin: 0 auto; padding: 0 1rem; }
        table { border-collapse: collapse; width: 100%; }
        caption { text-align: left; font-weight: bold; padding: .5rem 0; }
        th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8886; vertical-align: top; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
        dd { margin: 0; }
        meter { width: 8rem; }
        td meter { width: 4rem; }
        td:nth-child(4) { white-space: nowrap; }
        main { overflow-x: auto; }
        """
}
