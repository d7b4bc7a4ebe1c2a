public import SwarmCore

/// What a client tells of itself for one torrent (BEP 3), by whichever protocol.
///
/// Its address is the one that the request comes from. Addresses that a request names (`ip`, `ipv4`, `ipv6`) are passed
/// over: with them, anyone could send a swarm to a third party's door.
public struct Announce: Hashable, Sendable {
    /// Why a client announces.
    public enum Event: Hashable, Sendable {
        /// The interval has passed.
        case regular
        /// It has begun.
        case started
        /// It goes away.
        case stopped
        /// It has just received the last piece.
        case completed
        /// It has what it wants, which is not everything (BEP 21).
        case paused
    }

    /// The swarm.
    public var infoHash: InfoHash
    /// Where it takes connections.
    public var port: UInt16
    /// Bytes that it has yet to receive.
    public var left: Int64
    /// Why it announces.
    public var event: Event
    /// How many peers it asks for; nil for as many as the tracker sees fit.
    public var wanted: Int?

    /// Every part given.
    public init(infoHash: InfoHash, port: UInt16, left: Int64, event: Event = .regular, wanted: Int? = nil) {
        self.infoHash = infoHash
        self.port = port
        self.left = left
        self.event = event
        self.wanted = wanted
    }
}

/// Where a peer takes connections.
public struct PeerEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// IPv4 or IPv6.
    public let address: IPAddress
    /// Of TCP.
    public let port: UInt16

    /// Both parts given.
    public init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// `ADDRESS:PORT`, with brackets for IPv6.
    public var description: String { Endpoint(host: address.description, port: port).description }

    /// Appends the address and the port as compact answers have them (BEP 23, BEP 7): 6 bytes for IPv4, 18 for IPv6.
    func append(to bytes: inout [UInt8]) {
        if let v4 = address.v4 {
            bytes.append(bigEndian: v4)
        } else {
            bytes.append(bigEndian: address.high)
            bytes.append(bigEndian: address.low)
        }
        bytes.append(bigEndian: port)
    }
}

/// The counts of a swarm, as a scrape tells them (BEP 48).
public struct SwarmCounts: Hashable, Sendable {
    /// Peers that have everything.
    public var complete: Int
    /// All other peers.
    public var incomplete: Int
    /// Of the incomplete ones, those that still want something (BEP 21).
    public var downloaders: Int
    /// How often a peer has said that it completed.
    public var downloaded: Int

    /// Every part given.
    public init(complete: Int = 0, incomplete: Int = 0, downloaders: Int = 0, downloaded: Int = 0) {
        self.complete = complete
        self.incomplete = incomplete
        self.downloaders = downloaders
        self.downloaded = downloaded
    }
}

/// What an announce is answered with.
public struct AnnounceAnswer: Hashable, Sendable {
    /// Seconds until the client should announce again.
    public var interval: Int
    /// Seconds until it may.
    public var minInterval: Int
    /// Of the swarm.
    public var counts: SwarmCounts
    /// Other peers, the asker not among them.
    public var peers: [PeerEndpoint]

    /// Every part given.
    public init(interval: Int, minInterval: Int, counts: SwarmCounts, peers: [PeerEndpoint]) {
        self.interval = interval
        self.minInterval = minInterval
        self.counts = counts
        self.peers = peers
    }
}

/// Why a request is not answered with peers: a reason for people, and when to ask again.
public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// When the client should try again (BEP 31).
    public enum Retry: Hashable, Sendable {
        /// The same request will be refused again.
        case never
        /// In so many minutes.
        case minutes(Int)
        /// As clients do after a failure: in seconds at first, and less and less often.
        case unsaid
    }

    /// In words, with advice.
    public let reason: String
    /// When to try again.
    public let retry: Retry

    /// Both parts given.
    public init(_ reason: String, retry: Retry = .never) {
        self.reason = reason
        self.retry = retry
    }

    /// The reason.
    public var description: String { reason }
}

extension Array where Element == UInt8 {
    /// Appends a number, its highest byte first. Inlined, or the loop would run for any width.
    @inline(__always)
    mutating func append<Number: FixedWidthInteger>(bigEndian number: Number) {
        var shift = Number.bitWidth - 8
        while shift >= 0 {
            append(UInt8(truncatingIfNeeded: number >> Number(shift)))
            shift -= 8
        }
    }
}
