public import FoundationEssentials

/// What a node tells the tracker about itself: the JSON of `POST /api/v1/report`, in the form that `Documents` writes.
///
/// A report replaces the one before it as a whole. A node that the tracker did not answer sends its present state the
/// next time; it need not send what was in between.
public struct NodeReport: Hashable, Sendable, Codable {
    /// How often readers began to read files at this node. It grows from report to report, until a new count begins.
    public struct ReadCounts: Hashable, Sendable, Codable {
        /// A file.
        public struct File: Hashable, Sendable, Codable {
            /// From the set's root.
            public var path: String
            /// How often, no less than this.
            public var reads: Int64

            /// Both parts given.
            public init(path: String, reads: Int64) {
                self.path = path
                self.reads = reads
            }
        }

        /// When the count began, by the node's clock, in whole seconds: another time is another count.
        public var since: Date
        /// The files that are read most, those first.
        public var files: [File]
        /// Whether other files were read as well, none of them more often than the last of these.
        public var isCut: Bool

        /// Every part given.
        public init(since: Date, files: [File] = [], isCut: Bool = false) {
            self.since = since
            self.files = files
            self.isCut = isCut
        }
    }

    /// One set that the node mirrors.
    public struct SetReport: Hashable, Sendable, Codable {
        /// Its name.
        public var set: SetName
        /// Whether the node mirrors only a part, by its own choice.
        public var isFiltered: Bool
        /// The snapshot that its readers see; nil before the first activation.
        @NullWhenNil public var current: NodeStatus.Current?
        /// All that it has or fetches of the set, as its own status has them; ascending by serial.
        public var snapshots: [NodeStatus.Snapshot]
        /// Bytes that are free on the file system of the set's root; nil when nobody knows.
        @NullWhenNil public var diskFree: Int64?
        /// What is wrong with the set, as a sentence.
        @NullWhenNil public var error: String?
        /// What its readers read; nil when the node does not serve them itself.
        public var reads: ReadCounts?

        /// Every part given.
        public init(
            set: SetName, isFiltered: Bool, current: NodeStatus.Current? = nil, snapshots: [NodeStatus.Snapshot] = [],
            diskFree: Int64? = nil, error: String? = nil, reads: ReadCounts? = nil
        ) {
            self.set = set
            self.isFiltered = isFiltered
            self.current = current
            self.snapshots = snapshots
            self.diskFree = diskFree
            self.error = error
            self.reads = reads
        }
    }

    /// The format that this code writes and reads.
    public static let currentFormat = 1
    /// The longest report that a tracker reads, in bytes of JSON.
    public static let sizeLimit = 256 << 10

    /// A tracker refuses any other than `currentFormat`.
    public var format = NodeReport.currentFormat
    /// Who reports; the token that comes with the report must be this node's.
    public var node: NodeName
    /// Of the node's software.
    public var version: String
    /// By the node's clock, in whole seconds: the tracker shows how far that clock is off.
    public var sent: Date
    /// Base URLs where readers find the node's sets.
    public var urls: [String]
    /// In the order of the node's configuration.
    public var sets: [SetReport]
    /// Nil when the node's configuration calls no peers near or far.
    public var traffic: NodeStatus.PeerTraffic?

    /// In the current format.
    public init(node: NodeName, version: String, sent: Date, urls: [String] = [], sets: [SetReport] = []) {
        self.node = node
        self.version = version
        self.sent = sent
        self.urls = urls
        self.sets = sets
    }
}
