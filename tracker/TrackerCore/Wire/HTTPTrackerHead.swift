/// The head of a request to an HTTP tracker, as far as an answer depends on it. It is found where it lies, without a copy:
/// trackers get many requests, and each is small.
public struct HTTPTrackerHead: Hashable, Sendable {
    /// Where the target is.
    public let target: Range<Int>
    /// Bytes of the head, with the empty line at its end.
    public let length: Int
    /// Whether the client wants to ask more by the same connection.
    public let isKeptAlive: Bool

    /// What bytes at the beginning of a request are.
    public enum Reading: Hashable, Sendable {
        /// A head.
        case head(HTTPTrackerHead)
        /// The beginning of one.
        case incomplete
        /// Something else, or something unusual: a full parser of HTTP is to judge.
        case other
    }

    /// The longest head that is read.
    public static let limit = 16_384

    /// Reads the beginning of `bytes`, which may go on behind the head. A head that is read is beyond doubt: it has no
    /// body, no folded line, and no character that parsers disagree about.
    public static func read(_ bytes: borrowing Span<UInt8>) -> Reading {
        guard mayBegin(bytes, "GET /announce") || mayBegin(bytes, "GET /scrape") else { return .other }
        guard let first = line(bytes, from: 0) else {
            return bytes.count < limit && !hasBareLineFeed(bytes) ? .incomplete : .other
        }
        let version = first.upperBound - 9
        guard version > 4, equal(bytes, version..<(first.upperBound - 1), " http/1.") else { return .other }
        let isFirstVersion = bytes[first.upperBound - 1] == UInt8(ascii: "1")
        guard isFirstVersion || bytes[first.upperBound - 1] == UInt8(ascii: "0") else { return .other }
        for index in 4..<version where !(0x21...0x7e).contains(bytes[index]) { return .other }
        var (isClosing, isKept) = (false, isFirstVersion)
        var start = first.upperBound + 2
        while let header = line(bytes, from: start) {
            start = header.upperBound + 2
            guard start <= limit else { return .other }
            if header.isEmpty {
                return .head(HTTPTrackerHead(target: 4..<version, length: start, isKeptAlive: isKept && !isClosing))
            }
            switch field(bytes, header) {
            case .harmless: break
            case .keepAlive: isKept = true
            case .close: isClosing = true
            case .doubtful: return .other
            }
        }
        return bytes.count < limit && !hasBareLineFeed(bytes) ? .incomplete : .other
    }

    private enum Field { case harmless, keepAlive, close, doubtful }

    private static func field(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> Field {
        var colon = range.lowerBound
        while colon < range.upperBound, bytes[colon] != UInt8(ascii: ":") {
            // A name has no spaces; a line that begins with one goes on with the one before.
            guard (0x21...0x7e).contains(bytes[colon]) else { return .doubtful }
            colon += 1
        }
        guard colon > range.lowerBound, colon < range.upperBound else { return .doubtful }
        var value = (colon + 1)..<range.upperBound
        for index in value where bytes[index] < 0x20 && bytes[index] != 0x09 || bytes[index] == 0x7f {
            return .doubtful
        }
        let name = range.lowerBound..<colon
        if equal(bytes, name, "connection") {
            while value.count > 0, bytes[value.lowerBound] == 0x20 { value = (value.lowerBound + 1)..<value.upperBound }
            while value.count > 0, bytes[value.upperBound - 1] == 0x20 {
                value = value.lowerBound..<(value.upperBound - 1)
            }
            if equal(bytes, value, "close") { return .close }
            return equal(bytes, value, "keep-alive") ? .keepAlive : .doubtful
        }
        // These say that there is a body, or that another protocol follows.
        let isDecisive =
            equal(bytes, name, "content-length") || equal(bytes, name, "transfer-encoding")
            || equal(bytes, name, "upgrade") || equal(bytes, name, "expect")
        return isDecisive ? .doubtful : .harmless
    }

    /// The line from `start`, without its end; nil when the end is not there yet. A line feed alone ends no line: it is
    /// then within one, where it is doubtful.
    private static func line(_ bytes: borrowing Span<UInt8>, from start: Int) -> Range<Int>? {
        var index = start
        while index + 1 < bytes.count {
            if bytes[index] == 0x0d, bytes[index + 1] == 0x0a { return start..<index }
            index += 1
        }
        return nil
    }

    /// Whether a line ends without a carriage return, as hand-written requests do.
    private static func hasBareLineFeed(_ bytes: borrowing Span<UInt8>) -> Bool {
        for index in 0..<bytes.count where bytes[index] == 0x0a && (index == 0 || bytes[index - 1] != 0x0d) {
            return true
        }
        return false
    }

    /// Whether the bytes begin with a text, as far as they go.
    private static func mayBegin(_ bytes: borrowing Span<UInt8>, _ text: StaticString) -> Bool {
        let count = min(bytes.count, text.utf8CodeUnitCount)
        return text.withUTF8Buffer { text in
            for index in 0..<count where bytes[index] != text[index] { return false }
            return true
        }
    }

    /// Whether letters of either case spell a text in lower case.
    private static func equal(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
        guard range.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { text in
            for index in 0..<text.count {
                let byte = bytes[range.lowerBound + index]
                guard ((0x41...0x5a).contains(byte) ? byte | 0x20 : byte) == text[index] else { return false }
            }
            return true
        }
    }
}
