/// Why a pattern is not a glob.
public struct GlobError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The pattern as it was given.
    public let pattern: String
    /// What is wrong with it.
    public let reason: String

    /// What happened, in words.
    public var description: String { "pattern “\(pattern.prefix(200))”: \(reason)" }
}

/// A pattern for relative paths, as administrators know it from shells and from gitignore(5):
///
/// - `*` any characters of one segment, none too; `?` one character; `[a-z]`, `[!a-z]` or `[^a-z]` one of a class;
///   `\` takes the next character as it is. A dot at the start of a name is nothing special.
/// - `**` as a whole segment: any number of segments, none too.
/// - `{a,b}`: either; the braces nest and may hold slashes.
/// - A pattern without a slash is matched with the last segment at any depth, any other with the whole path. A slash in
///   front therefore only says that the pattern begins at the root.
/// - A pattern that ends in `/` or in `/**` matches all that is below, and not the directory's own name.
///
/// Matching works on UTF-8 bytes, compares them exactly, and takes at most the product of the two lengths.
public struct Glob: Sendable, Hashable {
    /// The longest pattern, in bytes.
    public static let lengthLimit = 4096
    /// The most patterns without braces that one with braces may stand for.
    public static let alternativeLimit = 256

    /// The pattern as it was given.
    public let pattern: String
    private let alternatives: [GlobAlternative]

    /// Compiles a pattern.
    public init(_ pattern: String) throws(GlobError) {
        self.pattern = pattern
        do throws(GlobFault) {
            guard !pattern.isEmpty else { throw GlobFault("it is empty") }
            guard pattern.utf8.count <= Self.lengthLimit else {
                throw GlobFault("it is longer than \(Self.lengthLimit) bytes")
            }
            alternatives = try GlobCompiler.compile(pattern)
        } catch {
            throw GlobError(pattern: pattern, reason: error.reason)
        }
    }

    /// Whether the pattern matches the path, which is relative and without `.`, `..` and empty segments.
    public func matches(_ path: String) -> Bool { matches(utf8: path.utf8.span) }

    /// The same for a path's bytes.
    public func matches(_ path: [UInt8]) -> Bool { matches(utf8: path.span) }

    /// The same for a path's bytes, wherever they lie.
    public func matches(utf8 path: Span<UInt8>) -> Bool {
        for alternative in alternatives where alternative.matches(path) { return true }
        return false
    }

    /// Equal patterns are equal globs.
    public static func == (left: Glob, right: Glob) -> Bool { left.pattern.utf8.elementsEqual(right.pattern.utf8) }

    /// Hashes the pattern.
    public func hash(into hasher: inout Hasher) { for byte in pattern.utf8 { hasher.combine(byte) } }
}

/// A compiled pattern without braces.
struct GlobAlternative: Sendable {
    private let segments: [GlobSegment]
    /// The bytes that every matching path begins and ends with, where there are such: most paths fail by them.
    private let first: UInt8?
    private let last: UInt8?

    init(_ segments: [GlobSegment]) {
        self.segments = segments
        first = segments.first?.firstByte
        last = segments.last?.lastByte
    }

    func matches(_ path: Span<UInt8>) -> Bool {
        guard path.count > 0 else { return false }
        if let first, path[0] != first { return false }
        if let last, path[path.count - 1] != last { return false }
        // A pattern of the last segment only.
        if segments.count == 2, case .anyDepth = segments[0] {
            var start = path.count
            while start > 0, path[start - 1] != UInt8(ascii: "/") { start -= 1 }
            return segments[1].matches(path, from: start, to: path.count)
        }
        return Self.match(segments, path)
    }

    /// Walks both sides segment by segment. When a segment does not fit, the last `**` takes one segment more: earlier
    /// ones need not be tried again, for what follows them has already been found at its first place.
    private static func match(_ segments: [GlobSegment], _ path: Span<UInt8>) -> Bool {
        var segment = 0
        var start = 0
        var retry: (segment: Int, start: Int)?
        while start <= path.count {
            if segment < segments.count {
                if case .anyDepth = segments[segment] {
                    segment += 1
                    retry = (segment, start)
                    continue
                }
                let end = endOfSegment(path, from: start)
                if segments[segment].matches(path, from: start, to: end) {
                    segment += 1
                    start = end + 1
                    continue
                }
            }
            guard let last = retry else { return false }
            start = endOfSegment(path, from: last.start) + 1
            segment = last.segment
            retry = (segment, start)
        }
        return segment == segments.count
    }

