internal import Algorithms
internal import SwarmCore

/// Peers of one family in the order of their ranks.
struct PeerList<Address: PackedAddress>: Sendable {
    private(set) var peers: [PackedPeer<Address>] = []

    var count: Int { peers.count }

    subscript(index: Int) -> Peer { peers[index].unpacked }

    /// Where a peer is, or where it would be.
    func position(of rank: UInt32, _ endpoint: PeerEndpoint) -> (index: Int, isThere: Bool) {
        var index = peers.partitioningIndex { $0.rank >= rank }
        // Few have the same rank as another one.
        let address = Address(endpoint.address)
        while index < peers.count, peers[index].rank == rank {
            if peers[index].address == address, peers[index].port == endpoint.port { return (index, true) }
            index += 1
        }
        return (index, false)
    }

    /// Adds a peer or replaces it, and returns it as it was.
    mutating func put(_ peer: Peer) -> Peer? {
        let (index, isThere) = position(of: peer.rank, peer.endpoint)
        if isThere {
            let previous = peers[index].unpacked
            peers[index] = PackedPeer(peer)
            return previous
        }
        // An array that grows by itself doubles, and half of it lies empty.
        if peers.count == peers.capacity { peers.reserveCapacity(peers.count + peers.count / 8 + 4) }
        peers.insert(PackedPeer(peer), at: index)
        return nil
    }

    /// Takes a peer away, if it is there.
    mutating func remove(_ rank: UInt32, _ endpoint: PeerEndpoint) -> Peer? {
        let (index, isThere) = position(of: rank, endpoint)
        return isThere ? peers.remove(at: index).unpacked : nil
    }

    /// Takes away all whose last announce is older than `age` seconds.
    mutating func removeAll(olderThan age: Int, now: Int) -> [Peer] {
        func isOld(_ peer: PackedPeer<Address>) -> Bool { peer.unpacked.age(now: now) > age }
        let gone = peers.filter(isOld).map(\.unpacked)
        guard !gone.isEmpty else { return [] }
        let rest = peers.filter { !isOld($0) }
        // The new array is as large as what it holds.
        peers = []
        peers.reserveCapacity(rest.count)
        peers += rest
        return gone
    }
}
