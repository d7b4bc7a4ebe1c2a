internal import SwarmCore

/// Which peers an announce is answered with: near ones, and so many far ones that no region starves.
///
/// Peers that learn of each other connect, and what is connected exchanges pieces; so each piece crosses between two
/// regions about as often as there are links that it can cross by (Bindal et al., "Improving Traffic Locality in
/// BitTorrent via Biased Neighbor Selection", 2006). Therefore:
///
/// - All peers hear of the near ones, those of their own region, and of the nearest first where there are too many.
/// - A few downloading peers of each region, its *gateways*, hear of far peers as well: of the master's seeds, of seeds,
///   and of other regions' gateways, in all regions in turn.
/// - Of the master's seeds only gateways hear, so that they are shared evenly among the regions; the master's own region
///   is no exception.
/// - A peer that has received nothing from one announce to the next hears of far peers too, whatever it is: pieces that
///   a whole region lacks come in even when all its gateways are dead.
/// - Whoever would hear of hardly anybody hears of more far peers.
/// - While no seed of the master has announced, gateways, those who received nothing and those who would hear of nobody
///   hear where the feed says that it is, beside all others: it may be about to announce, or not be there. All others
///   have somebody to wait with: when a snapshot is new, all nodes ask at once, and would all turn to the master.
///
/// The numbers were found by `swarm-tracker simulate`. What a piece costs in crossings grows with gateways and far
/// peers; the time until all have everything falls, and from two of each on it falls hardly any more.
public struct PeerChoicePolicy: Hashable, Sendable {
    /// Whether places count. Otherwise anybody hears of anybody with equal chance, as from a tracker that knows none.
    public var isNearFirst = true
    /// The smallest number of gateways in a region.
    public var gateways = 2
    /// Beyond that number, one in so many peers of a region is a gateway.
    public var peersPerGateway = 50
    /// How many far peers a gateway hears of.
    public var farPeers = 2
    /// How many peers anybody hears of at least, as far as there are any.
    public var enough = 2
    /// How many peers of a region are looked at to find the nearest, or a seed.
    public var scan = 256

    /// The policy that the simulation has found good.
    public init() {}

    /// Whether a downloading peer that announces is to be a gateway of its region from now on.
    ///
    /// A place that is free goes to the first that comes. Of those that are new, one in three may take it: otherwise the
    /// node that is always first would be the gateway of all torrents of its set.
    func makesGateway(_ peer: Peer, isNew: Bool, in region: RegionPeers?) -> Bool {
        if let same = region?.peer(peer.rank, peer.endpoint), same.isGateway { return true }
        guard isNearFirst, !isNew || peer.rank.isMultiple(of: 3) else { return false }
        guard let region else { return gateways > 0 }
        // A region with a seed has every piece.
        guard region.seedCount == 0 else { return false }
        return region.gatewayCount < max(gateways, (region.count + peersPerGateway - 1) / peersPerGateway)
    }
}

/// Who asks for peers.
struct Asker: Sendable {
    let endpoint: PeerEndpoint
    let place: PlaceID
    let region: RegionID
    let isMaster: Bool
    let isDownloading: Bool
    /// Whether it hears of far peers for its region.
    let isGateway: Bool
    /// Whether it is downloading and has received nothing since it announced last.
    let isStuck: Bool
    /// Whether the answer holds IPv4 or IPv6 addresses only; nil for both.
    let family: Family?

    enum Family: Sendable { case v4, v6 }
}

/// The decision for one asker: a pure function of the swarm and of random numbers.
struct PeerChoice {
    let policy: PeerChoicePolicy
    let places: PlaceDirectory
    let swarm: Swarm
    /// Where seeds of the master are to be expected; empty once one has announced.
    var absentMasters: Set<PeerEndpoint> = []
    let asker: Asker

