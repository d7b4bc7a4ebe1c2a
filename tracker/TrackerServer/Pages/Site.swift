internal import NIOHTTP1
internal import SwarmCore
internal import TrackerCore

/// What is answered over HTTP to all but BitTorrent clients.
struct Site: Sendable {
    let tracker: Tracker

    /// The answer to a request without content. `address` is where it comes from.
    func get(_ target: RequestTarget, from address: IPAddress) -> Reply {
        switch target.path {
        case ["report.txt"]:
            return .text(.ok, TextReport().render(tracker.report()), headers: ["Cache-Control": "no-cache"])
        case ["healthz"]: return .text(.ok, "ok\n")
        case ["metrics"]:
            return Reply(type: "text/plain; version=0.0.4; charset=utf-8", body: Metrics.text(of: tracker))
        case ["api", "v1", "report"]: return encoded(tracker.report())
        default: break
        }
        let path = target.path
        if path.count == 7, path[..<3] == ["api", "v1", "sets"], path[4] == "snapshots", path[6] == "embargo" {
            return embargo(set: path[3], snapshot: path[5], target.parameters)
        }
        if path.count == 5, path[..<3] == ["api", "v1", "sets"], path[4] == "popular" {
            return popular(set: path[3], target.parameters)
        }
        let mirrors = Mirrors(tracker: tracker)
        if path.first == "mirrorlist", path.count <= 2 { return mirrors.list(target, address) }
        if path.count >= 2, path[0] == "redirect" { return mirrors.redirect(path, address) }
        return Pages(tracker: tracker).get(target) ?? Self.missing
    }

    /// What takes longer than an event loop should wait, or asks elsewhere: pages and Metalinks. Nil for all else.
    /// `accept` is the request's header of that name.
    func later(_ target: RequestTarget, from address: IPAddress, accept: String) -> (@Sendable () async -> Reply)? {
        switch target.path.first {
        case "metalink": return { await Mirrors(tracker: tracker).metalink(target, address, accept: accept) }
        case nil, "nodes", "sets":
            return { tracker.pageCache.reply(to: target, second: tracker.second) { get(target, from: address) } }
        default: return nil
        }
    }

    /// Takes a node's report. `authorization` is the header of that name.
    func post(_ target: RequestTarget, authorization: String?, body: [UInt8], from address: IPAddress) -> Reply {
        guard target.path == ["api", "v1", "report"] else { return Self.missing }
        guard let authorization, authorization.lowercased().hasPrefix("bearer "),
            let node = tracker.node(token: String(authorization.dropFirst(7)))
        else {
            return .text(
                .unauthorized, "Show your node's token: Authorization: Bearer TOKEN\n",
                headers: ["WWW-Authenticate": "Bearer"])
        }
        let report: NodeReport
        do { report = try Documents.decode(NodeReport.self, from: body) } catch {
            return .text(.badRequest, "This is not a report: \(error)\n")
        }
        guard report.format == NodeReport.currentFormat else {
            return .text(
                .badRequest, "This tracker reads reports of format \(NodeReport.currentFormat), not \(report.format).\n"
            )
        }
        guard report.node == node.name else {
            return .text(.forbidden, "The token is that of \(node.name), the report of \(report.node).\n")
        }
        guard tracker.take(report, from: address) else {
            return .text(.forbidden, "The node \(node.name) was removed just now.\n")
        }
        return Reply(.noContent, type: "text/plain", body: [])
    }

    static let notFollowed = Reply.text(
        .notFound, "This tracker does not follow the set; / names those that it does.\n")
    static let missing = Reply.text(.notFound, "There is nothing here. Try / or /report.txt.\n")

    func encoded(_ value: some Encodable) -> Reply {
        do { return .json(try Documents.encode(value)) } catch {
            return .text(.internalServerError, "The answer cannot be written as JSON: \(error)\n")
        }
    }

    // MARK: Embargo

    private func embargo(set: String, snapshot: String, _ parameters: [String: String]) -> Reply {
        var question = EmbargoQuestion()
        if let text = parameters["threshold"] {
            guard let share = EmbargoQuestion.share(text) else {
                return .text(.badRequest, "threshold: expected \(EmbargoQuestion.shareRule)\n")
            }
            question.threshold = share
        }
        if let text = parameters["per-region"] {
            guard let share = EmbargoQuestion.share(text) else {
                return .text(.badRequest, "per-region: expected \(EmbargoQuestion.shareRule)\n")
            }
            question.regionMinimum = share
        }
        if let text = parameters["by"] {
            guard let measure = EmbargoQuestion.Measure(rawValue: text) else {
                return .text(.badRequest, "by: expected nodes, weight or bytes\n")
            }
            question.measure = measure
        }
        guard let name = SetName(set) else { return Self.notFollowed }
        guard let answer = tracker.embargo(name, snapshot, question) else {
            guard tracker.followed.contains(name) else { return Self.notFollowed }
            // Retry-After tells a snapshot that may come with the next feed from a set that never will.
            return .text(
                .notFound, "No such snapshot: the set's feed was not read yet, or does not list it. Try “latest”.\n",
                headers: ["Retry-After": "10"])
        }
        return encoded(answer)
    }
}
