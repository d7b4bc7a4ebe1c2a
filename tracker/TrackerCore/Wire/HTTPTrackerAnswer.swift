public import SwarmCore

/// The bencoded bodies of an HTTP tracker's answers. Their keys are few and fixed, so each is written in place, in the
/// ascending order that bencoding asks for.
public enum HTTPTrackerAnswer {
    /// The answer to an announce: always compact (BEP 23), with both families (BEP 7), and with the address that the
    /// client was seen at (BEP 24).
    public static func announce(_ answer: AnnounceAnswer, seenAt address: IPAddress) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(160 + answer.peers.count * 18)
        bytes.append("d")
        bytes.append(key: "complete", answer.counts.complete)
        bytes.append(key: "downloaded", answer.counts.downloaded)
        bytes.append(key: "downloaders", answer.counts.downloaders)
        bytes.append(key: "external ip", address.bytes)
        bytes.append(key: "incomplete", answer.counts.incomplete)
        bytes.append(key: "interval", answer.interval)
        bytes.append(key: "min interval", answer.minInterval)
        let v4Count = answer.peers.count { $0.address.isV4 }
        bytes.append("5:peers")
        bytes.append(decimal: v4Count * 6)
        bytes.append(":")
        for peer in answer.peers where peer.address.isV4 { peer.append(to: &bytes) }
        if v4Count < answer.peers.count {
            bytes.append("6:peers6")
            bytes.append(decimal: (answer.peers.count - v4Count) * 18)
            bytes.append(":")
            for peer in answer.peers where !peer.address.isV4 { peer.append(to: &bytes) }
        }
        bytes.append("e")
        return bytes
    }

    /// The answer to a scrape (BEP 48), with the downloaders of BEP 21. Each torrent once.
    public static func scrape(_ counts: [(InfoHash, SwarmCounts)]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append("d5:filesd")
        var last: InfoHash?
        for (hash, counts) in counts.sorted(by: { $0.0 < $1.0 }) where hash != last {
            last = hash
            bytes.append("20:")
            bytes += hash.bytes
            bytes.append("d")
            bytes.append(key: "complete", counts.complete)
            bytes.append(key: "downloaded", counts.downloaded)
            bytes.append(key: "downloaders", counts.downloaders)
            bytes.append(key: "incomplete", counts.incomplete)
            bytes.append("e")
        }
        bytes.append("ee")
        return bytes
    }

    /// A refusal, with the time of the next attempt (BEP 31) unless that is the client's affair.
    public static func refusal(_ refusal: Refusal) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append("d")
        bytes.append(key: "failure reason", Array(refusal.reason.utf8))
        switch refusal.retry {
        case .never: bytes.append(key: "retry in", Array("never".utf8))
        case .minutes(let minutes): bytes.append(key: "retry in", minutes)
        case .unsaid: break
        }
        bytes.append("e")
        return bytes
    }
}

extension Array where Element == UInt8 {
    fileprivate mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { append(contentsOf: $0) }
    }

    fileprivate mutating func append(key: StaticString, _ value: Int) {
        append(decimal: key.utf8CodeUnitCount)
        append(":")
        append(key)
        append("i")
        append(decimal: value)
        append("e")
    }

    fileprivate mutating func append(key: StaticString, _ value: [UInt8]) {
        append(decimal: key.utf8CodeUnitCount)
        append(":")
        append(key)
        append(decimal: value.count)
        append(":")
        self += value
    }

    /// Appends a number that is not negative.
    fileprivate mutating func append(decimal number: Int) {
        let start = count
        var rest = number
        repeat {
            append(0x30 + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        self[start...].reverse()
    }
}