    private static func endOfSegment(_ path: Span<UInt8>, from start: Int) -> Int {
        var end = start
        while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
        return end
    }
}

/// What a compiled pattern has between two slashes.
enum GlobSegment: Sendable {
    /// `**`. The compiler never leaves it at the end.
    case anyDepth
    /// A name without special characters.
    case name([UInt8])
    /// Anything else.
    case tokens([GlobToken])

    /// The byte that every matching name begins with, where there is one.
    var firstByte: UInt8? {
        switch self {
        case .anyDepth: nil
        case .name(let name): name.first
        case .tokens(let tokens): if case .byte(let byte)? = tokens.first { byte } else { nil }
        }
    }

    /// The byte that every matching name ends with, where there is one.
    var lastByte: UInt8? {
        switch self {
        case .anyDepth: nil
        case .name(let name): name.last
        case .tokens(let tokens): if case .byte(let byte)? = tokens.last { byte } else { nil }
        }
    }

    func matches(_ path: Span<UInt8>, from start: Int, to end: Int) -> Bool {
        switch self {
        case .anyDepth: return true
        case .name(let name):
            guard name.count == end - start else { return false }
            for offset in name.indices where name[offset] != path[start + offset] { return false }
            return true
        case .tokens(let tokens): return Self.match(tokens, path, from: start, to: end)
        }
    }

    /// As for segments, with characters for segments and `*` for `**`.
    private static func match(_ tokens: [GlobToken], _ path: Span<UInt8>, from start: Int, to end: Int) -> Bool {
        guard start < end else { return false }
        var token = 0
        var position = start
        var retry: (token: Int, position: Int)?
        while position < end || token < tokens.count {
            if token < tokens.count {
                if case .star = tokens[token] {
                    token += 1
                    if token == tokens.count { return true }
                    retry = (token, position)
                    continue
                }
                if position < end, let next = tokens[token].match(path, at: position, end: end) {
                    token += 1
                    position = next
                    continue
                }
            }
            guard let last = retry, last.position < end else { return false }
            position = last.position + UTF8Scalar(path, at: last.position, end: end).length
            token = last.token
            retry = (token, position)
        }
        return true
    }
}

/// A part of a segment.
enum GlobToken: Sendable {
    case byte(UInt8)
    /// `?`
    case any
    /// `*`
    case star
    /// `[…]`, the ranges as Unicode scalar values.
    case oneOf([ClosedRange<UInt32>], negated: Bool)

    /// The position behind what the token takes at `position`; nil when it does not fit there.
    func match(_ path: Span<UInt8>, at position: Int, end: Int) -> Int? {
        switch self {
        case .byte(let byte): return path[position] == byte ? position + 1 : nil
        case .any: return position + UTF8Scalar(path, at: position, end: end).length
        case .oneOf(let ranges, let negated):
            let scalar = UTF8Scalar(path, at: position, end: end)
            return ranges.contains { $0.contains(scalar.value) } != negated ? position + scalar.length : nil
        case .star: return nil
        }
    }
}

/// One character at a position in UTF-8 (RFC 3629). A byte that begins none counts as a character of its own, with a
/// value that no class holds: file names need not be UTF-8.
struct UTF8Scalar {
    let value: UInt32
    let length: Int

    init(_ bytes: Span<UInt8>, at position: Int, end: Int) {
        let first = bytes[position]
        let (length, lead): (Int, UInt8) =
            switch first {
            case 0xc2...0xdf: (2, first & 0x1f)
            case 0xe0...0xef: (3, first & 0x0f)
            case 0xf0...0xf4: (4, first & 0x07)
            default: (1, first)
            }
        var value = UInt32(lead)
        var isWhole = position + length <= end && !(0x80..<0xc2).contains(first) && first <= 0xf4
        if isWhole, length > 1 {
            for offset in 1..<length {
                let byte = bytes[position + offset]
                if byte & 0xc0 != 0x80 { isWhole = false }
                value = value << 6 | UInt32(byte & 0x3f)
            }
        }
        self.value = isWhole ? value : 0x11_0000 + UInt32(first)
        self.length = isWhole ? length : 1
    }
}
