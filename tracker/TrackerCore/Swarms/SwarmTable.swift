public import SwarmCore

/// All swarms of a tracker: the one owner of its peers. It has no clock and no socket; whoever holds it gives the time,
/// in seconds of a steady clock, and keeps threads apart.
public struct SwarmTable: Sendable {
    /// How often clients announce, and how much is kept.
    public struct Limits: Hashable, Sendable {
        /// Seconds between two announces of a peer, before the jitter.
        public var interval = 300
        /// Seconds before which a peer without news hears of nobody.
        public var minInterval = 60
        /// How many peers an answer holds when the client does not say.
        public var peers = 50
        /// How many peers an answer holds at most.
        public var maxPeers = 200
        /// The most swarms of torrents that belong to no known set.
        public var openTorrents = 10_000
        /// The most peers of one swarm.
        public var peersPerTorrent = 20_000

        /// What suits a mirror network.
        public init() {}

        /// Seconds after which a silent peer is forgotten: two announces and a bit may be lost.
        public var expiry: Int { interval * 5 / 2 }
    }

    /// Who may announce what.
    public enum Admission: Hashable, Sendable {
        /// Any torrent, from anyone.
        case open
        /// The torrents of known sets.
        case known
    }

    /// A torrent of a known set.
    public struct KnownTorrent: Hashable, Sendable {
        /// Its set.
        public var set: SetName
        /// Whether only registered nodes may announce it.
        public var isPrivate: Bool
        /// Where the set's signed feed says that the master's seeds are.
        public var masters: Set<PeerEndpoint>

        /// Every part given.
        public init(set: SetName, isPrivate: Bool = false, masters: Set<PeerEndpoint> = []) {
            self.set = set
            self.isPrivate = isPrivate
            self.masters = masters
        }
    }

    private let limits: Limits
    private let policy: PeerChoicePolicy
    private let admission: Admission
    private let hash: SipHash
    private var swarms: [InfoHash: Swarm] = [:]
    private var known: [InfoHash: KnownTorrent] = [:]
    private var masters: Set<PeerEndpoint> = []
    private var places = PlaceDirectory()

    /// An empty table; `hash` has a key that nobody else knows.
    public init(
        limits: Limits = Limits(), policy: PeerChoicePolicy = PeerChoicePolicy(), admission: Admission = .known,
        hash: SipHash
    ) {
        self.limits = limits
        self.policy = policy
        self.admission = admission
        self.hash = hash
    }

    /// How many peers there are, each counted in every swarm that it is in.
    public var peerCount: Int { swarms.values.reduce(0) { $0 + $1.peerCount } }

    /// How many swarms have peers, or had some lately.
    public var swarmCount: Int { swarms.count }

    /// Replaces the torrents that are known, and the endpoints of all masters' seeds. Unless everything may be announced,
    /// what is not known any more is forgotten with its peers.
    public mutating func setKnown(_ torrents: [InfoHash: KnownTorrent], masters: Set<PeerEndpoint>) {
        known = torrents
        self.masters = masters
        if admission == .known { swarms = swarms.filter { torrents[$0.key] != nil } }
    }

    /// The number of a place, which is good as long as the table.
    public mutating func id(of place: Place) -> PlaceID { places.id(of: place) }

