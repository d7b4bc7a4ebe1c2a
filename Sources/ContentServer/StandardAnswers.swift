internal import Metainfo
internal import NIOHTTP1
internal import SwarmCore

/// The answers that need no file.
extension Answer {
    static let wrongMethod = Answer.text(
        .methodNotAllowed, "This server is read-only. Use GET or HEAD.", headers: ["Allow": "GET, HEAD"])

    static let unwantedContent = Answer.text(.badRequest, "A GET or HEAD takes no content here. Leave it out.")

    static let surplus = Answer.text(
        .serviceUnavailable, "The server has too many connections. Try another mirror, or again in a minute.",
        headers: ["Retry-After": "60"])

    /// Why `target` leads nowhere.
    static func problem(_ problem: Route.Problem, target: String) -> Answer {
        switch problem {
        case .malformed(let why): .text(.badRequest, "The target “\(quoted(target))” cannot be served: \(why).")
        case .unknown: .text(.notFound, "“\(quoted(target))” is not here. See / for the sets.")
        }
    }

    /// The feed when it is new to the client, or that it is not.
    static func feed(_ feed: PublishedFeed?, _ query: FeedQuery, isNew: Bool, set: SetName) -> Answer {
        guard let feed else { return .text(.notFound, "The set \(set) has no feed yet. Try again later.") }
        // As little as a 304 must have (RFC 9110, section 15.4.5): idle nodes ask all day.
        let headers: HTTPHeaders = ["ETag": FeedDecision.etag(of: feed.version), "Cache-Control": "no-cache"]
        // (Who waited in vain for a feed's documents must not take that feed for one that he has.)
        let isBehind = query.after.map { $0 < feed.version } ?? false
        guard isNew else { return .notModified(isBehind ? ["Cache-Control": "no-cache"] : headers) }
        if query.withDocuments, let bundle = feed.bundle, let after = query.after, let since = feed.since,
            after >= since
        {
            return Answer(type: FeedBundle.mediaType, headers: headers, bytes: bundle)
        }
        return Answer(type: "text/plain; charset=utf-8", headers: headers, bytes: feed.body)
    }
}
