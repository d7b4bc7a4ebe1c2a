internal import FoundationEssentials
internal import SwarmCore

/// The state of the network as text for people, in lines that fit a width.
///
///     debian  feed 17, read 4s ago
///       newest 43  9d8e7f6a  made 12m ago  HELD  1.2 TB in 102311 files
///         nodes  [#########...........]  30%  12 of 40 have it
///         bytes  [############........]  61%  24.5 TB of 40.0 TB
public struct TextReport: Sendable {
    let width: Int
    let color: Bool
    /// How many of the nodes that are behind are listed.
    private static let behindLimit = 10

    /// A report of `width` columns, 60 at least; with colours for a terminal.
    public init(width: Int = 80, color: Bool = false) {
        self.width = max(60, width)
        self.color = color
    }

    /// The text, each line with a newline at its end.
    public func render(_ report: TrackerReport) -> String {
        var page = Page(width: width, color: color)
        page.add("swarm-tracker \(report.version)   \(Self.time(report.time))", .bold)
        page.add(
            "\(Self.count(report.nodes, "node")), \(report.reporting) reporting;"
                + " \(Self.count(report.peers, "peer")) in \(Self.count(report.swarms, "swarm"))")
        if !report.unheard.isEmpty {
            page.add("never heard of: \(report.unheard.map(\.rawValue).joined(separator: " "))", .yellow)
        }
        for clock in report.clocks {
            page.add(
                "the clock of \(clock.node) is \(Self.duration(abs(clock.offset))) \(clock.offset > 0 ? "fast" : "slow")",
                .yellow)
        }
        if report.sets.isEmpty { page.add("no set's feed was read yet") }
        for set in report.sets {
            page.add("")
            let age = Self.duration(report.time.timeIntervalSince(set.feedRead))
            page.add("\(set.set)  feed \(set.feedVersion), read \(age) ago", .bold)
            guard let newest = set.snapshots.first else {
                page.add("  no snapshot is live")
                continue
            }
            add(newest, to: &page, now: report.time)
            for snapshot in set.snapshots.dropFirst() {
                let have = snapshot.nodes.count(where: \.isComplete)
                page.add(
                    "  earlier \(snapshot.serial)  \(Self.short(snapshot.uuid))  \(have) of"
                        + " \(Self.count(snapshot.nodes.count, "node")) have it, or went past it")
            }
        }
        return page.text
    }

    /// The answer to an embargo's question.
    public func render(_ answer: EmbargoAnswer) -> String {
        var page = Page(width: width, color: color)
        let isLift = answer.verdict == .lift
        var verdict = "\(isLift ? "LIFT" : "HOLD")  \(answer.set) \(answer.serial)  \(Self.short(answer.snapshot))"
        verdict += "  \(Self.amount(answer.count, answer.measure)), \(Self.percent(answer.threshold)) needed"
        page.add(verdict, isLift ? .green : .yellow)
        if let minimum = answer.regionMinimum { page.add("  in every region: \(Self.percent(minimum)) needed") }
        for region in answer.regions {
            let isShort = answer.regionMinimum.map { region.share < $0 } ?? false
            let name = (region.region ?? Place.nowhere).padded(to: 16)
            page.add("  \(name) \(Self.amount(region, answer.measure))", isShort ? .yellow : nil)
        }
        if !isLift {
            if answer.count.total == 0 {
                page.add("  no node that carries the set has reported")
            } else if let expected = answer.expected {
                let left = Self.duration(expected.timeIntervalSince(answer.asked))
                page.add("  expected \(Self.time(expected)), in \(left)")
            } else {
                page.add("  not to be expected: too few of the missing nodes make progress")
            }
        }
        addBehind(answer.missing, to: &page, now: answer.asked)
        for (word, nodes) in [("absent", answer.absent), ("suspect", answer.suspects)] where !nodes.isEmpty {
            page.add("  \(word), not counted: \(nodes.map(\.rawValue).joined(separator: " "))")
        }
        return page.text
    }

    /// The answer in one line, for somebody who waits: how much is there, what is needed, and when that is expected.
    public static func line(_ answer: EmbargoAnswer) -> String {
        var line = "\(amount(answer.count, answer.measure)), \(percent(answer.threshold)) needed"
        if let minimum = answer.regionMinimum {
            let short = answer.regions.filter { $0.share < minimum }.map {
                "\($0.region ?? Place.nowhere) \(amount($0, answer.measure))"
            }
            if !short.isEmpty { line += "; in every region \(percent(minimum)): \(short.joined(separator: ", "))" }
        }
        if !answer.suspects.isEmpty { line += "; \(count(answer.suspects.count, "suspect node")) not counted" }
        return harmless(line)
    }

