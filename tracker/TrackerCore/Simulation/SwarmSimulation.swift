internal import SwarmCore

/// A swarm over several regions that fetches one torrent, to see what a way of choosing peers costs.
///
/// Time goes in rounds. In each round a peer sends as many pieces as its upload holds, to neighbours that it has
/// unchoked: a few, drawn anew every ten rounds among those that lack something it has. A neighbour takes the piece that
/// is rarest among its own neighbours, and passes it on from the next round. Peers announce in random order at first,
/// again after every interval, and when they are complete; who hears of whom connects. No peer prefers a near neighbour:
/// what is saved is saved by the tracker alone.
public struct SwarmSimulation: Sendable {
    /// How peers are chosen.
    public enum Choice: Hashable, Sendable {
        /// As the tracker does.
        case near(PeerChoicePolicy)
        /// Anybody, with equal chance.
        case random
    }

    /// The size of things.
    public struct Setting: Hashable, Sendable {
        /// Regions, the master's among them.
        public var regions = 5
        /// Nodes of each region.
        public var nodesPerRegion = 20
        /// Pieces of the torrent.
        public var pieces = 400
        /// Pieces that a node sends in a round.
        public var upload = 2
        /// Pieces that the master sends in a round.
        public var masterUpload = 4
        /// Peers that are unchoked at once.
        public var slots = 4
        /// How many peers a node asks for.
        public var wanted = 50
        /// Rounds between two announces of a node.
        public var interval = 60
        /// The beginning of the random numbers.
        public var seed: UInt64 = 1

        /// Five regions of twenty nodes.
        public init() {}
    }

    /// What came of it.
    public struct Outcome: Hashable, Sendable {
        /// Rounds until the last node was complete; nil when some never were.
        public var completion: Int?
        /// Pieces that went from one region to another, as copies of the whole torrent.
        public var crossings: Double
        /// The same in parts of the fewest that are possible: one copy for each region but the master's.
        public var crossingRatio: Double
        /// Copies that the master sent.
        public var masterCopies: Double
    }

    private struct Node {
        let region: Int
        let endpoint: PeerEndpoint
        var have: [Bool]
        var missing: Int
        var neighbours: [Int] = []
        /// How many neighbours have each piece.
        var availability: [Int]
        var unchoked: [Int] = []
    }

    private let setting: Setting
    private let choice: Choice
    private var random: SplitMix
    private var nodes: [Node] = []
    private var indexOf: [PeerEndpoint: Int] = [:]
    private var links: Set<Int> = []
    private var table: SwarmTable
    private var crossings = 0
    private var masterPieces = 0
    /// The nodes that became complete in the last round.
    private var justCompleted: Set<Int> = []

    private static let torrent = InfoHash(bytes: [UInt8](repeating: 7, count: 20))

    /// A swarm of which only the master, node 0, has anything.
    public init(_ setting: Setting, choice: Choice) {
        self.setting = setting
        self.choice = choice
        random = SplitMix(seed: setting.seed)
        var policy = PeerChoicePolicy()
        if case .near(let given) = choice { policy = given }
        table = SwarmTable(policy: policy, admission: .open, hash: SipHash(using: &random))
        for index in 0...(setting.regions * setting.nodesPerRegion) {
            let isMaster = index == 0
            let endpoint = PeerEndpoint(address: IPAddress(v4: 0x0a00_0000 + UInt32(index)), port: 6881)
            indexOf[endpoint] = index
            nodes.append(
                Node(
                    region: isMaster ? 0 : (index - 1) % setting.regions, endpoint: endpoint,
                    have: [Bool](repeating: isMaster, count: setting.pieces),
                    missing: isMaster ? 0 : setting.pieces,
                    availability: [Int](repeating: 0, count: setting.pieces)))
        }
        table.setKnown([:], masters: [nodes[0].endpoint])
    }

