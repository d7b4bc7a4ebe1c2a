internal import SwarmCore

/// The peers of a swarm in one region.
struct RegionPeers: Sendable {
    let region: RegionID
    private var v4 = PeerList<UInt32>()
    private var v6 = PeerList<IPAddress>()
    /// How many have everything.
    private(set) var seedCount = 0
    /// How many hear of far peers for the others.
    private(set) var gatewayCount = 0

    init(region: RegionID) { self.region = region }

    var isEmpty: Bool { count == 0 }
    var count: Int { v4.count + v6.count }

    /// A peer by its number: in the order of ranks, IPv4 first.
    subscript(index: Int) -> Peer { index < v4.count ? v4[index] : v6[index - v4.count] }

    /// The numbers of the peers of a family; nil for both.
    func indices(of family: Asker.Family?) -> Range<Int> {
        switch family {
        case .v4: 0..<v4.count
        case .v6: v4.count..<count
        case nil: 0..<count
        }
    }

    /// The peer of an endpoint, whose rank is given.
    func peer(_ rank: UInt32, _ endpoint: PeerEndpoint) -> Peer? {
        if endpoint.address.isV4 {
            let (index, isThere) = v4.position(of: rank, endpoint)
            return isThere ? v4[index] : nil
        }
        let (index, isThere) = v6.position(of: rank, endpoint)
        return isThere ? v6[index] : nil
    }

    /// All gateways.
    var gateways: [Peer] {
        var found: [Peer] = []
        var index = 0
        while found.count < gatewayCount, index < count {
            let peer = self[index]
            if peer.isGateway { found.append(peer) }
            index += 1
        }
        return found
    }

    /// Calls `body` with the endpoint of every peer of a family; nil for both.
    func forEachEndpoint(_ family: Asker.Family?, _ body: (PeerEndpoint, Peer.Roles) -> Void) {
        if family != .v6 { for peer in v4.peers { body(peer.endpoint, peer.roles) } }
        if family != .v4 { for peer in v6.peers { body(peer.endpoint, peer.roles) } }
    }

    /// Adds a peer or replaces the one with its endpoint, which is returned.
    @discardableResult
    mutating func put(_ peer: Peer) -> Peer? {
        let previous = peer.endpoint.address.isV4 ? v4.put(peer) : v6.put(peer)
        if let previous { note(previous, -1) }
        note(peer, 1)
        return previous
    }

    /// Takes a peer away, if it is there.
    @discardableResult
    mutating func remove(_ rank: UInt32, _ endpoint: PeerEndpoint) -> Peer? {
        let removed = endpoint.address.isV4 ? v4.remove(rank, endpoint) : v6.remove(rank, endpoint)
        if let removed { note(removed, -1) }
        return removed
    }

    /// Takes away all whose last announce is older than `age` seconds.
    mutating func removeAll(olderThan age: Int, now: Int) -> [Peer] {
        let gone = v4.removeAll(olderThan: age, now: now) + v6.removeAll(olderThan: age, now: now)
        for peer in gone { note(peer, -1) }
        return gone
    }

    private mutating func note(_ peer: Peer, _ step: Int) {
        if peer.roles.contains(.complete) { seedCount += step }
        if peer.isGateway { gatewayCount += step }
    }
}
