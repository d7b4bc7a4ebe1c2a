internal import NIOHTTP1
internal import SwarmCore
internal import TrackerCore

extension Reply {
    /// A page. Nothing is loaded from elsewhere, nothing runs but our own script, and nobody frames it.
    static func page(_ status: HTTPResponseStatus, _ html: String) -> Reply {
        Reply(
            status, type: "text/html; charset=utf-8", body: Array(html.utf8),
            headers: [
                "Cache-Control": "no-cache",
                "Content-Security-Policy":
                    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
                    + " form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
                "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff",
            ])
    }

    /// A file of the pages. Its URL changes with it, so that browsers may keep it.
    fileprivate static func asset(_ text: String, type: String) -> Reply {
        Reply(
            type: type, body: Array(text.utf8),
            headers: ["Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"])
    }

    fileprivate static func missingPage(_ text: String) -> Reply {
        struct Message {
            let title: String
            let text: String
        }
        let content = PageTemplates.render("message", Message(title: "Not here", text: text))
        var reply = PageTemplates.page(title: "Not here – swarm-tracker", layout: "", content: content)
        reply.status = .notFound
        return reply
    }
}

/// The pages for people.
struct Pages: Sendable {
    let tracker: Tracker

    /// The page, or part of one, that a request asks for; nil when it asks for something else.
    func get(_ target: RequestTarget) -> Reply? {
        let path = target.path
        switch (path.first, path.count) {
        case (nil, 0):
            let report = tracker.report()
            let history = tracker.history
            return OverviewPage.page(report, query: NodeTableQuery(parameters: target.parameters)) { key in
                samples(key, report, history)
            }
        case ("style.css", 1): return .asset(Stylesheet.text, type: "text/css; charset=utf-8")
        case ("live.js", 1): return .asset(LiveScript.text, type: "text/javascript; charset=utf-8")
        case ("nodes", 2): return node(path[1])
        case ("sets", 3) where path[2] == "popular": return popular(path[1], target)
        case ("sets", 4) where path[2] == "snapshots": return snapshot(path[1], path[3], target)
        case ("sets", 5) where path[2] == "snapshots" && path[4] == "chart.svg": return chart(path[1], path[3])
        default: return nil
        }
    }

    private func node(_ text: String) -> Reply {
        guard let name = NodeName(text), let (detail, time) = tracker.detail(name) else {
            return .missingPage("There is no node of this name.")
        }
        return NodePage.page(detail, layout: LiveState(tracker.report()).layout, now: time)
    }

    private func find(
        _ set: String, _ snapshot: String
    ) -> (TrackerReport, SwarmCore.SetName, TrackerReport.SnapshotReport)? {
        let report = tracker.report()
        guard let found = report.sets.first(where: { $0.set.rawValue == set }),
            let wanted = found.snapshots.first(where: { $0.uuid.rawValue == snapshot.lowercased() })
        else { return nil }
        return (report, found.set, wanted)
    }

    private func snapshot(_ set: String, _ uuid: String, _ target: RequestTarget) -> Reply {
        guard let (report, name, snapshot) = find(set, uuid) else {
            return .missingPage("There is no such snapshot, or it is live no more.")
        }
        return SnapshotPage.page(
            report, name, snapshot, samples: samples(SnapshotKey(name, snapshot.uuid), report, tracker.history),
            query: NodeTableQuery(parameters: target.parameters))
    }

    private func popular(_ text: String, _ target: RequestTarget) -> Reply {
        let (days, limit) = PopularPage.numbers(target.parameters)
        guard let set = SetName(text), let files = tracker.popular(set, days: days, limit: limit) else {
            return .missingPage("This tracker does not follow a set of this name.")
        }
        return PopularPage.page(files, days: days, limit: limit, layout: LiveState(tracker.report()).layout)
    }

    private func chart(_ set: String, _ uuid: String) -> Reply? {
        guard let (report, name, snapshot) = find(set, uuid) else { return nil }
        let samples = samples(SnapshotKey(name, snapshot.uuid), report, tracker.history)
        guard !samples.isEmpty, !snapshot.nodes.isEmpty else { return nil }
        let svg = ProgressChart.svg(set: name, serial: snapshot.serial, snapshot: snapshot.uuid, samples: samples)
        return Reply(type: "image/svg+xml", body: Array(svg.utf8), headers: ["Cache-Control": "no-cache"])
    }

    /// What was kept, with how it is now.
    private func samples(_ key: SnapshotKey, _ report: TrackerReport, _ history: ProgressHistory) -> [ProgressSample] {
        let snapshot = report.sets.first { $0.set == key.set }?.snapshots.first { $0.uuid == key.snapshot }
        return history.line(key, until: snapshot.map { ProgressSample(time: report.time, counts: .init($0)) })
    }
}
