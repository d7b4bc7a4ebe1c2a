internal import SwarmCore

/// One peer of a swarm, in 40 bytes.
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

    /// A keyed hash of the endpoint and the torrent, which orders the peers of a region and finds a peer again.
    let rank: UInt64
    let address: IPAddress
    let port: UInt16
    var roles: Roles
    var place: PlaceID
    /// Seconds of the tracker's clock.
    var lastSeen: UInt32
    /// The lower half of what it has yet to receive: whether it has received anything since shows by it.
    var left: UInt32

    var endpoint: PeerEndpoint { PeerEndpoint(address: address, port: port) }
    /// Whether it still takes what others have.
    var isDownloading: Bool { roles.isDisjoint(with: [.complete, .paused]) }
    /// Whether its region is fed by it.
    var isGateway: Bool { isDownloading && roles.contains(.gateway) }
}

/// The peers of a swarm in one region.
struct RegionPeers: Sendable {
    let region: RegionID
    /// Ascending by rank.
    private(set) var peers: [Peer] = []

    init(region: RegionID) { self.region = region }

    var isEmpty: Bool { peers.isEmpty }

    /// Where the peer of a rank is, or would be.
    func position(of rank: UInt64) -> (index: Int, isThere: Bool) {
        var (low, high) = (0, peers.count)
        while low < high {
            let middle = (low + high) / 2
            if peers[middle].rank < rank { low = middle + 1 } else { high = middle }
        }
        return (low, low < peers.count && peers[low].rank == rank)
    }

    /// Adds a peer or replaces the one with its rank, which is returned.
    @discardableResult
    mutating func put(_ peer: Peer) -> Peer? {
        let (index, isThere) = position(of: peer.rank)
        let previous = isThere ? peers[index] : nil
        if isThere { peers[index] = peer } else { peers.insert(peer, at: index) }
        return previous
    }

    /// Takes a peer away, if it is there.
    @discardableResult
    mutating func remove(rank: UInt64) -> Peer? {
        let (index, isThere) = position(of: rank)
        guard isThere else { return nil }
        return peers.remove(at: index)
    }

    /// Takes away all that were not seen since `moment`.
    mutating func removeAll(before moment: UInt32) -> [Peer] {
        let gone = peers.filter { $0.lastSeen < moment }
        if !gone.isEmpty { peers.removeAll { $0.lastSeen < moment } }
        return gone
    }
}

/// The peers of one torrent: those of each region, and apart from all regions the masters' seeds.
struct Swarm: Sendable {
    /// Makes the ranks of this torrent others than those of the next.
    let salt: UInt64
    /// In the order in which regions were met.
    private(set) var regions: [RegionPeers] = []
    /// Seeds of the master; few.
    private(set) var masters: [Peer] = []
    private(set) var counts = SwarmCounts()

    init(salt: UInt64) { self.salt = salt }

    var isEmpty: Bool { regions.isEmpty && masters.isEmpty }
    var peerCount: Int { counts.complete + counts.incomplete }

    func peers(of region: RegionID) -> RegionPeers? { regions.first { $0.region == region } }

    func contains(rank: UInt64, region: RegionID) -> Bool {
        masters.contains { $0.rank == rank } || peers(of: region)?.position(of: rank).isThere == true
    }

    /// Adds or renews a peer. Returns it as it was; nil for a new one.
    mutating func put(_ peer: Peer, region: RegionID, isMaster: Bool) -> Peer? {
        // Few peers ever change sides: a node whose address the feed begins to name, or ceases to.
        var previous: Peer?
        if let index = masters.firstIndex(where: { $0.rank == peer.rank }) { previous = masters.remove(at: index) }
        if isMaster {
            if previous == nil { previous = removeFromRegion(rank: peer.rank, region: region) }
            masters.append(peer)
        } else {
            let index = regions.firstIndex { $0.region == region } ?? regions.count
            if index == regions.count { regions.append(RegionPeers(region: region)) }
            let renewed = regions[index].put(peer)
            previous = previous ?? renewed
        }
        if let previous { count(previous, -1) }
        count(peer, 1)
        return previous
    }

    /// Takes a peer away, if it is there.
    mutating func remove(rank: UInt64, region: RegionID) {
        if let index = masters.firstIndex(where: { $0.rank == rank }) {
            count(masters.remove(at: index), -1)
        } else if let peer = removeFromRegion(rank: rank, region: region) {
            count(peer, -1)
        }
    }

    private mutating func removeFromRegion(rank: UInt64, region: RegionID) -> Peer? {
        guard let index = regions.firstIndex(where: { $0.region == region }) else { return nil }
        let peer = regions[index].remove(rank: rank)
        if regions[index].isEmpty { regions.remove(at: index) }
        return peer
    }

    /// Takes away all that were not seen since `moment`.
    mutating func removeAll(before moment: UInt32) {
        for index in regions.indices { for peer in regions[index].removeAll(before: moment) { count(peer, -1) } }
        regions.removeAll { $0.isEmpty }
        for peer in masters where peer.lastSeen < moment { count(peer, -1) }
        masters.removeAll { $0.lastSeen < moment }
    }

    mutating func countCompletion() { counts.downloaded += 1 }

    private mutating func count(_ peer: Peer, _ step: Int) {
        if peer.roles.contains(.complete) {
            counts.complete += step
        } else {
            counts.incomplete += step
            if peer.isDownloading { counts.downloaders += step }
        }
    }
}
