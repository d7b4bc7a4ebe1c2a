public import FoundationEssentials

/// What a node tells of itself: the JSON of `swarm-node status --json` and of `/.swarm/status`.
public struct NodeStatus: Hashable, Sendable, Codable {
    /// How far a snapshot is on this node: `fetching` from the first link in its tree to the last file checked; then
    /// `ready`, whole and on disk but not visible; `active` while `current` leads to it; `retained` after that.
    public enum State: String, Hashable, Sendable, Codable {
        case fetching, ready, active, retained
    }

    /// The snapshot that readers see.
    public struct Current: Hashable, Sendable, Codable {
        /// Leads to the entry of `snapshots` with the same UUID.
        public var uuid: SnapshotID
        /// Its number in the set, higher with each activation.
        public var serial: Serial

        /// Every part given.
        public init(uuid: SnapshotID, serial: Serial) {
            self.uuid = uuid
            self.serial = serial
        }
    }

    /// One snapshot on this node.
    public struct Snapshot: Hashable, Sendable, Codable {
        /// The same on the master and on every node.
        public var uuid: SnapshotID
        /// Its number in the set; a later snapshot has a higher one.
        public var serial: Serial
        /// How far it is; a tree that is still being linked counts as `fetching`.
        public var state: State
        /// The class that is being fetched, 7 to 1; nil when nothing is.
        @NullWhenNil public var phase: Int?
        /// Bytes of the files that this node wants of the snapshot.
        public var bytesTotal: Int64 = 0
        /// Bytes that were here already: kept, linked or copied.
        public var bytesLinked: Int64 = 0
        /// Bytes of the files that have to be fetched.
        public var bytesWanted: Int64 = 0
        /// Payload received, padding and repeats included.
        public var bytesFetched: Int64 = 0
        /// Bytes of files that were fetched and checked.
        public var bytesDone: Int64 = 0
        /// BitTorrent payload from the master's seed, in bytes; part of `bytesFetched`.
        public var bytesFromMaster: Int64 = 0
        /// BitTorrent payload from all others, in bytes; part of `bytesFetched`.
        public var bytesFromPeers: Int64 = 0
        /// Of `bytesFromPeers`, from peers that the configuration calls near; nil when it has called none near or far.
        public var bytesFromNearPeers: Int64?
        /// Of `bytesFromPeers`, from peers that the configuration calls far; nil when it has called none near or far.
        public var bytesFromFarPeers: Int64?
        /// Bytes that an upstream sent by HTTP in place of the swarm; part of `bytesFetched`.
        public var bytesFromHTTP: Int64 = 0
        /// Bytes of manifests and torrents that were fetched to know what to do.
        public var bytesMetadata: Int64 = 0
        /// Files that this node wants of the snapshot; symbolic links do not count.
        public var files: Int = 0
        /// Files that have to be fetched: of several with the same content, one.
        public var filesWanted: Int = 0
        /// Of `filesWanted`, those that were fetched and checked.
        public var filesDone: Int = 0
        /// Connections to peers, summed over the torrents: a peer counts once for each.
        public var peers: Int = 0
        /// Payload received from peers, in bytes per second as last measured; 0 once all is here.
        public var downloadRate: Int = 0
        /// Payload sent to peers, in bytes per second; of a shard in several snapshots, counted in one of them.
        public var uploadRate: Int = 0
        /// True while the master forbids activation: an embargo. False also when the feed lists the snapshot no more.
        public var hold: Bool = false
        /// The earliest moment of activation, past or ahead; nil when the feed lists the snapshot no more.
        public var notBefore: Date?
        /// When it last became current here, in whole seconds; nil before, and when a crash hid the moment.
        public var activated: Date?
        /// Why the last attempt to fetch it failed, with advice; nil once the next one is under way.
        @NullWhenNil public var error: String?

        /// All counts zero, no times and no error.
        public init(uuid: SnapshotID, serial: Serial, state: State) {
            self.uuid = uuid
            self.serial = serial
            self.state = state
        }
    }

