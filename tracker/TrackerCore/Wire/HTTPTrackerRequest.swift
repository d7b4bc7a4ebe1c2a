public import SwarmCore

/// A request to an HTTP tracker: `/announce?…` (BEP 3) or `/scrape?…` (BEP 48), with a node's token as a further part of
/// the path: `/announce/TOKEN`.
public enum HTTPTrackerRequest: Hashable, Sendable {
    /// A client tells of itself.
    case announce(Announce, token: String?)
    /// A client asks for counts.
    case scrape([InfoHash], token: String?)

    /// The most torrents of one scrape.
    public static let scrapeLimit = 74
    /// The longest target that is read, in bytes; a scrape of `scrapeLimit` torrents fits.
    public static let targetLimit = 8192

    /// Reads the target of a GET; nil when it is for something else than the tracker.
    public static func parse(target: borrowing Span<UInt8>) throws(Refusal) -> HTTPTrackerRequest? {
        guard let parts = parts(of: target) else { return nil }
        guard target.count <= targetLimit else {
            throw Refusal("the request is longer than \(targetLimit) bytes")
        }
        var query = AnnounceQuery()
        try query.read(target.extracting(parts.query))
        if parts.isScrape {
            guard !query.infoHashes.isEmpty else {
                throw Refusal("a scrape names its torrents: ?info_hash=… for each")
            }
            return .scrape(query.infoHashes, token: parts.token)
        }
        return .announce(try query.announce(), token: parts.token)
    }

    private struct Parts {
        let isScrape: Bool
        let token: String?
        let query: Range<Int>
    }

    private static func parts(of target: borrowing Span<UInt8>) -> Parts? {
        let isScrape: Bool
        var position: Int
        if starts(target, with: "/announce") {
            (isScrape, position) = (false, 9)
        } else if starts(target, with: "/scrape") {
            (isScrape, position) = (true, 7)
        } else {
            return nil
        }
        var token: String?
        if position < target.count, target[position] == UInt8(ascii: "/") {
            position += 1
            var characters: [UInt8] = []
            while position < target.count, target[position] != UInt8(ascii: "?") {
                characters.append(target[position])
                position += 1
            }
            token = String(decoding: characters, as: UTF8.self)
        }
        guard position == target.count || target[position] == UInt8(ascii: "?") else { return nil }
        return Parts(isScrape: isScrape, token: token, query: min(position + 1, target.count)..<target.count)
    }

    private static func starts(_ target: borrowing Span<UInt8>, with text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard target.count >= count else { return false }
        return text.withUTF8Buffer { buffer in
            for index in 0..<count where buffer[index] != target[index] { return false }
            return true
        }
    }
}

/// The parameters that the tracker knows; others are passed over, as BEP 3's extensions rely on.
private struct AnnounceQuery {
    var infoHashes: [InfoHash] = []
    private var hasPeerID = false
    private var port: Int64?
    private var left: Int64?
    private var wanted: Int64?
    private var event = Announce.Event.regular

    mutating func read(_ query: borrowing Span<UInt8>) throws(Refusal) {
        var start = 0
        while start < query.count {
            var equals: Int?
            var end = start
            while end < query.count, query[end] != UInt8(ascii: "&") {
                if equals == nil, query[end] == UInt8(ascii: "=") { equals = end }
                end += 1
            }
            if let equals {
                try take(query.extracting(start..<equals), query.extracting((equals + 1)..<end))
            }
            start = end + 1
        }
    }

    private mutating func take(_ key: borrowing Span<UInt8>, _ value: borrowing Span<UInt8>) throws(Refusal) {
        if Self.equal(key, "info_hash") {
            guard infoHashes.count < HTTPTrackerRequest.scrapeLimit else {
                throw Refusal("a request names at most \(HTTPTrackerRequest.scrapeLimit) torrents")
            }
            guard let hash = Self.infoHash(value) else {
                throw Refusal("info_hash is not 20 bytes in percent-encoding")
            }
            infoHashes.append(hash)
        } else if Self.equal(key, "peer_id") {
            guard Self.decode(value, { _ in }) == 20 else {
                throw Refusal("peer_id is not 20 bytes in percent-encoding")
            }
            hasPeerID = true
        } else if Self.equal(key, "port") {
            port = try Self.number(value, "port")
        } else if Self.equal(key, "left") {
            left = try Self.number(value, "left")
        } else if Self.equal(key, "numwant") {
            // Some clients write -1 for "as you like", as UDP has it.
            wanted = Self.equal(value, "-1") ? nil : try Self.number(value, "numwant")
        } else if Self.equal(key, "event") {
            if let named = Self.event(value) { event = named }
        }
    }

    func announce() throws(Refusal) -> Announce {
        guard infoHashes.count == 1 else { throw Refusal("an announce names one torrent: info_hash=…") }
        guard hasPeerID else { throw Refusal("peer_id is missing") }
        guard let port, let port = UInt16(exactly: port), port > 0 else {
            throw Refusal("port is missing, or not from 1 to 65535")
        }
        // BEP 3 requires it. A client that begins from a magnet link does not know it, and leaves it out or says 1.
        return Announce(
            infoHash: infoHashes[0], port: port, left: left ?? 1, event: event,
            wanted: wanted.map { Int(clamping: $0) })
    }

    private static func event(_ value: borrowing Span<UInt8>) -> Announce.Event? {
        if equal(value, "started") { return .started }
        if equal(value, "stopped") { return .stopped }
        if equal(value, "completed") { return .completed }
        if equal(value, "paused") { return .paused }
        return nil
    }

    private static func equal(_ bytes: borrowing Span<UInt8>, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { buffer in
            for index in buffer.indices where buffer[index] != bytes[index] { return false }
            return true
        }
    }

    private static func number(_ value: borrowing Span<UInt8>, _ name: String) throws(Refusal) -> Int64 {
        // Eighteen digits cannot overflow, and no tree has as many bytes.
        guard (1...18).contains(value.count) else { throw Refusal("\(name) is not a number") }
        var number: Int64 = 0
        for index in value.indices {
            guard (0x30...0x39).contains(value[index]) else { throw Refusal("\(name) is not a number") }
            number = number * 10 + Int64(value[index] - 0x30)
        }
        return number
    }

    private static func infoHash(_ value: borrowing Span<UInt8>) -> InfoHash? {
        var (high, middle, low): (UInt64, UInt64, UInt64) = (0, 0, 0)
        // As in a shift register: what leaves one word enters the one above.
        let count = decode(value) { byte in
            high = high << 8 | middle >> 56
            middle = middle << 8 | low >> 24
            low = (low << 8 | UInt64(byte)) & 0xffff_ffff
        }
        return count == InfoHash.byteCount ? InfoHash(high: high, middle: middle, low: UInt32(low)) : nil
    }

    /// Hands over the bytes behind a percent-encoding. Returns how many there were; nil for a broken encoding.
    private static func decode(_ value: borrowing Span<UInt8>, _ body: (UInt8) -> Void) -> Int? {
        var index = 0
        var count = 0
        while index < value.count {
            if value[index] == UInt8(ascii: "%") {
                guard index + 2 < value.count, let high = digit(value[index + 1]), let low = digit(value[index + 2])
                else { return nil }
                body(high << 4 | low)
                index += 3
            } else {
                body(value[index])
                index += 1
            }
            count += 1
        }
        return count
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