    /// When the answer is expected to be another, for the end of a line; empty when it is there.
    public static func expectation(_ answer: EmbargoAnswer) -> String {
        guard answer.verdict == .hold else { return "" }
        guard let expected = answer.expected else { return "" }
        return "expected in \(duration(expected.timeIntervalSince(answer.asked)))"
    }

    /// A bar of how far the answer is, with its percentage.
    public func bar(_ answer: EmbargoAnswer) -> String { bar(answer.count.have, answer.count.total) }

    // MARK: Parts

    private func add(_ snapshot: TrackerReport.SnapshotReport, to page: inout Page, now: Date) {
        let age = Self.duration(now.timeIntervalSince(snapshot.created))
        page.add(
            "  newest \(snapshot.serial)  \(Self.short(snapshot.uuid))  made \(age) ago"
                + (snapshot.hold ? "  HELD" : "")
                + "  \(Quantities.format(bytes: snapshot.bytes)) in \(Self.count(snapshot.files, "file"))")
        guard !snapshot.nodes.isEmpty else {
            page.add("    no node that carries it has reported")
            return
        }
        let have = snapshot.nodes.count(where: \.isComplete)
        let bytes = snapshot.nodes.reduce((had: Int64(0), total: Int64(0))) {
            ($0.had + $1.bytesHad, $0.total + $1.bytesTotal)
        }
        page.add(
            "    nodes  \(bar(Double(have), Double(snapshot.nodes.count)))"
                + "  \(have) of \(snapshot.nodes.count) have it")
        page.add(
            "    bytes  \(bar(Double(bytes.had), Double(bytes.total)))"
                + "  \(Quantities.format(bytes: bytes.had)) of \(Quantities.format(bytes: bytes.total))")
        page.add(
            "    "
                + SnapshotStanding.State.allCases.map { "\($0.rawValue) \(snapshot.count($0))" }.joined(separator: "  ")
        )
        addTraffic(snapshot.traffic, to: &page)
        addRegions(snapshot.nodes, to: &page)
        let behind = snapshot.nodes.filter { !$0.isComplete }
            .sorted { ($0.secondsLeft ?? .infinity, $1.share) > ($1.secondsLeft ?? .infinity, $0.share) }
        addBehind(behind, to: &page, now: now)
        addSuspects(snapshot.nodes, to: &page, now: now)
    }

    func bar(_ part: Double, _ whole: Double) -> String {
        let cells = min(30, width - 50)
        let share = whole > 0 ? min(1, part / whole) : 0
        let full = Int(share * Double(cells))
        let percent = Self.percent(share)
        return "[" + String(repeating: "#", count: full) + String(repeating: ".", count: cells - full) + "] "
            + String(repeating: " ", count: 4 - percent.count) + percent
    }

    func addTraffic(_ traffic: SnapshotStanding.Traffic, to page: inout Page) {
        let fetched = traffic.fetched
        var line = "linked \(Quantities.format(bytes: traffic.linked)), fetched \(Quantities.format(bytes: fetched))"
        if fetched > 0 {
            let parts = traffic.sources.map { source, bytes in
                "\(Self.word(source, traffic)) \(Self.percent(Double(bytes) / Double(fetched)))"
            }
            line += ": " + parts.joined(separator: ", ")
        }
        page.addWords(of: line, indent: 4)
    }

    func addRegions(_ nodes: [SnapshotStanding], to page: inout Page) {
        page.add("    \("region".padded(to: 16)) nodes  done  silent  bytes  least")
        let regions = Dictionary(grouping: nodes) { $0.region ?? Place.nowhere }
        for (region, nodes) in regions.sorted(by: { $0.key < $1.key }) {
            let total = nodes.reduce(0.0) { $0 + Double($1.bytesTotal) }
            let had = nodes.reduce(0.0) { $0 + Double($1.bytesHad) }
            let least = nodes.min { ($0.share, $0.node) < ($1.share, $1.node) }
            var line = "    \(region.padded(to: 16))"
            line += "\(nodes.count)".padded(to: 6, atStart: true)
            line += "\(nodes.count(where: \.isComplete))".padded(to: 6, atStart: true)
            line += "\(nodes.count { $0.state == .silent })".padded(to: 8, atStart: true)
            line += Self.percent(total > 0 ? had / total : 1).padded(to: 7, atStart: true)
            if let least { line += "  \(least.node) \(Self.percent(least.share))" }
            page.add(line)
        }
    }

    private func addBehind(_ nodes: [SnapshotStanding], to page: inout Page, now: Date) {
        guard !nodes.isEmpty else { return }
        page.add("    behind")
        for standing in nodes.prefix(Self.behindLimit) {
            var line = "      \(standing.node.rawValue.padded(to: 28))"
            line += " \((standing.region ?? Place.nowhere).padded(to: 10))"
            line += Self.percent(standing.share).padded(to: 5, atStart: true) + "  "
            line += Self.condition(standing, now: now)
            page.add(line, standing.error != nil || standing.state == .silent ? .yellow : nil)
            if let error = standing.error { page.addWords(of: error, indent: 8, .yellow) }
        }
        if nodes.count > Self.behindLimit { page.add("      and \(nodes.count - Self.behindLimit) more") }
    }

