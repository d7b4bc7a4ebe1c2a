internal import FoundationEssentials
internal import PlaceDatabases
internal import SwarmCore
internal import Synchronization
internal import TrackerCore

/// The tracker's state and what each request does with it, apart from sockets. Calls come from all event loops; each
/// part of the state has a lock that is held for no longer than a decision takes.
final class Tracker: Sendable {
    private struct Swarms {
        var table: SwarmTable
        var random: SplitMix
        var limits: AddressLimits
        var places = PlaceCache()
        /// Torrents and masters' seeds by set.
        var known: [SetName: (torrents: [InfoHash: SwarmTable.KnownTorrent], masters: Set<PeerEndpoint>)] = [:]
    }

    /// Reports that were not saved yet.
    private typealias Unsaved = [NodeName: TrackerStore.StoredReport]

    let counters = RequestCounters()
    /// Pages of this second.
    let pageCache = PageCache()
    /// The files of the live snapshots.
    let files = SnapshotFiles()
    /// The pages that follow the state.
    let streams = EventStreams()
    private let swarms: Mutex<Swarms>
    /// How many rounds of probes had each verdict since the start.
    let probeRounds = Mutex(["good": 0, "suspect": 0, "none": 0])
    let board: Mutex<ProgressBoard>
    let popularity = Mutex(Popularity())
    /// The sets of the configuration.
    let followed: Set<SetName>
    /// The registered nodes by the digests of their tokens.
    private let registry = Mutex<[SHA256Digest: NodeRegistration]>([:])
    /// Reads the registrations as they are stored now; nil when that is not possible.
    private let readRegistrations: @Sendable () -> [(node: NodeRegistration, token: SHA256Digest)]?
    /// The second in which that was last done for a token that nobody had.
    private let lastReading = Mutex(Int.min)
    private let unsaved = Mutex(Unsaved())
    private let progress = Mutex(ProgressHistory())
    private let connections: ConnectionIDs
    private let places: PrefixTable
    /// Databases of places; nil when none is configured.
    let databases: PlaceDatabases?
    let clock: TrackerClock

    init(
        _ configuration: TrackerConfiguration, clock: TrackerClock = .system,
        registrations: @escaping @Sendable () -> [(node: NodeRegistration, token: SHA256Digest)]? = { nil }
    ) {
        readRegistrations = registrations
        var generator = SystemRandomNumberGenerator()
        let hash = SipHash(using: &generator)
        swarms = Mutex(
            Swarms(
                table: SwarmTable(
                    limits: configuration.limits, policy: configuration.choice,
                    admission: configuration.isOpen ? .open : .known, hash: hash),
                random: SplitMix(seed: generator.next()),
                limits: AddressLimits(
                    perSecond: configuration.requestsPerSecond, burst: configuration.requestsPerSecond * 10, hash: hash)
            ))
        var board = ProgressBoard()
        board.freshness = TimeInterval(configuration.freshness.components.seconds)
        self.board = Mutex(board)
        followed = Set(configuration.sets.map(\.name))
        connections = ConnectionIDs(hash: SipHash(using: &generator))
        places = PrefixTable(configuration.places)
        databases = configuration.placeDatabases.map { PlaceDatabases($0) }
        self.clock = clock
    }

    // MARK: BitTorrent

    /// The body that a request of an HTTP client is answered with.
    func answer(_ target: borrowing Span<UInt8>, from address: IPAddress) -> [UInt8]? {
        do throws(Refusal) {
            guard let request = try HTTPTrackerRequest.parse(target: target) else { return nil }
            let now = clock.seconds()
            try admit(address, now: now)
            switch request {
            case .announce(let announce, let token):
                counters.count(.httpAnnounce)
                let answer = try self.announce(announce, token: token, from: address, onlySameFamily: false, now: now)
                return HTTPTrackerAnswer.announce(answer, seenAt: address)
            case .scrape(let torrents, _):
                counters.count(.scrape)
                return HTTPTrackerAnswer.scrape(Array(zip(torrents, counts(of: torrents))))
            }
        } catch {
            counters.count(.refused)
            return HTTPTrackerAnswer.refusal(error)
        }
    }

