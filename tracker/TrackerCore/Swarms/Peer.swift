internal import SwarmCore

/// One peer of a swarm, as decisions see it. It is kept as a `PackedPeer`.
struct Peer: Sendable {
    /// Flags of what a peer is.
    struct Roles: OptionSet, Sendable {
        let rawValue: UInt8
        /// It has everything.
        static let complete = Roles(rawValue: 1)
        /// It wants nothing more, although it has not everything (BEP 21).
        static let paused = Roles(rawValue: 2)
        /// It hears of far peers, for its region.
        static let gateway = Roles(rawValue: 4)
    }

    /// A keyed hash of the endpoint and the torrent, which orders the peers of a region.
    let rank: UInt32
    let endpoint: PeerEndpoint
    var roles: Roles
    var place: PlaceID
    /// The lower half of the second, by the tracker's clock, in which it announced last. Who was silent for half a day is
    /// gone before the halves begin anew.
    var lastSeen: UInt16
    /// Of what it has yet to receive: whether it has received anything since shows by it.
    var progress: Progress

    /// Thirteen bits that change, but for one case in eight thousand, whenever a number of bytes does.
    struct Progress: Hashable, Sendable {
        let rawValue: UInt16

        init(left: Int64) {
            // Fibonacci hashing: whole pieces are multiples of a power of two, and differ in the upper bits of the product.
            rawValue = UInt16((UInt64(bitPattern: left) &* 0x9e37_79b9_7f4a_7c15) >> 51)
        }

        init(rawValue: UInt16) { self.rawValue = rawValue }
    }

    /// Whether it still takes what others have.
    var isDownloading: Bool { roles.isDisjoint(with: [.complete, .paused]) }
    /// Whether its region is fed by it.
    var isGateway: Bool { isDownloading && roles.contains(.gateway) }

    /// Seconds since it announced last.
    func age(now: Int) -> Int { Int(UInt16(truncatingIfNeeded: now) &- lastSeen) }
}

/// An address in the least bytes that its family takes.
protocol PackedAddress: Equatable, Sendable {
    /// The address must be of this family.
    init(_ address: IPAddress)
    var unpacked: IPAddress { get }
}

extension UInt32: PackedAddress {
    init(_ address: IPAddress) { self.init(truncatingIfNeeded: address.low) }
    var unpacked: IPAddress { IPAddress(v4: self) }
}

extension IPAddress: PackedAddress {
    init(_ address: IPAddress) { self = address }
    var unpacked: IPAddress { self }
}

/// A peer as it is kept: in 16 bytes with an IPv4 address, in 32 with one of IPv6.
struct PackedPeer<Address: PackedAddress>: Sendable {
    let address: Address
    let rank: UInt32
    let port: UInt16
    let place: PlaceID
    let lastSeen: UInt16
    /// The roles, and above them the progress.
    private let rolesAndProgress: UInt16

    init(_ peer: Peer) {
        address = Address(peer.endpoint.address)
        rank = peer.rank
        port = peer.endpoint.port
        place = peer.place
        lastSeen = peer.lastSeen
        rolesAndProgress = UInt16(peer.roles.rawValue) | peer.progress.rawValue << 3
    }

    var roles: Peer.Roles { Peer.Roles(rawValue: UInt8(truncatingIfNeeded: rolesAndProgress & 7)) }

    var endpoint: PeerEndpoint { PeerEndpoint(address: address.unpacked, port: port) }

    var unpacked: Peer {
        Peer(
            rank: rank, endpoint: endpoint, roles: roles, place: place, lastSeen: lastSeen,
            progress: Peer.Progress(rawValue: rolesAndProgress >> 3))
    }
}
