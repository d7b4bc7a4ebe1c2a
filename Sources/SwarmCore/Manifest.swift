public import FoundationEssentials

/// The list of a snapshot's shards.
public struct Manifest: Hashable, Sendable, Codable {
    /// Files and bytes.
    public struct Totals: Hashable, Sendable, Codable {
        public var files: Int
        public var bytes: Int64

        public init(files: Int = 0, bytes: Int64 = 0) {
            self.files = files
            self.bytes = bytes
        }

        public static func + (left: Totals, right: Totals) -> Totals {
            Totals(files: left.files + right.files, bytes: left.bytes + right.bytes)
        }
    }

    /// One torrent of the snapshot.
    public struct Shard: Hashable, Sendable, Codable {
        /// The directory at which the tree is cut; empty for the set's root.
        public let directory: String
        /// The only class of files in the shard; nil when the snapshot is one torrent with all classes.
        public let priority: Priority?
        public let infoHash: InfoHash
        /// The `.torrent`.
        public let torrent: Pinned
        /// Length of the `.torrent.zst`, in bytes.
        public let compressedSize: Int
        /// Totals per class, by the class's number.
        public let classes: [String: Totals]

        public init(
            directory: String, priority: Priority?, infoHash: InfoHash, torrent: Pinned, compressedSize: Int,
            classes: [String: Totals]
        ) {
            self.directory = directory
            self.priority = priority
            self.infoHash = infoHash
            self.torrent = torrent
            self.compressedSize = compressedSize
            self.classes = classes
        }

        public var totals: Totals { classes.values.reduce(Totals(), +) }
        /// A name for people: the directory, and the class where it has one.
        public var label: String { (directory.isEmpty ? "." : directory) + (priority.map { "@\($0)" } ?? "") }
    }

    public static let currentFormat = 1

    public var format = Manifest.currentFormat
    public let set: SetName
    public let uuid: SnapshotID
    public let serial: Serial
    public let parent: SnapshotID?
    public let created: Date
    /// Bytes of a piece, the same in all shards of the set.
    public let pieceLength: Int
    public let shards: [Shard]
    public let totals: Totals
    /// What the parent has and this snapshot has not: a node refuses a tree that shrank by more.
    public let deleted: Totals

    public init(
        set: SetName, uuid: SnapshotID, serial: Serial, parent: SnapshotID?, created: Date, pieceLength: Int,
        shards: [Shard], deleted: Totals
    ) {
        self.set = set
        self.uuid = uuid
        self.serial = serial
        self.parent = parent
        self.created = created
        self.pieceLength = pieceLength
        self.shards = shards
        self.totals = shards.reduce(Totals()) { $0 + $1.totals }
        self.deleted = deleted
    }
}
