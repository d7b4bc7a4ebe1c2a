internal import SwarmCore

/// The datagrams that a UDP tracker sends (BEP 15).
public enum UDPTrackerAnswer {
    /// The most peers of an answer: so many of IPv6 fit into a datagram that no network has to fragment.
    public static let peerLimit = 76

    /// A connection id. It is as long as the request, so that a forged sender's address gains nobody anything.
    public static func connect(transaction: UInt32, id: UInt64) -> [UInt8] {
        var bytes = head(0, transaction, capacity: 16)
        bytes.append(bigEndian: id)
        return bytes
    }

    /// The answer to an announce. The peers must be of the family that the asker's datagram came by.
    public static func announce(_ answer: AnnounceAnswer, transaction: UInt32) -> [UInt8] {
        let peers = answer.peers.prefix(peerLimit)
        var bytes = head(1, transaction, capacity: 20 + peers.count * 18)
        bytes.append(bigEndian: UInt32(clamping: answer.interval))
        bytes.append(bigEndian: UInt32(clamping: answer.counts.incomplete))
        bytes.append(bigEndian: UInt32(clamping: answer.counts.complete))
        for peer in peers { peer.append(to: &bytes) }
        return bytes
    }

    /// Counts, in the order of the request.
    public static func scrape(_ counts: [SwarmCounts], transaction: UInt32) -> [UInt8] {
        var bytes = head(2, transaction, capacity: 8 + counts.count * 12)
        for counts in counts {
            bytes.append(bigEndian: UInt32(clamping: counts.complete))
            bytes.append(bigEndian: UInt32(clamping: counts.downloaded))
            bytes.append(bigEndian: UInt32(clamping: counts.incomplete))
        }
        return bytes
    }

    /// A refusal, for a client whose connection id is valid.
    public static func refusal(_ refusal: Refusal, transaction: UInt32) -> [UInt8] {
        head(3, transaction, capacity: 8 + refusal.reason.utf8.count) + Array(refusal.reason.utf8)
    }

    private static func head(_ action: UInt32, _ transaction: UInt32, capacity: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(max(16, capacity))
        bytes.append(bigEndian: action)
        bytes.append(bigEndian: transaction)
        return bytes
    }
}
