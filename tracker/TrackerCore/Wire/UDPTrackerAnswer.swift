internal import SwarmCore

/// The datagrams that a UDP tracker sends (BEP 15).
public enum UDPTrackerAnswer {
    /// The most peers of an answer: so many of IPv6 fit into a datagram that no network has to fragment.
    public static let peerLimit = 76

    /// Appends a connection id. It is as long as the request, so that a forged sender's address gains nobody anything.
    public static func connect(transaction: UInt32, id: UInt64, to bytes: inout [UInt8]) {
        bytes.append(action: 0, transaction)
        bytes.append(bigEndian: id)
    }

    /// Appends the answer to an announce. The peers must be of the family that the asker's datagram came by.
    public static func announce(_ answer: AnnounceAnswer, transaction: UInt32, to bytes: inout [UInt8]) {
        bytes.append(action: 1, transaction)
        bytes.append(bigEndian: UInt32(clamping: answer.interval))
        bytes.append(bigEndian: UInt32(clamping: answer.counts.incomplete))
        bytes.append(bigEndian: UInt32(clamping: answer.counts.complete))
        for peer in answer.peers.prefix(peerLimit) { peer.append(to: &bytes) }
    }

    /// Appends counts, in the order of the request.
    public static func scrape(_ counts: [SwarmCounts], transaction: UInt32, to bytes: inout [UInt8]) {
        bytes.append(action: 2, transaction)
        for counts in counts {
            bytes.append(bigEndian: UInt32(clamping: counts.complete))
            bytes.append(bigEndian: UInt32(clamping: counts.downloaded))
            bytes.append(bigEndian: UInt32(clamping: counts.incomplete))
        }
    }

    /// Appends a refusal, for a client whose connection id is valid.
    public static func refusal(_ refusal: Refusal, transaction: UInt32, to bytes: inout [UInt8]) {
        bytes.append(action: 3, transaction)
        bytes += refusal.reason.utf8
    }
}

extension Array where Element == UInt8 {
    fileprivate mutating func append(action: UInt32, _ transaction: UInt32) {
        append(bigEndian: action)
        append(bigEndian: transaction)
    }
}
