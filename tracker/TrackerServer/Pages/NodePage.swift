internal import FoundationEssentials
internal import SwarmCore
internal import TrackerCore

/// One node. Where its reports come from is not shown.
enum NodePage {
    struct Fact {
        let name: String
        let value: String
    }

    struct URLPart {
        let text: String
        let isLink: Bool
    }

    struct SnapshotRow {
        let key: String
        let url: String
        let serial: String
        let short: String
        let state: String
        let share: Double
        let done: String
        let left: String
        let traffic: TrafficCells
        let hindered: String
    }

    struct SetPart {
        let set: String
        let sentences: [String]
        let isHindered: Bool
        let error: String
        let snapshots: [SnapshotRow]
    }

    struct Page {
        let name: String
        let warnings: [String]
        let facts: [Fact]
        let hasReported: Bool
        let reported: PageTime
        let hasURLs: Bool
        let urls: [URLPart]
        let sets: [SetPart]
    }

    static func page(_ detail: NodeDetail, layout: String, now: Date) -> Reply {
        let name = detail.registration.name.rawValue
        var warnings: [String] = []
        if detail.report == nil {
            warnings.append("It has never reported. Is its token right, and [report] in its configuration?")
        } else if !detail.isFresh {
            warnings.append("It is silent: what follows is what it said last.")
        }
        if let offset = detail.clockOffset, abs(offset) > TrackerReport.clockTolerance {
            warnings.append(OverviewPage.clockWarning(name, offset))
        }
        let urls = detail.registration.urls.isEmpty ? detail.report?.urls ?? [] : detail.registration.urls
        let page = Page(
            name: name, warnings: warnings, facts: facts(detail), hasReported: detail.received != nil,
            reported: PageTime(detail.received ?? now, now: now), hasURLs: !urls.isEmpty,
            urls: urls.map { url in
                // Any other scheme would be run by the browser, or opened by another program.
                URLPart(text: url, isLink: url.hasPrefix("http://") || url.hasPrefix("https://"))
            }, sets: detail.sets.map { self.set($0) })
        return PageTemplates.page(
            title: "\(name) – swarm-tracker", layout: layout, content: PageTemplates.render("node", page))
    }

    private static func facts(_ detail: NodeDetail) -> [Fact] {
        var facts = [Fact(name: "Region", value: detail.place.region ?? Place.nowhere)]
        if let group = detail.registration.group { facts.append(Fact(name: "Group", value: group)) }
        if let country = detail.place.country { facts.append(Fact(name: "Country", value: country)) }
        facts.append(Fact(name: "Weight", value: String(detail.registration.weight)))
        if let report = detail.report { facts.append(Fact(name: "Software", value: "swarm-node \(report.version)")) }
        if let offset = detail.clockOffset {
            let value = abs(offset) < 2 ? "right, as far as a report says" : clock(offset)
            facts.append(Fact(name: "Clock", value: value))
        }
        return facts
    }

    private static func clock(_ offset: Double) -> String {
        "\(PageText.duration(abs(offset))) \(offset > 0 ? "fast" : "slow")"
    }

    private static func set(_ detail: NodeDetail.SetDetail) -> SetPart {
        var sentences = [
            detail.report.current.map { "Readers see snapshot \($0.serial)." } ?? "Readers see nothing yet."
        ]
        if detail.report.isFiltered { sentences.append("The node carries only a part, by its own choice.") }
        if let free = detail.report.diskFree { sentences.append("\(PageText.bytes(free)) are free on its disk.") }
        return SetPart(
            set: detail.report.set.rawValue, sentences: sentences, isHindered: detail.report.error != nil,
            error: detail.report.error ?? "",
            snapshots: detail.snapshots.map { row in
                let values = LiveState.columns(row.standing)
                func text(_ name: String) -> String { values[name]?.text ?? "" }
                let set = detail.report.set
                return SnapshotRow(
                    key: "\(LiveState.key(set, row.entry.uuid))/\(row.standing.node)",
                    url: SnapshotPage.url(set, row.entry.uuid), serial: String(row.entry.serial),
                    short: String(row.entry.uuid.rawValue.prefix(8)), state: text("state"), share: row.standing.share,
                    done: text("done"), left: text("left"), traffic: TrafficCells(row.standing.traffic),
                    hindered: text("error"))
            })
    }
}
