/// A digest of fixed length, shown and stored as lower-case hexadecimal.
public protocol FixedDigest: Hashable, Sendable, Codable, CustomStringConvertible, Comparable {
    /// Length in bytes.
    static var byteCount: Int { get }
    /// The digest's bytes, `byteCount` of them.
    var bytes: [UInt8] { get }
    /// Makes a digest from exactly `byteCount` bytes; nil for any other count.
    init?(bytes: some Collection<UInt8>)
}

extension FixedDigest {
    /// The digest in hexadecimal; nil when the text is not hexadecimal or has another length.
    public init?(hex: some StringProtocol) {
        guard let bytes = Hex.decode(hex) else { return nil }
        self.init(bytes: bytes)
    }

    /// Hexadecimal, in lower case.
    public var description: String { Hex.encode(bytes) }

    /// Fails for a string that is not hexadecimal, or of another length.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let digest = Self(hex: text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "“\(text.prefix(80))” is not \(Self.byteCount) bytes in hexadecimal")
        }
        self = digest
    }

    /// As a string in hexadecimal.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    /// By the bytes, the first one foremost; this is also the order of the hexadecimal texts.
    public static func < (left: Self, right: Self) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}

/// SHA-256 (FIPS 180-4) of a file, a torrent or a manifest: what a node believes.
public struct SHA256Digest: FixedDigest {
    /// 256 bits.
    public static let byteCount = 32
    /// The digest as four big-endian words: eight bytes each, no allocation per value.
    public let words: (UInt64, UInt64, UInt64, UInt64)

    /// The digest itself, not what is to be hashed; nil unless there are 32 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var iterator = bytes.makeIterator()
        func word() -> UInt64 {
            var value: UInt64 = 0
            for _ in 0..<8 { value = value << 8 | UInt64(iterator.next() ?? 0) }
            return value
        }
        words = (word(), word(), word(), word())
    }

    /// The same for 32 bytes of an array, for those who make many: nothing is generic about it.
    public init(_ bytes: [UInt8], at start: Int) {
        func word(_ offset: Int) -> UInt64 {
            var value: UInt64 = 0
            for index in (start + offset)..<(start + offset + 8) { value = value << 8 | UInt64(bytes[index]) }
            return value
        }
        words = (word(0), word(8), word(16), word(24))
    }

    /// Made anew at each call; where many are compared, `words` is cheaper.
    public var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(Self.byteCount)
        for word in [words.0, words.1, words.2, words.3] {
            for shift in stride(from: 56, through: 0, by: -8) {
                result.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return result
    }

    /// Not in constant time: digests here are no secrets.
    public static func == (left: Self, right: Self) -> Bool { left.words == right.words }

    /// Half of the digest decides the bucket.
    public func hash(into hasher: inout Hasher) {
        // A digest is already uniform: two words decide.
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

/// SHA-1 of a torrent's info dictionary (BEP 3): the name of a swarm.
public struct InfoHash: FixedDigest {
    /// 160 bits.
    public static let byteCount = 20
    private let high: UInt64
    private let middle: UInt64
    private let low: UInt32

    /// From the digest's first eight bytes, the next eight, and the last four, each big-endian.
    public init(high: UInt64, middle: UInt64, low: UInt32) {
        self.high = high
        self.middle = middle
        self.low = low
    }

    /// The digest itself, not what is to be hashed; nil unless there are 20 bytes.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var iterator = bytes.makeIterator()
        func number(_ count: Int) -> UInt64 {
            var value: UInt64 = 0
            for _ in 0..<count { value = value << 8 | UInt64(iterator.next() ?? 0) }
            return value
        }
        high = number(8)
        middle = number(8)
        low = UInt32(number(4))
    }

    /// Made anew at each call; the info-hash as the wire has it, not in hexadecimal.
    public var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(Self.byteCount)
        for word in [high, middle] {
            for shift in stride(from: 56, through: 0, by: -8) {
                result.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        for shift in stride(from: 24, through: 0, by: -8) { result.append(UInt8(truncatingIfNeeded: low >> shift)) }
        return result
    }
}
