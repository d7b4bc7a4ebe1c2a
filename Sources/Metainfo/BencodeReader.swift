/// Why bytes are not the bencoding that was expected.
public enum BencodeError: Error, Hashable, Sendable, CustomStringConvertible {
    case truncated
    case unexpected(offset: Int, wanted: String)
    case badInteger(offset: Int)
    case badLength(offset: Int)
    case keysNotAscending(offset: Int)
    case tooDeep(offset: Int)
    case trailingBytes(offset: Int)

    /// What is wrong, and where.
    public var description: String {
        switch self {
        case .truncated: "the bencoded data ends too early"
        case .unexpected(let offset, let wanted): "byte \(offset): expected \(wanted)"
        case .badInteger(let offset): "byte \(offset): an integer that is not canonical or does not fit 64 bits"
        case .badLength(let offset): "byte \(offset): a string's length that is not canonical or runs past the end"
        case .keysNotAscending(let offset): "byte \(offset): dictionary keys are not unique and ascending"
        case .tooDeep(let offset): "byte \(offset): nested too deeply"
        case .trailingBytes(let offset): "byte \(offset): data after the end of the value"
        }
    }
}

/// Reads bencoding (BEP 3) strictly and in place: integers and lengths in canonical form, keys unique and ascending,
/// depth bounded. Strings come back as ranges of the input, so nothing is allocated for what is skipped.
public struct BencodeReader: Sendable {
    /// Values may be nested this deeply; a torrent needs six levels.
    public static let depthLimit = 16

    /// All of the input.
    public let bytes: [UInt8]
    /// Where the next value begins.
    public internal(set) var offset = 0

    /// A reader at the beginning of `bytes`.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The kind of the next value by its first byte: `i`, `l`, `d`, or a digit of a string.
    public func peek() throws(BencodeError) -> UInt8 {
        guard offset < bytes.count else { throw .truncated }
        return bytes[offset]
    }

    /// An integer of 64 bits.
    public mutating func integer() throws(BencodeError) -> Int64 {
        let start = offset
        guard try peek() == UInt8(ascii: "i") else { throw .unexpected(offset: offset, wanted: "an integer") }
        offset += 1
        let value = try number(until: UInt8(ascii: "e"), allowNegative: true) { .badInteger(offset: start) }
        return value
    }

    /// The range of a string's content.
    public mutating func string() throws(BencodeError) -> Range<Int> {
        let start = offset
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(try peek()) else {
            throw .unexpected(offset: offset, wanted: "a string")
        }
        let length = try number(until: UInt8(ascii: ":"), allowNegative: false) { .badLength(offset: start) }
        guard length <= bytes.count - offset else { throw .badLength(offset: start) }
        let range = offset..<(offset + Int(length))
        offset = range.upperBound
        return range
    }

    /// Enters a dictionary and calls `field` for each key, with the reader placed at its value; `field` must read or skip it.
    public mutating func dictionary<Failure: Error>(
        mapping: (BencodeError) -> Failure, _ field: (inout BencodeReader, Range<Int>) throws(Failure) -> Void
    ) throws(Failure) {
        do {
            try enter(UInt8(ascii: "d"), "a dictionary")
        } catch { throw mapping(error) }
        var previous: Range<Int>?
        while true {
            do {
                if try leave() { return }
            } catch { throw mapping(error) }
            let start = offset
            let key: Range<Int>
            do { key = try string() } catch { throw mapping(error) }
            if let previous, !precedes(previous, key) {
                throw mapping(.keysNotAscending(offset: start))
            }
            previous = key
            try field(&self, key)
        }
    }

    /// Enters a list and calls `element` for each value, with the reader placed at it; `element` must read or skip it.
    public mutating func list<Failure: Error>(
        mapping: (BencodeError) -> Failure, _ element: (inout BencodeReader) throws(Failure) -> Void
    ) throws(Failure) {
        do {
            try enter(UInt8(ascii: "l"), "a list")
        } catch { throw mapping(error) }
        while true {
            do {
                if try leave() { return }
            } catch { throw mapping(error) }
            try element(&self)
        }
    }

    /// Passes over one value of any kind, with the same strictness; returns its range.
    @discardableResult
    public mutating func skip() throws(BencodeError) -> Range<Int> {
        try skip(depth: 0)
    }

    /// Whether the key or string in `range` is `text`.
    public func matches(_ range: Range<Int>, _ text: [UInt8]) -> Bool {
        guard range.count == text.count else { return false }
        for (offset, byte) in text.enumerated() where bytes[range.lowerBound + offset] != byte { return false }
        return true
    }

    /// The string in `range` as a number, its first byte the highest; nil when it is empty, has more than eight bytes, or
    /// begins with a zero. No two strings have the same number: that is how one is told from many others in one step.
    public func word(_ range: Range<Int>) -> UInt64? {
        guard (1...8).contains(range.count), bytes[range.lowerBound] != 0 else { return nil }
        var word: UInt64 = 0
        for index in range { word = word << 8 | UInt64(bytes[index]) }
        return word
    }

    /// Whether the one string comes before the other. By index: it is asked for each key of each file.
    private func precedes(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
        for offset in 0..<min(left.count, right.count) {
            let (one, two) = (bytes[left.lowerBound + offset], bytes[right.lowerBound + offset])
            if one != two { return one < two }
        }
        return left.count < right.count
    }

    /// Throws unless everything was read.
    public func finish() throws(BencodeError) {
        guard offset == bytes.count else { throw .trailingBytes(offset: offset) }
    }

    private mutating func enter(_ mark: UInt8, _ wanted: String) throws(BencodeError) {
        guard try peek() == mark else { throw .unexpected(offset: offset, wanted: wanted) }
        offset += 1
    }

    private mutating func leave() throws(BencodeError) -> Bool {
        guard try peek() == UInt8(ascii: "e") else { return false }
        offset += 1
        return true
    }

    private mutating func skip(depth: Int) throws(BencodeError) -> Range<Int> {
        let start = offset
        guard depth < Self.depthLimit else { throw .tooDeep(offset: offset) }
        switch try peek() {
        case UInt8(ascii: "i"): _ = try integer()
        case UInt8(ascii: "l"):
            offset += 1
            while !(try leave()) { _ = try skip(depth: depth + 1) }
        case UInt8(ascii: "d"):
            offset += 1
            var previous: Range<Int>?
            while !(try leave()) {
                let at = offset
                let key = try string()
                if let previous, !precedes(previous, key) {
                    throw .keysNotAscending(offset: at)
                }
                previous = key
                _ = try skip(depth: depth + 1)
            }
        default: _ = try string()
        }
        return start..<offset
    }

    private mutating func number(
        until end: UInt8, allowNegative: Bool, failure: () -> BencodeError
    ) throws(BencodeError) -> Int64 {
        var negative = false
        if allowNegative, try peek() == UInt8(ascii: "-") {
            negative = true
            offset += 1
        }
        let first = offset
        var value: Int64 = 0
        while true {
            let byte = try peek()
            if byte == end { break }
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { throw failure() }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int64(byte - UInt8(ascii: "0")))
            guard !overflow, !carry else { throw failure() }
            value = sum
            offset += 1
        }
        let digits = offset - first
        guard digits > 0 else { throw failure() }
        guard bytes[first] != UInt8(ascii: "0") || (digits == 1 && !negative) else { throw failure() }
        offset += 1
        return negative ? -value : value
    }
}
