internal import FoundationEssentials
internal import SwarmCore

extension TrackerReport {
    /// The report with those snapshots only that a word stands for: `latest`, a serial, or the beginning of a UUID, of four
    /// characters and more. Sets that have none are left out.
    public func only(_ word: String) -> TrackerReport {
        var report = self
        report.sets = sets.compactMap { set in
            var set = set
            set.snapshots = set.snapshots.enumerated().filter { index, snapshot in
                if word == "latest" { return index == 0 }
                return Serial(word) == snapshot.serial
                    || (word.count >= 4 && snapshot.uuid.rawValue.hasPrefix(word.lowercased()))
            }.map(\.element)
            return set.snapshots.isEmpty ? nil : set
        }
        return report
    }
}

extension TextReport {
    /// All that is known of each snapshot in a report: every node, with where its bytes came from.
    public func renderSnapshots(_ report: TrackerReport) -> String {
        var page = Page(width: width, color: color)
        var isFirst = true
        for set in report.sets {
            for snapshot in set.snapshots {
                if !isFirst { page.add("") }
                isFirst = false
                add(snapshot, of: set, in: report, to: &page)
            }
        }
        return page.text
    }

    private func add(
        _ snapshot: TrackerReport.SnapshotReport, of set: TrackerReport.SetReport, in report: TrackerReport,
        to page: inout Page
    ) {
        let counts = ProgressSample.Counts(snapshot)
        page.add("\(set.set) \(snapshot.serial)  \(snapshot.uuid)\(snapshot.hold ? "  HELD" : "")", .bold)
        page.add(
            "    made \(Self.time(snapshot.created)),"
                + " \(Self.duration(report.time.timeIntervalSince(snapshot.created))) ago;"
                + " \(Quantities.format(bytes: snapshot.bytes)) in \(Self.count(snapshot.files, "file"))")
        guard !snapshot.nodes.isEmpty else {
            page.add("    no node that carries it has reported")
            return
        }
        page.add(
            "    nodes  \(bar(counts.nodeShare, 1))  \(counts.complete) of \(counts.nodes) have it,"
                + " \(counts.active) show it")
        page.add(
            "    bytes  \(bar(counts.byteShare, 1))"
                + "  \(Quantities.format(bytes: counts.bytesHad)) of \(Quantities.format(bytes: counts.bytesTotal))")
        addTraffic(snapshot.traffic, to: &page)
        addRegions(snapshot.nodes, to: &page)
        // The name takes what the other columns leave; on a narrow screen there are fewer of them.
        let hasTraffic = width >= 76
        let name = width - (hasTraffic ? 57 : 30)
        let traffic = hasTraffic ? "   master    peers     HTTP" : ""
        page.add("    \("node".padded(to: name)) \("region".padded(to: 10)) state     done\(traffic)")
        let clocks = Dictionary(report.clocks.map { ($0.node, $0.offset) }) { first, _ in first }
        for standing in snapshot.nodes {
            var line = "    \(standing.node.rawValue.padded(to: name))"
            line += " \((standing.region ?? Place.nowhere).padded(to: 10)) "
            line += standing.state.rawValue.padded(to: 8) + Self.percent(standing.share).padded(to: 6, atStart: true)
            for bytes in [standing.traffic.master, standing.traffic.peers, standing.traffic.http] where hasTraffic {
                line += (bytes > 0 ? Quantities.format(bytes: bytes) : "-").padded(to: 9, atStart: true)
            }
            page.add(line, standing.error != nil || standing.state == .silent ? .yellow : nil)
            if standing.traffic.isSplit, standing.traffic.peers > 0 {
                let near = Quantities.format(bytes: standing.traffic.near ?? 0)
                page.add(
                    "        of the peers' bytes \(near) near, \(Quantities.format(bytes: standing.traffic.far ?? 0)) far"
                )
            }
            if !standing.isComplete { page.add("        \(Self.condition(standing, now: report.time))") }
            if let offset = clocks[standing.node] {
                page.add("        its clock is \(Self.duration(abs(offset))) \(offset > 0 ? "fast" : "slow")", .yellow)
            }
            if let error = standing.error { page.addWords(of: error, indent: 8, .yellow) }
        }
    }
}
