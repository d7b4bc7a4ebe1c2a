internal import FoundationEssentials
internal import Mustache
internal import SwarmCore
internal import TrackerCore

/// Texts as the pages show them.
enum PageText {
    /// `text` with the characters that mean something in HTML replaced, and none that control or that turn the direction
    /// of writing. It goes by scalars: a quotation mark that a combining mark follows is a quotation mark all the same.
    static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            case "`": escaped += "&#96;"
            case "\n", "\t": escaped += " "
            default:
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator: break
                default: escaped.unicodeScalars.append(scalar)
                }
            }
        }
        return escaped
    }

    /// What stands in a template as `{{name}}` is escaped this way.
    struct Escaping: MustacheContentType {
        func escapeText(_ text: String) -> String { escape(text) }
    }

    /// 100 is said when all is there, and not before; 0 only when there is nothing.
    static func percent(_ share: Double) -> String {
        if share >= 1 { return "100 %" }
        return share > 0 ? "\(max(1, min(99, Int(share * 100 + 1e-9)))) %" : "0 %"
    }

    static func duration(_ seconds: Double) -> String {
        Quantities.format(duration: .seconds(Int64(min(max(seconds, -1e10), 1e10).rounded())))
    }

    static func count(_ number: Int, _ word: String) -> String { "\(number) \(word)\(number == 1 ? "" : "s")" }

    static func bytes(_ number: Int64) -> String { Quantities.format(bytes: number) }

    static func iso(_ date: Date) -> String { date.formatted(.iso8601) }

    static func ago(_ date: Date, _ now: Date) -> String { "\(duration(max(0, now.timeIntervalSince(date)))) ago" }
}

/// Where bytes came from, as the cells of a row.
struct TrafficCells {
    let linked: String
    let peers: String
    let isSplit: Bool
    let near: String
    let far: String
    let master: String
    let http: String

    init(_ traffic: SnapshotStanding.Traffic) {
        linked = PageText.bytes(traffic.linked)
        peers = PageText.bytes(traffic.peers)
        isSplit = traffic.isSplit
        near = PageText.bytes(traffic.near ?? 0)
        far = PageText.bytes(traffic.far ?? 0)
        master = PageText.bytes(traffic.master)
        http = PageText.bytes(traffic.http)
    }
}

/// A moment: as a machine reads it, and as people do.
struct PageTime {
    let iso: String
    let ago: String
    let utc: String

    init(_ date: Date, now: Date) {
        iso = PageText.iso(date)
        ago = PageText.ago(date, now)
        utc = Quantities.format(utc: date)
    }
}
