public import FoundationEssentials

/// The list of a snapshot's shards.
public struct Manifest: Hashable, Sendable, Codable {
    /// Files and bytes.
    public struct Totals: Hashable, Sendable, Codable {
        /// Files alone: no pads, symbolic links or directories.
        public var files: Int
        /// Their length, in bytes.
        public var bytes: Int64

        /// `bytes` is the length of all the files together.
        public init(files: Int = 0, bytes: Int64 = 0) {
            self.files = files
            self.bytes = bytes
        }

        /// The sum of each count.
        public static func + (left: Totals, right: Totals) -> Totals {
            Totals(files: left.files + right.files, bytes: left.bytes + right.bytes)
        }
    }

    /// A patch that makes one `.torrent` from another (`zstd --patch-from`), at `deltas/<from>-<to>.zst`. It needs no
    /// trust: what comes out is compared with its digest.
    public struct Delta: Hashable, Sendable, Codable {
        /// The torrent that it needs.
        public let from: InfoHash
        /// The torrent that it makes.
        public let to: InfoHash
        /// Length of the patch, in bytes.
        public let size: Int
        /// The `.torrent` that it makes.
        public let torrent: Pinned

        /// Every part given.
        public init(from: InfoHash, to: InfoHash, size: Int, torrent: Pinned) {
            self.from = from
            self.to = to
            self.size = size
            self.torrent = torrent
        }
    }

    /// One torrent of the snapshot.
    public struct Shard: Hashable, Sendable, Codable {
        /// The path that the shard begins at, in the order of paths; empty for the first one.
        public let start: String
        /// The only class of files in the shard; nil when the snapshot is one torrent with all classes.
        public let priority: Priority?
        /// Stays the same from snapshot to snapshot while the content of the shard does.
        public let infoHash: InfoHash
        /// The `.torrent`.
        public let torrent: Pinned
        /// Length of the `.torrent.zst`, in bytes; about, where a patch makes the torrent and nobody has asked for it whole.
        public var compressedSize: Int
        /// Totals per class, by the class's number.
        public let classes: [String: Totals]
        /// Patches that lead to this `.torrent`, or to one from which another of them leads on.
        public var deltas: [Delta]

        /// Every part given.
        public init(
            start: String, priority: Priority?, infoHash: InfoHash, torrent: Pinned, compressedSize: Int,
            classes: [String: Totals], deltas: [Delta] = []
        ) {
            self.deltas = deltas
            self.start = start
            self.priority = priority
            self.infoHash = infoHash
            self.torrent = torrent
            self.compressedSize = compressedSize
            self.classes = classes
        }

        /// Of all classes together.
        public var totals: Totals { classes.values.reduce(Totals(), +) }
        /// A name for people: where it begins, and the class where it has one.
        public var label: String { (start.isEmpty ? "." : start) + (priority.map { "@\($0)" } ?? "") }
    }

    /// The format that this code writes and reads.
    public static let currentFormat = 1

    /// A node refuses a manifest with any other than `currentFormat`.
    public var format = Manifest.currentFormat
    /// The same as in the feed that lists the snapshot, or a node refuses the manifest.
    public let set: SetName
    /// The same as in the entry of the feed that pins this manifest.
    public let uuid: SnapshotID
    /// The same as in the entry of the feed that pins this manifest.
    public let serial: Serial
    /// The snapshot that this one follows and `deleted` is counted against; nil for a set's first.
    public let parent: SnapshotID?
    /// When the master made the snapshot, in whole seconds.
    public let created: Date
    /// Bytes of a piece, the same in all shards of the set.
    public let pieceLength: Int
    /// Together they hold the whole tree, each path in one of them only.
    public let shards: [Shard]
    /// Of all shards together.
    public let totals: Totals
    /// What the parent has and this snapshot has not: a node refuses a tree that shrank by more.
    public let deleted: Totals

    /// In the current format; `totals` are summed from `shards`. `pieceLength` in bytes.
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