    /// One set.
    public struct SetStatus: Hashable, Sendable, Codable {
        /// The name in its URL paths, and of the last directory of each tree.
        public var set: SetName
        /// The directory that holds `current`, as configured.
        public var root: String
        /// Base URL of the first configured upstream; empty when no daemon runs.
        public var upstream: String
        /// Nil before the first activation.
        @NullWhenNil public var current: Current?
        /// Ascending by serial.
        public var snapshots: [Snapshot]
        /// The version of the accepted feed; 0 before the first.
        public var feedVersion: UInt64
        /// The feed's newest snapshot; nil until a feed was accepted since the start of the daemon.
        public var newest: SnapshotID?
        /// The snapshot that the spare tree holds, which the next one will be made over: brought up to the newest one while
        /// nothing else is to be done. Nil while there is no spare tree.
        public var spare: SnapshotID?
        /// What is wrong with the set, as a sentence with advice.
        public var error: String?

        /// `snapshots` must be ascending by serial.
        public init(
            set: SetName, root: String, upstream: String, current: Current? = nil, snapshots: [Snapshot] = [],
            feedVersion: UInt64 = 0, newest: SnapshotID? = nil, spare: SnapshotID? = nil, error: String? = nil
        ) {
            self.set = set
            self.root = root
            self.upstream = upstream
            self.current = current
            self.snapshots = snapshots
            self.feedVersion = feedVersion
            self.newest = newest
            self.spare = spare
            self.error = error
        }
    }

    /// BitTorrent payload by the distance of the peers, in bytes since the daemon's start; a master counts as a peer.
    public struct PeerTraffic: Hashable, Sendable, Codable {
        /// From all peers.
        public var received: Int64
        /// To all peers.
        public var sent: Int64
        /// Of `received`, from peers that the configuration calls near.
        public var receivedNear: Int64
        /// Of `received`, from peers that the configuration calls far.
        public var receivedFar: Int64
        /// Of `sent`, to near peers.
        public var sentNear: Int64
        /// Of `sent`, to far peers.
        public var sentFar: Int64

        /// Every part given.
        public init(
            received: Int64, sent: Int64, receivedNear: Int64, receivedFar: Int64, sentNear: Int64, sentFar: Int64
        ) {
            self.received = received
            self.sent = sent
            self.receivedNear = receivedNear
            self.receivedFar = receivedFar
            self.sentNear = sentNear
            self.sentFar = sentFar
        }
    }

    /// Of the software that answers: the daemon, or without one the command.
    public var version: String
    /// The daemon's process ID; nil when no daemon runs and the state was read from disk.
    public var pid: Int32?
    /// In the order of the configuration; empty for a root that never accepted a feed, when no daemon runs.
    public var sets: [SetStatus]
    /// Nil when no daemon runs, and when its configuration calls no peers near or far.
    public var traffic: PeerTraffic?

    /// Every part given.
    public init(version: String, pid: Int32?, sets: [SetStatus], traffic: PeerTraffic? = nil) {
        self.version = version
        self.pid = pid
        self.sets = sets
        self.traffic = traffic
    }
}

/// A value whose key is in the JSON even when there is none, so that programs can rely on it.
@propertyWrapper
public struct NullWhenNil<Value: Hashable & Sendable & Codable>: Hashable, Sendable, Codable {
    /// The value; null in the JSON when it is nil.
    public var wrappedValue: Value?

    /// Nil unless given.
    public init(wrappedValue: Value? = nil) { self.wrappedValue = wrappedValue }

    /// From the value, or from null.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        wrappedValue = container.decodeNil() ? nil : try container.decode(Value.self)
    }

    /// The value, or null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(wrappedValue)
    }
}

extension KeyedDecodingContainer {
    /// A key that is missing means the same as null.
    public func decode<Value>(_ type: NullWhenNil<Value>.Type, forKey key: Key) throws -> NullWhenNil<Value> {
        try decodeIfPresent(type, forKey: key) ?? NullWhenNil()
    }
}
