public import SwarmCore

/// A datagram to a UDP tracker (BEP 15).
public enum UDPTrackerRequest: Hashable, Sendable {
    /// Asks for a connection id.
    case connect(transaction: UInt32)
    /// A client tells of itself; the token is from the path of the announce URL (BEP 41).
    case announce(Announce, connection: UInt64, transaction: UInt32, token: String?)
    /// A client asks for counts.
    case scrape([InfoHash], connection: UInt64, transaction: UInt32)
    /// A request with a connection id that cannot be carried out.
    case invalid(String, connection: UInt64, transaction: UInt32)

    /// The first eight bytes of a connect.
    static let magic: UInt64 = 0x417_2710_1980
    /// The most torrents of one scrape.
    public static let scrapeLimit = 74

    /// Reads a datagram; nil when it is nothing that a client of this protocol sends, and so gets no answer.
    public init?(_ bytes: borrowing Span<UInt8>) {
        guard bytes.count >= 16 else { return nil }
        let connection: UInt64 = Self.number(bytes, at: 0)
        let action: UInt32 = Self.number(bytes, at: 8)
        let transaction: UInt32 = Self.number(bytes, at: 12)
        switch action {
        case 0:
            guard connection == Self.magic else { return nil }
            self = .connect(transaction: transaction)
        case 1: self = Self.announce(bytes, connection, transaction)
        case 2: self = Self.scrape(bytes, connection, transaction)
        default: return nil
        }
    }

    private static func announce(
        _ bytes: borrowing Span<UInt8>, _ connection: UInt64, _ transaction: UInt32
    ) -> UDPTrackerRequest {
        func invalid(_ reason: String) -> UDPTrackerRequest {
            .invalid(reason, connection: connection, transaction: transaction)
        }
        guard bytes.count >= 98 else { return invalid("an announce has 98 bytes at least") }
        let left: Int64 = number(bytes, at: 64)
        let eventNumber: UInt32 = number(bytes, at: 80)
        let wanted: Int32 = number(bytes, at: 92)
        let port: UInt16 = number(bytes, at: 96)
        guard port > 0 else { return invalid("port 0 cannot be connected to") }
        let event: Announce.Event
        switch eventNumber {
        case 1: event = .completed
        case 2: event = .started
        case 3: event = .stopped
        // What libtorrent sends for BEP 21's event.
        case 4: event = .paused
        default: event = .regular
        }
        let announce = Announce(
            infoHash: infoHash(bytes, at: 16), port: port, left: max(0, left), event: event,
            wanted: wanted < 0 ? nil : Int(wanted))
        return .announce(
            announce, connection: connection, transaction: transaction, token: token(bytes.extracting(98...)))
    }

    private static func scrape(
        _ bytes: borrowing Span<UInt8>, _ connection: UInt64, _ transaction: UInt32
    ) -> UDPTrackerRequest {
        let count = (bytes.count - 16) / 20
        guard (1...scrapeLimit).contains(count) else {
            return .invalid(
                "a scrape names 1 to \(scrapeLimit) torrents", connection: connection, transaction: transaction)
        }
        var hashes: [InfoHash] = []
        for index in 0..<count { hashes.append(infoHash(bytes, at: 16 + index * 20)) }
        return .scrape(hashes, connection: connection, transaction: transaction)
    }

    /// The token in the options behind an announce: the path of the announce URL, which may come in several parts.
    private static func token(_ options: borrowing Span<UInt8>) -> String? {
        var target: [UInt8] = []
        var index = 0
        scan: while index < options.count {
            switch options[index] {
            case 0: break scan
            case 1: index += 1
            case let option:
                guard index + 1 < options.count else { break scan }
                let end = index + 2 + Int(options[index + 1])
                guard end <= options.count else { break scan }
                if option == 2 { target += slice(options, (index + 2)..<end) }
                index = end
            }
        }
        guard !target.isEmpty else { return nil }
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        let segments = path.split(separator: UInt8(ascii: "/"))
        guard segments.count == 2, segments[0].elementsEqual("announce".utf8) else { return nil }
        return String(decoding: segments[1], as: UTF8.self)
    }

    private static func infoHash(_ bytes: borrowing Span<UInt8>, at offset: Int) -> InfoHash {
        InfoHash(
            high: number(bytes, at: offset), middle: number(bytes, at: offset + 8), low: number(bytes, at: offset + 16))
    }

    private static func slice(_ bytes: borrowing Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(range.count)
        for index in range { result.append(bytes[index]) }
        return result
    }

    /// A big-endian number. Inlined, or the loop would run for any width.
    @inline(__always)
    private static func number<Number: FixedWidthInteger>(_ bytes: borrowing Span<UInt8>, at offset: Int) -> Number {
        var number: Number = 0
        for index in offset..<(offset + Number.bitWidth / 8) {
            number = number << 8 | Number(truncatingIfNeeded: bytes[index])
        }
        return number
    }
}