    /// Appends the datagram that one of a UDP client is answered with; nothing for none. Without a valid connection id
    /// nobody gets more than a connection id.
    func answer(datagram: borrowing Span<UInt8>, from address: IPAddress, to reply: inout [UInt8]) {
        guard let request = UDPTrackerRequest(datagram) else { return }
        let now = clock.seconds()
        switch request {
        case .connect(let transaction):
            counters.count(.connect)
            let id = connections.id(of: address, now: now)
            UDPTrackerAnswer.connect(transaction: transaction, id: id, to: &reply)
        case .announce(let announce, let connection, let transaction, let token):
            guard connections.isValid(connection, of: address, now: now) else { return }
            do throws(Refusal) {
                try admit(address, now: now)
                counters.count(.udpAnnounce)
                let answer = try self.announce(announce, token: token, from: address, onlySameFamily: true, now: now)
                UDPTrackerAnswer.announce(answer, transaction: transaction, to: &reply)
            } catch {
                counters.count(.refused)
                UDPTrackerAnswer.refusal(error, transaction: transaction, to: &reply)
            }
        case .scrape(let torrents, let connection, let transaction):
            guard connections.isValid(connection, of: address, now: now) else { return }
            counters.count(.scrape)
            UDPTrackerAnswer.scrape(counts(of: torrents), transaction: transaction, to: &reply)
        case .invalid(let reason, let connection, let transaction):
            guard connections.isValid(connection, of: address, now: now) else { return }
            counters.count(.refused)
            UDPTrackerAnswer.refusal(Refusal(reason), transaction: transaction, to: &reply)
        }
    }

    private func announce(
        _ announce: Announce, token: String?, from address: IPAddress, onlySameFamily: Bool, now: Int
    ) throws(Refusal) -> AnnounceAnswer {
        var node: NodeRegistration?
        if let token {
            node = self.node(token: token)
            guard node != nil else {
                throw Refusal("the token in the announce URL is nobody's: was the node removed, or its token rotated?")
            }
        }
        // Where a node is may be for its registration to say, which the next moment changes.
        let found = node == nil ? swarms.withLock { $0.places.place(of: address, now: now) } : nil
        // Databases are asked without the lock.
        let place = found == nil ? self.place(of: address, node: node) : nil
        return try swarms.withLock { swarms throws(Refusal) in
            var id = found
            if let place {
                id = swarms.table.id(of: place)
                if node == nil, let id { swarms.places.put(id, of: address, now: now) }
            }
            return try swarms.table.announce(
                announce, from: address, at: id ?? swarms.table.id(of: Place()), isNode: node != nil,
                onlySameFamily: onlySameFamily, now: now, using: &swarms.random)
        }
    }

    /// Whether one more request of this address is within its limit; it is counted.
    func isWithinLimits(_ address: IPAddress) -> Bool {
        let now = clock.seconds()
        return swarms.withLock { $0.limits.admit(address, now: now) }
    }

    private func admit(_ address: IPAddress, now: Int) throws(Refusal) {
        guard swarms.withLock({ $0.limits.admit(address, now: now) }) else {
            throw Refusal("too many requests from \(address)", retry: .minutes(1))
        }
    }

    private func counts(of torrents: [InfoHash]) -> [SwarmCounts] {
        swarms.withLock { swarms in torrents.map { swarms.table.counts(of: $0) } }
    }

    /// Where an address is: what a node's registration says comes first, then the databases, then the table of prefixes.
    /// A region is what the operator named in one of the others, before the continent that a database knows.
    func place(of address: IPAddress, node: NodeRegistration? = nil) -> Place {
        var place = Place(region: node?.region, group: node?.group)
        if let databases { place = place.completed(by: databases.place(of: address)) }
        if let table = places.place(of: address) { place = place.completed(by: table) }
        place.region = place.region ?? place.continent
        return place
    }

    // MARK: Sets

    /// Takes a set's feed, whose signature was checked, with the torrents of its live snapshots.
    func follow(_ feed: Feed, torrents: Set<InfoHash>, masters: Set<PeerEndpoint>, isPrivate: Bool) {
        let now = clock.date()
        board.withLock { $0.setFeed(feed, read: now) }
        swarms.withLock { swarms in
            let torrent = SwarmTable.KnownTorrent(set: feed.set, isPrivate: isPrivate, masters: masters)
            let known = Dictionary(uniqueKeysWithValues: torrents.map { ($0, torrent) })
            swarms.known[feed.set] = (known, masters)
            swarms.table.setKnown(
                swarms.known.values.reduce(into: [:]) { $0.merge($1.torrents) { first, _ in first } },
                masters: swarms.known.values.reduce(into: []) { $0.formUnion($1.masters) })
        }
    }

    /// The upstream has said that there is no newer feed.
    func confirmFeed(of set: SetName) {
        let now = clock.date()
        board.withLock { $0.confirmFeed(of: set, read: now) }
    }