    /// At most `wanted` peers, each once, never the asker, and no seed for one who wants nothing.
    func choose(_ wanted: Int, using random: inout some RandomNumberGenerator) -> [PeerEndpoint] {
        guard wanted > 0 else { return [] }
        var chosen = Chosen(asker: asker, capacity: min(wanted, swarm.peerCount))
        if !policy.isNearFirst {
            addAnybody(to: &chosen, wanted, &random)
        } else if asker.isMaster {
            addGateways(to: &chosen, wanted)
        } else {
            let own = swarm.peers(of: asker.region)
            let far = asker.isGateway || asker.isStuck ? min(wanted, policy.farPeers) : 0
            if let own { addNear(own, to: &chosen, wanted - far, &random) }
            let more = min(wanted, max(chosen.count + far, policy.enough))
            addFar(to: &chosen, until: more, &random)
        }
        addAbsentMasters(to: &chosen, wanted)
        return chosen.peers
    }

    private func addAbsentMasters(to chosen: inout Chosen, _ wanted: Int) {
        guard asker.isGateway || asker.isStuck || chosen.count == 0 || !policy.isNearFirst else { return }
        for master in absentMasters where chosen.count < wanted && !chosen.peers.contains(master) {
            chosen.takeNew(master, .complete)
        }
    }

    /// Adds peers of all regions, and masters' seeds, each with the same chance.
    private func addAnybody(to chosen: inout Chosen, _ wanted: Int, _ random: inout some RandomNumberGenerator) {
        var ends: [Int] = []
        for region in swarm.regions { ends.append((ends.last ?? 0) + region.count) }
        let inRegions = ends.last ?? 0
        let all = inRegions + swarm.masters.count
        // More are drawn than are wanted, as some may be drawn twice or be the asker; of few, all.
        let drawn =
            all <= 4 * wanted
            ? Array((0..<all).shuffled(using: &random))
            : (0..<(2 * wanted)).map { _ in Int.random(in: 0..<all, using: &random) }
        var seen: Set<Int> = []
        for number in drawn where chosen.count < wanted && seen.insert(number).inserted {
            if let region = ends.firstIndex(where: { number < $0 }) {
                chosen.take(swarm.regions[region][number - (region > 0 ? ends[region - 1] : 0)])
            } else {
                chosen.take(swarm.masters[number - inRegions])
            }
        }
    }

    /// A seed of the master hears of the gateways of all regions, equally many of each.
    private func addGateways(to chosen: inout Chosen, _ wanted: Int) {
        let gateways = swarm.regions.map(\.gateways)
        for turn in 0..<(gateways.map(\.count).max() ?? 0) {
            for region in gateways where turn < region.count && chosen.count < wanted { chosen.take(region[turn]) }
        }
    }

    /// Adds peers of the asker's region, the nearest first, to an answer that is still empty.
    private func addNear(
        _ own: RegionPeers, to chosen: inout Chosen, _ count: Int, _ random: inout some RandomNumberGenerator
    ) {
        guard count > 0 else { return }
        let family = own.indices(of: asker.family)
        if family.count - 1 <= count {
            own.forEachEndpoint(asker.family) { endpoint, roles in
                if chosen.count < count { chosen.takeNew(endpoint, roles) }
            }
            return
        }
        let candidates = Ring(own, family, max(policy.scan, count + 1), &random)
        var distances: [Distance] = []
        distances.reserveCapacity(candidates.count)
        // A set of the distances that occur.
        var occurring: UInt8 = 0
        for offset in 0..<candidates.count {
            let distance = places.distance(asker.place, candidates[offset].place)
            distances.append(distance)
            occurring |= 1 << distance.rawValue
        }
        for distance in Distance.allCases where occurring & 1 << distance.rawValue != 0 {
            for offset in distances.indices where distances[offset] == distance {
                guard chosen.count < count else { return }
                let peer = candidates[offset]
                chosen.takeNew(peer.endpoint, peer.roles)
            }
        }
    }

    /// Some peers of a region from a random place in the ring of ranks, so that everybody is heard of equally often.
    private struct Ring {
        private let region: RegionPeers
        private let range: Range<Int>
        private let start: Int
        let count: Int

