/// The list of entity tags in `If-Match` or `If-None-Match` (RFC 9110, sections 8.8.3 and 13.1).
enum EntityTagList: Hashable, Sendable {
    /// `*`: any representation.
    case any
    /// The tags, each with its quotes and, when it is weak, its `W/`.
    case tags([String])

    /// Nil when the header is absent.
    init?(_ values: [String]) {
        guard !values.isEmpty else { return nil }
        let text = values.joined(separator: ",")
        guard text.trimmingBlanks() != "*" else {
            self = .any
            return
        }
        var tags: [String] = []
        var tag = ""
        var isQuoted = false
        for character in text {
            // A comma may stand inside the quotes.
            if character == ",", !isQuoted {
                tags.append(String(tag.trimmingBlanks()))
                tag = ""
                continue
            }
            if character == "\"" { isQuoted.toggle() }
            tag.append(character)
        }
        tags.append(String(tag.trimmingBlanks()))
        self = .tags(tags)
    }

    /// Strong comparison (RFC 9110, section 8.8.3.2): a weak tag matches nothing.
    func matchesStrongly(_ etag: String) -> Bool {
        switch self {
        case .any: true
        case .tags(let tags): tags.contains(etag)
        }
    }

    /// Weak comparison: `W/` is ignored.
    func matchesWeakly(_ etag: String) -> Bool {
        switch self {
        case .any: true
        case .tags(let tags): tags.contains { ($0.hasPrefix("W/") ? String($0.dropFirst(2)) : $0) == etag }
        }
    }
}

/// The validators of a representation.
struct Validators: Hashable, Sendable {
    /// A strong entity tag with its quotes.
    var etag: String
    var lastModified: HTTPDate
}

/// The header fields that make a request conditional or partial, as they were sent.
struct RequestConditions: Hashable, Sendable {
    var ifMatch: [String] = []
    var ifNoneMatch: [String] = []
    var ifModifiedSince: String?
    var ifUnmodifiedSince: String?
    var ifRange: String?
    var range: String?
}

/// The outcome of a conditional request.
enum Precondition: Hashable, Sendable {
    case proceed
    /// 304
    case notModified
    /// 412
    case failed

    /// Evaluates in the order of RFC 9110, section 13.2.2.
    init(_ conditions: RequestConditions, validators: Validators) {
        if let ifMatch = EntityTagList(conditions.ifMatch) {
            if !ifMatch.matchesStrongly(validators.etag) {
                self = .failed
                return
            }
        } else if let limit = conditions.ifUnmodifiedSince.flatMap(HTTPDate.init),
            validators.lastModified > limit
        {
            self = .failed
            return
        }
        if let ifNoneMatch = EntityTagList(conditions.ifNoneMatch) {
            self = ifNoneMatch.matchesWeakly(validators.etag) ? .notModified : .proceed
        } else if let limit = conditions.ifModifiedSince.flatMap(HTTPDate.init) {
            self = validators.lastModified <= limit ? .notModified : .proceed
        } else {
            self = .proceed
        }
    }
}

extension RangeDecision {
    /// The range that a request gets: `Range`, unless `If-Range` (RFC 9110, section 13.1.5) names another state of the
    /// file. A date counts only when it is exactly the file's.
    init(_ conditions: RequestConditions, validators: Validators, size: Int64) {
        if let condition = conditions.ifRange {
            let isDate = !condition.hasPrefix("\"") && !condition.hasPrefix("W/")
            let holds = isDate ? HTTPDate(condition) == validators.lastModified : condition == validators.etag
            guard holds else {
                self = .whole
                return
            }
        }
        self.init(header: conditions.range, size: size)
    }
}