    /// Forgets the peers that were silent for long.
    func sweep() {
        let now = clock.seconds()
        swarms.withLock { $0.table.sweep(now: now) }
    }

    // MARK: Nodes

    /// Takes the registered nodes anew.
    func register(_ nodes: [(node: NodeRegistration, token: SHA256Digest)]) {
        let byToken = Dictionary(nodes.map { ($0.token, $0.node) }) { first, _ in first }
        registry.withLock { $0 = byToken }
        board.withLock { $0.setRegistrations(nodes.map(\.node)) }
    }

    /// The node of a token. One that nobody has may be a second old: then the registrations are read again, once a second
    /// at most, so that a new node's first announce is not refused.
    func node(token: String) -> NodeRegistration? {
        let digest = NodeToken.digest(token)
        if let node = registry.withLock({ $0[digest] }) { return node }
        let now = clock.seconds()
        let isDue = lastReading.withLock { last in
            defer { last = now }
            return last != now
        }
        guard isDue, let nodes = readRegistrations() else { return nil }
        register(nodes)
        return registry.withLock { $0[digest] }
    }

    /// Takes a report that is new, and remembers to save it; false when the node is gone.
    func take(_ report: NodeReport, from address: IPAddress) -> Bool {
        let stored = TrackerStore.StoredReport(report: report, received: clock.date(), address: address)
        let previous = board.withLock { $0.report(of: report.node) }
        guard restore(stored) else { return false }
        countReads(report, previous: previous)
        counters.count(.report)
        unsaved.withLock { $0[report.node] = stored }
        return true
    }

    /// Takes a report that was saved before.
    @discardableResult
    func restore(_ stored: TrackerStore.StoredReport) -> Bool {
        let place = stored.address.map { self.place(of: $0) }
        return board.withLock { $0.take(stored.report, received: stored.received, place: place) }
    }

    /// Hands over the reports that are to be saved.
    func takeUnsaved() -> [TrackerStore.StoredReport] {
        unsaved.withLock { unsaved in
            defer { unsaved = [:] }
            return Array(unsaved.values)
        }
    }

    /// Takes back reports that could not be saved, unless there are newer ones.
    func putBack(_ reports: [TrackerStore.StoredReport]) {
        unsaved.withLock { unsaved in
            for stored in reports where unsaved[stored.report.node] == nil { unsaved[stored.report.node] = stored }
        }
    }

    // MARK: Questions

    /// The state of everything.
    func report() -> TrackerReport {
        let (count, peers) = swarms.withLock { ($0.table.swarmCount, $0.table.peerCount) }
        let now = clock.date()
        return board.withLock { $0.report(swarms: count, peers: peers, now: now) }
    }

    /// All that is known of a node, with the time; nil when it is not registered.
    func detail(_ node: NodeName) -> (NodeDetail, Date)? {
        let now = clock.date()
        return board.withLock { $0.detail(node, now: now) }.map { ($0, now) }
    }

    /// Notes how far the nodes are, when it is time to; what is to be stored of it.
    func takeSample() -> ProgressHistory.Changes {
        let now = clock.date()
        guard progress.withLock({ $0.isDue(now) }) else { return .init() }
        let report = report()
        return progress.withLock { $0.take(report) }
    }

    /// The progress over time.
    var history: ProgressHistory {
        get { progress.withLock { $0 } }
        set { progress.withLock { $0 = newValue } }
    }

    /// Whether the embargo of a snapshot can be lifted; nil when there is no such snapshot.
    func embargo(_ set: SetName, _ snapshot: String, _ question: EmbargoQuestion) -> EmbargoAnswer? {
        let now = clock.date()
        return board.withLock { board in
            board.snapshot(snapshot, of: set).flatMap { board.embargo(set, $0.uuid, question, now: now) }
        }
    }

    /// The good nodes, the nearest first; nil when there is none.
    func mirrorChoice(of set: SetName, near place: Place) -> MirrorChoice? {
        let now = clock.date()
        return board.withLock { $0.mirrorChoice(of: set, near: place, now: now) }
    }

    /// Of the steady clock.
    var second: Int { clock.seconds() }

    /// The time of day.
    var date: Date { clock.date() }
}

/// The time, which tests set.
struct TrackerClock: Sendable {
    /// Seconds of a steady clock.
    let seconds: @Sendable () -> Int
    /// The time of day.
    let date: @Sendable () -> Date

    static let system = TrackerClock(
        seconds: {
            let start = ContinuousClock.Instant.now
            return Int(systemStart.duration(to: start).components.seconds) + 1_000_000
        },
        date: { Date() })

    private static let systemStart = ContinuousClock.Instant.now
}