    /// Takes what a peer tells, and answers with others. `isNode` says that it showed a registered node's token; `family`
    /// restricts the answer to addresses like the asker's.
    public mutating func announce(
        _ announce: Announce, from address: IPAddress, at place: PlaceID, isNode: Bool, onlySameFamily: Bool, now: Int,
        using random: inout some RandomNumberGenerator
    ) throws(Refusal) -> AnnounceAnswer {
        let endpoint = PeerEndpoint(address: address, port: announce.port)
        // The signed feed says where the masters' seeds are, so they need no token.
        let isMastersEndpoint = !masters.isEmpty && masters.contains(endpoint)
        let index = try admit(announce.infoHash, isTrusted: isNode || isMastersEndpoint)
        let region = places.region(of: place)
        let salt = swarms.values[index].salt
        let rank = UInt32(truncatingIfNeeded: hash.hash(address.high, address.low, UInt64(announce.port), salt))
        let interval = limits.interval + Int.random(in: 0...(limits.interval / 10), using: &random)
        var answer = AnnounceAnswer(
            interval: interval, minInterval: limits.minInterval, counts: SwarmCounts(), peers: [])
        if announce.event == .stopped {
            swarms.values[index].remove(rank, endpoint, region: region)
            answer.counts = swarms.values[index].counts
            return answer
        }
        var peer = Peer(
            rank: rank, endpoint: endpoint, roles: Self.roles(announce), place: place,
            lastSeen: UInt16(truncatingIfNeeded: now), progress: Peer.Progress(left: announce.left))
        let isMaster = isMastersEndpoint && peer.roles.contains(.complete)
        let previous = try put(
            &peer, in: index, region: region, isMaster: isMaster, isNew: announce.event == .started)
        if announce.event == .completed { swarms.values[index].countCompletion() }
        // Nothing is copied: the swarm is not changed any more.
        let swarm = swarms.values[index]
        answer.counts = swarm.counts
        let age = previous?.age(now: now) ?? 0
        if previous != nil, announce.event == .regular, age < limits.minInterval { return answer }
        let asker = Asker(
            endpoint: endpoint, place: place, region: region, isMaster: isMaster, isDownloading: peer.isDownloading,
            isGateway: peer.isGateway,
            isStuck: peer.isDownloading && age >= limits.minInterval && previous?.progress == peer.progress,
            family: onlySameFamily ? (address.isV4 ? .v4 : .v6) : nil)
        // A master announces what it publishes before this tracker can have read of it, and again some time later: until
        // then it is where its feed says.
        let absent = swarm.masters.isEmpty ? known[announce.infoHash]?.masters : nil
        let choice = PeerChoice(
            policy: policy, places: places, swarm: swarm, absentMasters: absent ?? [], asker: asker)
        answer.peers = choice.choose(min(announce.wanted ?? limits.peers, limits.maxPeers), using: &random)
        return answer
    }

    /// Adds or renews a peer, which may become a gateway. Returns it as it was.
    private mutating func put(
        _ peer: inout Peer, in index: Dictionary<InfoHash, Swarm>.Index, region: RegionID, isMaster: Bool, isNew: Bool
    ) throws(Refusal) -> Peer? {
        if swarms.values[index].peerCount >= limits.peersPerTorrent,
            !swarms.values[index].contains(peer.rank, peer.endpoint, region: region)
        {
            throw Refusal("this swarm has \(limits.peersPerTorrent) peers already", retry: .minutes(30))
        }
        if peer.isDownloading,
            policy.makesGateway(peer, isNew: isNew, in: swarms.values[index].peers(of: region))
        {
            peer.roles.insert(.gateway)
        }
        return swarms.values[index].put(peer, region: region, isMaster: isMaster)
    }

    /// Where the swarm of a torrent is, which is made when it may be announced.
    private mutating func admit(
        _ infoHash: InfoHash, isTrusted: Bool
    ) throws(Refusal) -> Dictionary<InfoHash, Swarm>.Index {
        try check(infoHash, isTrusted: isTrusted)
        if let index = swarms.index(forKey: infoHash) { return index }
        swarms[infoHash] = Swarm(salt: hash.hash(infoHash.bytes))
        // The line before has put it there.
        guard let index = swarms.index(forKey: infoHash) else {
            preconditionFailure("the swarm is not where it was put")
        }
        return index
    }

    private func check(_ infoHash: InfoHash, isTrusted: Bool) throws(Refusal) {
        if let torrent = known[infoHash] {
            if torrent.isPrivate, !isTrusted {
                throw Refusal(
                    "the set \(torrent.set) is for registered nodes: announce to /announce/TOKEN with your node's token"
                )
            }
        } else {
            guard admission == .open else {
                // Nodes read a feed with a new snapshot as soon as the tracker does: the next moment it is known.
                throw Refusal(
                    "this tracker knows no such torrent: it may have left its set's feed, or not be in it yet",
                    retry: .unsaid)
            }
            guard swarms[infoHash] != nil || swarms.count < limits.openTorrents + known.count else {
                throw Refusal("this tracker has as many torrents as it takes", retry: .minutes(30))
            }
        }
    }

    private static func roles(_ announce: Announce) -> Peer.Roles {
        if announce.left == 0 { return .complete }
        return announce.event == .paused ? .paused : []
    }

    /// The counts of a swarm; zero for one without peers.
    public func counts(of infoHash: InfoHash) -> SwarmCounts { swarms[infoHash]?.counts ?? SwarmCounts() }

    /// Forgets the peers that were not heard of for `Limits.expiry`.
    public mutating func sweep(now: Int) {
        for infoHash in Array(swarms.keys) {
            swarms[infoHash]?.removeAll(olderThan: limits.expiry, now: now)
            // The count of completions of a known torrent is kept as long as the torrent.
            if swarms[infoHash]?.isEmpty == true, known[infoHash] == nil { swarms[infoHash] = nil }
        }
    }
}