    /// Runs until all nodes are complete, or until nothing has moved for two intervals.
    public mutating func run() -> Outcome {
        announce(0, .started, round: 0)
        for node in Array(1..<nodes.count).shuffled(using: &random) { announce(node, .started, round: 0) }
        var round = 0
        var quiet = 0
        while nodes.contains(where: { $0.missing > 0 }), quiet <= 2 * setting.interval {
            if round % 10 == 0 { for node in nodes.indices { unchoke(node) } }
            let moved = exchange()
            round += 1
            quiet = moved == 0 ? quiet + 1 : 0
            for node in nodes.indices {
                if justCompleted.contains(node) {
                    announce(node, .completed, round: round)
                } else if (round + node) % setting.interval == 0 {
                    // Each at its own time within the interval.
                    announce(node, .regular, round: round)
                }
            }
        }
        let copies = Double(crossings) / Double(setting.pieces)
        return Outcome(
            completion: nodes.contains { $0.missing > 0 } ? nil : round, crossings: copies,
            crossingRatio: copies / Double(max(1, setting.regions - 1)),
            masterCopies: Double(masterPieces) / Double(setting.pieces))
    }

    // MARK: Neighbours

    private mutating func announce(_ index: Int, _ event: Announce.Event, round: Int) {
        switch choice {
        case .random:
            for other in nodes.indices.shuffled(using: &random).prefix(setting.wanted) where other != index {
                connect(index, other)
            }
        case .near:
            guard let torrent = Self.torrent else { return }
            let node = nodes[index]
            let announce = Announce(
                infoHash: torrent, port: node.endpoint.port, left: Int64(node.missing), event: event,
                wanted: setting.wanted)
            let answer = try? table.announce(
                announce, from: node.endpoint.address, at: table.id(of: Place(region: "region \(node.region)")),
                isNode: true,
                onlySameFamily: false, now: round * 10, using: &random)
            for peer in answer?.peers ?? [] { if let other = indexOf[peer] { connect(index, other) } }
        }
    }

    private mutating func connect(_ left: Int, _ right: Int) {
        guard links.insert(min(left, right) * nodes.count + max(left, right)).inserted else { return }
        nodes[left].neighbours.append(right)
        nodes[right].neighbours.append(left)
        for piece in 0..<setting.pieces {
            if nodes[right].have[piece] { nodes[left].availability[piece] += 1 }
            if nodes[left].have[piece] { nodes[right].availability[piece] += 1 }
        }
    }

    private mutating func unchoke(_ index: Int) {
        let node = nodes[index]
        let interested = node.neighbours.filter { neighbour in
            nodes[neighbour].missing > 0
                && (node.missing == 0 || zip(node.have, nodes[neighbour].have).contains { $0 && !$1 })
        }
        nodes[index].unchoked = Array(interested.shuffled(using: &random).prefix(setting.slots))
    }

    // MARK: Pieces

    /// One round; how many pieces moved.
    private mutating func exchange() -> Int {
        // What arrives in this round is passed on from the next.
        var arrivals: [(node: Int, piece: Int)] = []
        var underWay = Set<Int>()
        for sender in nodes.indices.shuffled(using: &random) {
            var budget = sender == 0 ? setting.masterUpload : setting.upload
            var receivers = nodes[sender].unchoked
            while budget > 0, !receivers.isEmpty {
                for receiver in receivers where budget > 0 {
                    guard let piece = rarest(from: sender, to: receiver, underWay) else {
                        receivers.removeAll { $0 == receiver }
                        continue
                    }
                    underWay.insert(receiver * setting.pieces + piece)
                    arrivals.append((receiver, piece))
                    budget -= 1
                    if nodes[sender].region != nodes[receiver].region { crossings += 1 }
                    if sender == 0 { masterPieces += 1 }
                }
            }
        }
        justCompleted = []
        for (node, piece) in arrivals {
            nodes[node].have[piece] = true
            nodes[node].missing -= 1
            if nodes[node].missing == 0 { justCompleted.insert(node) }
            for neighbour in nodes[node].neighbours { nodes[neighbour].availability[piece] += 1 }
        }
        return arrivals.count
    }

    private mutating func rarest(from sender: Int, to receiver: Int, _ underWay: Set<Int>) -> Int? {
        guard nodes[receiver].missing > 0 else { return nil }
        let start = Int.random(in: 0..<setting.pieces, using: &random)
        var best: (piece: Int, availability: Int)?
        for offset in 0..<setting.pieces {
            let piece = start + offset < setting.pieces ? start + offset : start + offset - setting.pieces
            guard nodes[sender].have[piece], !nodes[receiver].have[piece] else { continue }
            let availability = nodes[receiver].availability[piece]
            guard availability < best?.availability ?? .max else { continue }
            guard !underWay.contains(receiver * setting.pieces + piece) else { continue }
            best = (piece, availability)
        }
        return best?.piece
    }
}
