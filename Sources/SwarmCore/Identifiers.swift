/// Index of a piece in one torrent.
public struct PieceIndex: Hashable, Comparable, Sendable {
    /// From 0.
    public let rawValue: Int
    /// Any number is taken; whether the torrent has such a piece is checked where it is used.
    public init(_ rawValue: Int) { self.rawValue = rawValue }
    /// In the order of the torrent.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A text that keeps a rule: shown, compared and coded as that text.
public protocol TextIdentifier: Hashable, Sendable, Codable, CustomStringConvertible, Comparable {
    /// Keeps the rule.
    var rawValue: String { get }
    /// What the text should be, for error messages.
    static var expectation: String { get }
    /// Nil when `text` breaks the rule.
    init?(_ text: String)
}

extension TextIdentifier {
    /// The bare text.
    public var description: String { rawValue }
    /// By Unicode scalars, whatever the locale: for a stable order.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// Fails for a string that breaks the rule.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let identifier = Self(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "“\(text.prefix(80))” is not \(Self.expectation)")
        }
        self = identifier
    }

    /// As a string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

/// The name of a set: `debian`, `fedora-enchilada`. It names directories and URL path segments, so it is restricted to
/// 1 to 64 characters out of `A-Z a-z 0-9 . _ -`, the first of them a letter or digit.
public struct SetName: TextIdentifier {
    /// Keeps the rule above.
    public let rawValue: String

    /// Nil when `text` breaks the rule above.
    public init?(_ text: String) {
        guard (1...64).contains(text.utf8.count), let first = text.utf8.first, Self.isAlphanumeric(first) else {
            return nil
        }
        let extra = Set("._-".utf8)
        guard text.utf8.allSatisfy({ Self.isAlphanumeric($0) || extra.contains($0) }) else { return nil }
        rawValue = text
    }

    /// The rule in words, for error messages.
    public static let rule = "1 to 64 characters out of A-Z a-z 0-9 . _ -, beginning with a letter or digit"

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }

    /// What it is, with its rule.
    public static var expectation: String { "a set's name: \(rule)" }
}

/// The UUID of a snapshot, written in lower case.
public struct SnapshotID: TextIdentifier {
    /// 36 characters, in lower case.
    public let rawValue: String

    /// Nil unless `text` is a UUID in its 36-character form; upper case is lowered.
    public init?(_ text: String) {
        let lowered = text.lowercased()
        let bytes = Array(lowered.utf8)
        guard bytes.count == 36 else { return nil }
        for (index, byte) in bytes.enumerated() {
            let dash = index == 8 || index == 13 || index == 18 || index == 23
            let isHex =
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            guard dash ? byte == UInt8(ascii: "-") : isHex else { return nil }
        }
        rawValue = lowered
    }

    /// A new random UUID (RFC 9562, version 4).
    public static func random(using generator: inout some RandomNumberGenerator) -> SnapshotID {
        var bytes = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        let hex = Array(Hex.encode(bytes))
        let groups = [hex[0..<8], hex[8..<12], hex[12..<16], hex[16..<20], hex[20..<32]].map { String($0) }
        return SnapshotID(unchecked: groups.joined(separator: "-"))
    }

    private init(unchecked text: String) { rawValue = text }

    /// What it is; upper case is taken too.
    public static var expectation: String { "a UUID" }
}

/// The number of a snapshot in its set; it only grows.
public typealias Serial = UInt64

/// A class of files that are fetched together, 1 to 7; a higher one is fetched strictly before a lower one.
public struct Priority: Hashable, Sendable, Comparable, Codable, CustomStringConvertible {
    /// The classes that there are.
    public static let numbers = 1...7
    /// 1 to 7.
    public let rawValue: UInt8

    /// Nil outside 1 to 7.
    public init?(_ value: Int) {
        guard Self.numbers.contains(value) else { return nil }
        rawValue = UInt8(value)
    }

    private init(unchecked value: UInt8) { rawValue = value }

    /// What the entry of a file leaves out: ordinary payload.
    public static let payload = Priority(unchecked: 4)
    /// Indices of a repository, which refer to the payload.
    public static let metadata = Priority(unchecked: 2)
    /// Files that a client reads first, and that refer to the metadata: `Release`, `repomd.xml`.
    public static let entryPoint = Priority(unchecked: 1)

    /// What is fetched after everything else.
    public static let lowest = entryPoint

    /// The digit.
    public var description: String { String(rawValue) }
    /// The lesser is fetched later.
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// Fails for a number outside 1 to 7.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let priority = Self(try container.decode(Int.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "a priority is 1 to 7")
        }
        self = priority
    }

    /// As a number.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

/// A TCP endpoint: a host name or an address, and a port. An empty host stands for "the host that this was read from".
public struct Endpoint: Hashable, Sendable, Codable, CustomStringConvertible {
    /// A name, or an address without brackets; may be empty.
    public let host: String
    /// May be 0, where a listener lets the system choose.
    public let port: UInt16

    /// Taken as they are; `host` without the brackets of an IPv6 address.
    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Parses `HOST:PORT`, `[IPV6]:PORT` or `:PORT`; nil for anything else.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        // `UInt16` alone would take a sign.
        guard digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let port = UInt16(digits)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.contains(where: { $0.isWhitespace || $0 == "/" }) else { return nil }
        self.init(host: String(host), port: port)
    }

    /// Whether the host stands for every interface, so that it cannot be dialled as it is.
    public var isUnspecified: Bool { host.isEmpty || host == "0.0.0.0" || host == "::" || host == "*" }

    /// `HOST:PORT`, or `[IPV6]:PORT`: what `init(_:)` parses.
    public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Fails for a string that `init(_:)` does not take.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let endpoint = Self(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "“\(text.prefix(80))” is not HOST:PORT")
        }
        self = endpoint
    }

    /// As the string that `description` gives.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
