/// What a poll of the feed asks for beside the feed itself: `?after=VERSION&wait=SECONDS&with=documents`.
struct FeedQuery: Hashable, Sendable {
    /// The version that the client has; only a newer one is worth a body.
    var after: UInt64?
    /// For how many seconds the client is willing to wait for a newer one.
    var wait: Int64
    /// Whether the client takes a `FeedBundle`.
    var withDocuments = false

    /// The longest time that a poll is held, in seconds.
    static let longestWait: Int64 = 3600

    init(after: UInt64? = nil, wait: Int64 = 0, withDocuments: Bool = false) {
        self.after = after
        self.wait = wait
        self.withDocuments = withDocuments
    }

    /// Nil when `after` or `wait` is not a whole number; other parameters are ignored.
    init?(query: String) {
        self.init()
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count == 2 ? parts[1] : ""
            switch parts[0] {
            case "after":
                guard let version = UInt64(value) else { return nil }
                after = version
            case "wait":
                guard let seconds = UInt64(value) else { return nil }
                wait = Int64(min(seconds, UInt64(Self.longestWait)))
            case "with": withDocuments = value == "documents"
            default: continue
            }
        }
    }
}

/// What to do with a poll, given the newest version.
enum FeedDecision: Hashable, Sendable {
    /// 200 with the feed.
    case full
    /// 304: nothing newer.
    case notModified
    /// Hold the poll until there is a version above this one, or any version at all.
    case hold(above: UInt64?)
    /// 404: nothing was published yet.
    case missing

    /// Decides for the version `newest`, nil when there is none.
    ///
    /// `after` is the client's own word and decides alone. Without it, `If-None-Match` (RFC 9110, section 13.1.2) does.
    /// `isIncomplete` says that documents are to come with the newest: who takes them, and is willing to wait, does.
    init(query: FeedQuery, ifNoneMatch: EntityTagList?, newest: UInt64?, isIncomplete: Bool = false) {
        let waits = query.wait > 0
        guard let newest else {
            self = waits ? .hold(above: query.after) : .missing
            return
        }
        if let after = query.after {
            let isNew = newest > after && !(isIncomplete && query.withDocuments && waits)
            self = isNew ? .full : waits ? .hold(above: after) : .notModified
        } else if let ifNoneMatch, ifNoneMatch.matchesWeakly(Self.etag(of: newest)) {
            self = waits ? .hold(above: newest) : .notModified
        } else {
            self = .full
        }
    }

    /// The strong entity tag of a feed.
    static func etag(of version: UInt64) -> String { "\"\(version)\"" }
}