        /// The range must hold one peer at least.
        init(_ region: RegionPeers, _ range: Range<Int>, _ most: Int, _ random: inout some RandomNumberGenerator) {
            self.region = region
            self.range = range
            start = Int.random(in: range, using: &random)
            count = min(most, range.count)
        }

        subscript(offset: Int) -> Peer {
            let index = start + offset
            return region[index < range.upperBound ? index : index - range.count]
        }

        var peers: [Peer] { (0..<count).map { self[$0] } }
    }

    private func addFar(
        to chosen: inout Chosen, until limit: Int, _ random: inout some RandomNumberGenerator
    ) {
        // A seed connects to far peers only when there is nobody near to serve.
        guard chosen.count < limit, asker.isDownloading || chosen.count == 0 else { return }
        if asker.isGateway { for peer in swarm.masters where chosen.count < limit { chosen.take(peer) } }
        var sources: [FarSource] = []
        for region in swarm.regions where region.region != asker.region {
            if let source = farSource(region, &random) { sources.append(source) }
        }
        // For those who are no gateway, the master's seeds are like one more region.
        if !asker.isGateway, !swarm.masters.isEmpty { sources.append(.masters) }
        // One turn after the other, each in another order, so that no two regions are each other's only neighbours.
        var before = -1
        while chosen.count < limit, chosen.count > before {
            before = chosen.count
            sources.shuffle(using: &random)
            // What the masters' own region has, a gateway hears from the master: other regions are new to it, and share
            // with it what each of them got, without the master's line.
            if asker.isGateway { sources = sources.filter { !isMastersRegion($0) } + sources.filter(isMastersRegion) }
            for source in sources where chosen.count < limit {
                switch source {
                case .masters: for peer in swarm.masters.shuffled(using: &random).prefix(1) { chosen.take(peer) }
                case .region(_, let seed?, _) where !chosen.contains(seed): chosen.take(seed)
                case .region(_, _, let others):
                    if let peer = others.filter({ !chosen.contains($0) }).randomElement(using: &random) {
                        chosen.take(peer)
                    }
                }
            }
        }
    }

    /// Who another region can be fed by: a seed, and its gateways, or anybody where there is none.
    private enum FarSource {
        case region(RegionID, seed: Peer?, others: [Peer])
        case masters
    }

    private func isMastersRegion(_ source: FarSource) -> Bool {
        guard case .region(let region, _, _) = source else { return false }
        return swarm.masters.contains { places.region(of: $0.place) == region }
    }

    /// Nil for a region without peers of the asker's family.
    private func farSource(_ region: RegionPeers, _ random: inout some RandomNumberGenerator) -> FarSource? {
        let family = region.indices(of: asker.family)
        guard !family.isEmpty else { return nil }
        let some = Ring(region, family, policy.scan, &random)
        let gateways = region.gateways
        return .region(
            region.region,
            seed: region.seedCount == 0 ? nil : some.peers.first { $0.roles.contains(.complete) },
            others: gateways.isEmpty ? some.peers.filter(\.isDownloading) : gateways)
    }
}

/// The peers of an answer.
private struct Chosen {
    let asker: Asker
    private(set) var peers: [PeerEndpoint] = []

    init(asker: Asker, capacity: Int) {
        self.asker = asker
        peers.reserveCapacity(capacity)
    }

    var count: Int { peers.count }

    func contains(_ peer: Peer) -> Bool { peers.contains(peer.endpoint) }

    /// Adds a peer unless it is there already, or of no use.
    mutating func take(_ peer: Peer) { if !contains(peer) { takeNew(peer.endpoint, peer.roles) } }

    /// Adds a peer that is not there yet, unless it is the asker, cannot be reached, or has nothing to exchange.
    mutating func takeNew(_ endpoint: PeerEndpoint, _ roles: Peer.Roles) {
        guard asker.isDownloading || roles.isDisjoint(with: [.complete, .paused]), endpoint != asker.endpoint else {
            return
        }
        if let family = asker.family, endpoint.address.isV4 != (family == .v4) { return }
        peers.append(endpoint)
    }
}
