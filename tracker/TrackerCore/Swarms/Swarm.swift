internal import SwarmCore

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

    func contains(_ rank: UInt32, _ endpoint: PeerEndpoint, region: RegionID) -> Bool {
        masters.contains { $0.endpoint == endpoint } || peers(of: region)?.peer(rank, endpoint) != nil
    }

    /// Adds or renews a peer. Returns it as it was; nil for a new one.
    mutating func put(_ peer: Peer, region: RegionID, isMaster: Bool) -> Peer? {
        // Few peers ever change sides: a node whose address the feed begins to name, or ceases to.
        var previous: Peer?
        if let index = masters.firstIndex(where: { $0.endpoint == peer.endpoint }) {
            previous = masters.remove(at: index)
        }
        if isMaster {
            if previous == nil { previous = removeFromRegion(peer.rank, peer.endpoint, region: region) }
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
    mutating func remove(_ rank: UInt32, _ endpoint: PeerEndpoint, region: RegionID) {
        if let index = masters.firstIndex(where: { $0.endpoint == endpoint }) {
            count(masters.remove(at: index), -1)
        } else if let peer = removeFromRegion(rank, endpoint, region: region) {
            count(peer, -1)
        }
    }

    private mutating func removeFromRegion(_ rank: UInt32, _ endpoint: PeerEndpoint, region: RegionID) -> Peer? {
        guard let index = regions.firstIndex(where: { $0.region == region }) else { return nil }
        let peer = regions[index].remove(rank, endpoint)
        if regions[index].isEmpty { regions.remove(at: index) }
        return peer
    }

    /// Takes away all whose last announce is older than `age` seconds.
    mutating func removeAll(olderThan age: Int, now: Int) {
        for index in regions.indices {
            for peer in regions[index].removeAll(olderThan: age, now: now) { count(peer, -1) }
        }
        regions.removeAll { $0.isEmpty }
        for peer in masters where peer.age(now: now) > age { count(peer, -1) }
        masters.removeAll { $0.age(now: now) > age }
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