    private func addSuspects(_ nodes: [SnapshotStanding], to page: inout Page, now: Date) {
        let suspects = nodes.compactMap { node in node.suspicion.map { (name: node.node, suspicion: $0) } }
        guard !suspects.isEmpty else { return }
        page.add("    suspect, not counted")
        for (name, suspicion) in suspects.prefix(Self.behindLimit) {
            page.add("      \(name), for \(Self.duration(now.timeIntervalSince(suspicion.since)))", .yellow)
            page.addWords(of: suspicion.reason, indent: 8, .yellow)
        }
        if suspects.count > Self.behindLimit { page.add("      and \(suspects.count - Self.behindLimit) more") }
    }

    static func condition(_ standing: SnapshotStanding, now: Date) -> String {
        switch standing.state {
        case .silent: "silent for \(duration(now.timeIntervalSince(standing.reported)))"
        case .waiting: "has not begun"
        case .active, .ready: "done"
        case .fetching:
            standing.secondsLeft.map { "\(duration($0)) left" } ?? "does not move"
        }
    }

    private static func amount(_ count: EmbargoAnswer.Count, _ measure: EmbargoQuestion.Measure) -> String {
        let figures: String
        switch measure {
        case .nodes: figures = "\(Int(count.have)) of \(Self.count(Int(count.total), "node"))"
        case .weight: figures = "weight \(Int(count.have)) of \(Int(count.total))"
        case .bytes:
            figures = [count.have, count.total].map { Quantities.format(bytes: Int64($0)) }.joined(separator: " of ")
        }
        return "\(percent(count.share)) (\(figures))"
    }

    // MARK: Words

    static func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }

    private static func word(_ source: SnapshotStanding.Source, _ traffic: SnapshotStanding.Traffic) -> String {
        switch source {
        case .near: "near peers"
        case .far: "far peers"
        case .peers: traffic.isSplit ? "other peers" : "peers"
        case .master: "master"
        case .http: "HTTP"
        }
    }

    static func short(_ snapshot: SnapshotID) -> String { String(snapshot.rawValue.prefix(8)) }

    /// 100 is said when all is there, and not before; 0 only when there is nothing.
    static func percent(_ share: Double) -> String {
        if share >= 1 { return "100%" }
        return share > 0 ? "\(max(1, min(99, Int(share * 100 + 1e-9))))%" : "0%"
    }

    static func duration(_ seconds: TimeInterval) -> String {
        Quantities.format(duration: .seconds(Int64(min(max(seconds, 0), 1e10).rounded())))
    }

    static func time(_ date: Date) -> String { Quantities.format(utc: date) }
}

/// Lines that are cut at a width.
struct Page {
    /// As the parameter of ECMA-48's SGR.
    enum Style: String {
        case bold = "1"
        case green = "32"
        case yellow = "33"
    }

    let width: Int
    let color: Bool
    private(set) var text = ""

    init(width: Int, color: Bool) {
        self.width = width
        self.color = color
    }

    /// A sentence, in as many lines as it needs, but ten at most.
    mutating func addWords(of sentence: String, indent: Int, _ style: Style? = nil) {
        let space = String(repeating: " ", count: indent)
        var lines = [space]
        for word in sentence.split(whereSeparator: \.isWhitespace) {
            let isFirst = lines[lines.count - 1].count == indent
            if !isFirst, lines[lines.count - 1].count + 1 + word.count > width { lines.append(space) }
            lines[lines.count - 1] += lines[lines.count - 1].count == indent ? String(word) : " \(word)"
        }
        for line in lines.prefix(10) { add(line, style) }
    }

    mutating func add(_ line: String, _ style: Style? = nil) {
        let harmless = harmless(line)
        let cut = harmless.count > width ? harmless.prefix(width - 1) + "…" : harmless[...]
        if color, let style { text += "\u{1b}[\(style.rawValue)m\(cut)\u{1b}[0m\n" } else { text += "\(cut)\n" }
    }
}

/// Nodes write part of what is shown: characters that move a terminal's cursor, or turn the direction of writing, become
/// question marks.
private func harmless(_ line: String) -> String {
    String(
        String.UnicodeScalarView(
            line.unicodeScalars.map { scalar in
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator: "?"
                default: scalar
                }
            }))
}

extension String {
    /// The text with spaces behind or before it to fill a column; a longer one is cut.
    func padded(to columns: Int, atStart: Bool = false) -> String {
        let space = String(repeating: " ", count: max(0, columns - count))
        if count > columns { return prefix(columns - 1) + "…" }
        return atStart ? space + self : self + space
    }
}
