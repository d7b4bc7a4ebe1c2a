import Foundation

/// The rows as people read them: in a terminal, or in Markdown.
public enum ResultTable {
    private static let headings = ["work", "ours", "peer", "", "ratio", "goal", ""]

    /// For a terminal of at least 100 columns; bold and coloured when `isColored`.
    public static func terminal(_ rows: [Row], isColored: Bool) -> String {
        let cells = rows.map { Self.cells(of: $0) }
        let widths = headings.indices.map { column in
            (cells.map { $0[column].count } + [headings[column].count]).max() ?? 0
        }
        var lines: [String] = []
        var section = ""
        for (row, texts) in zip(rows, cells) {
            if row.section != section {
                section = row.section
                lines.append(isColored ? "\n\u{1b}[1m\(section)\u{1b}[0m" : "\n\(section)")
                lines.append("  " + line(headings, widths))
            }
            let text = "  " + line(texts, widths)
            lines.append(isColored ? colored(text, row.verdict) : text)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func colored(_ text: String, _ verdict: Row.Verdict?) -> String {
        switch verdict {
        case .missed: "\u{1b}[31m\(text)\u{1b}[0m"
        case .reached: "\u{1b}[32m\(text)\u{1b}[0m"
        case .open, nil: text
        }
    }

    /// The first column and the name of the peer to the left, figures to the right.
    private static func line(_ texts: [String], _ widths: [Int]) -> String {
        var line = ""
        for (column, text) in texts.enumerated() {
            let space = String(repeating: " ", count: widths[column] - text.count)
            line += [0, 3, 6].contains(column) ? text + space + "  " : space + text + "  "
        }
        while line.last == " " { line.removeLast() }
        return line
    }

    /// A table for each section, for a README.
    public static func markdown(_ rows: [Row]) -> String {
        var lines: [String] = []
        var section = ""
        for row in rows {
            if row.section != section {
                section = row.section
                if !lines.isEmpty { lines.append("") }
                lines += ["| \(section) | ours | peer | ratio | goal | |", "|---|--:|--:|--:|--:|---|"]
            }
            let texts = Self.cells(of: row)
            let peer = texts[2].isEmpty ? "" : "\(texts[3]) \(texts[2])"
            lines.append("| \(texts[0]) | \(texts[1]) | \(peer) | \(texts[4]) | \(texts[5]) | \(texts[6]) |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func cells(of row: Row) -> [String] {
        [
            row.work, row.ours.description, row.peer?.description ?? "", row.peerName ?? "",
            row.ratio.map { $0 < 0.0995 ? String(format: "%.3f", $0) : digits($0) } ?? "", row.goal?.text ?? "",
            verdict(row),
        ]
    }

    private static func verdict(_ row: Row) -> String {
        switch row.verdict {
        case .reached: "reached"
        case .missed: "missed"
        // Fewer files than the goal is set for.
        case .open: "open"
        case nil: ""
        }
    }
}
