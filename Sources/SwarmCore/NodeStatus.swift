public import FoundationEssentials

/// What a node tells of itself: the JSON of `swarm-node status --json` and of `/.swarm/status`.
public struct NodeStatus: Hashable, Sendable, Codable {
    /// How far a snapshot is on this node.
    public enum State: String, Hashable, Sendable, Codable {
        case fetching, ready, active, retained
    }

    /// The snapshot that readers see.
    public struct Current: Hashable, Sendable, Codable {
        public var uuid: SnapshotID
        public var serial: Serial

        public init(uuid: SnapshotID, serial: Serial) {
            self.uuid = uuid
            self.serial = serial
        }
    }

    /// One snapshot on this node.
    public struct Snapshot: Hashable, Sendable, Codable {
        public var uuid: SnapshotID
        public var serial: Serial
        public var state: State
        /// The class that is being fetched, 7 to 1; nil when nothing is.
        public var phase: Int?
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
        public var bytesFromMaster: Int64 = 0
        public var bytesFromPeers: Int64 = 0
        public var bytesFromHTTP: Int64 = 0
        /// Bytes of manifests and torrents that were fetched to know what to do.
        public var bytesMetadata: Int64 = 0
        public var files: Int = 0
        public var filesWanted: Int = 0
        public var filesDone: Int = 0
        /// Connections to peers.
        public var peers: Int = 0
        /// Bytes per second at the moment.
        public var downloadRate: Int = 0
        public var uploadRate: Int = 0
        public var hold: Bool = false
        /// The earliest moment of activation, while it lies ahead.
        public var notBefore: Date?
        public var activated: Date?
        public var error: String?

        public init(uuid: SnapshotID, serial: Serial, state: State) {
            self.uuid = uuid
            self.serial = serial
            self.state = state
        }
    }

    /// One set.
    public struct SetStatus: Hashable, Sendable, Codable {
        public var set: SetName
        public var root: String
        public var upstream: String
        public var current: Current?
        /// Ascending by serial.
        public var snapshots: [Snapshot]
        /// The version of the accepted feed; 0 before the first.
        public var feedVersion: UInt64
        /// The feed's newest snapshot, once a feed was accepted since the start.
        public var newest: SnapshotID?
        /// What is wrong with the set, as a sentence with advice.
        public var error: String?

        public init(
            set: SetName, root: String, upstream: String, current: Current? = nil, snapshots: [Snapshot] = [],
            feedVersion: UInt64 = 0, newest: SnapshotID? = nil, error: String? = nil
        ) {
            self.set = set
            self.root = root
            self.upstream = upstream
            self.current = current
            self.snapshots = snapshots
            self.feedVersion = feedVersion
            self.newest = newest
            self.error = error
        }
    }

    public var version: String
    /// Nil when no daemon runs and the state was read from disk.
    public var pid: Int32?
    public var sets: [SetStatus]

    public init(version: String, pid: Int32?, sets: [SetStatus]) {
        self.version = version
        self.pid = pid
        self.sets = sets
    }
}
