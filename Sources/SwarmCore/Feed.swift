public import FoundationEssentials

/// When a ready snapshot may become current.
public struct Activation: Hashable, Sendable, Codable {
    /// True while the snapshot is embargoed.
    public var hold: Bool
    /// The earliest moment of the switch, in whole seconds.
    public var notBefore: Date

    /// `notBefore` is to be in whole seconds: the feed stores no fraction.
    public init(hold: Bool, notBefore: Date) {
        self.hold = hold
        self.notBefore = notBefore
    }
}

/// A document with its expected length and digest, so that it needs no trust of its own.
public struct Pinned: Hashable, Sendable, Codable {
    /// Length in bytes.
    public let size: Int
    /// Of the document itself, never of its compressed form.
    public let sha256: SHA256Digest

    /// `size` in bytes.
    public init(size: Int, sha256: SHA256Digest) {
        self.size = size
        self.sha256 = sha256
    }
}

/// The signed list of a set's live snapshots. It is the only document that is believed for its signature; everything
/// else is believed for a digest that leads back to it.
public struct Feed: Hashable, Sendable, Codable {
    /// One live snapshot.
    public struct Entry: Hashable, Sendable, Codable {
        /// Names the manifest, and the tree on each node.
        public let uuid: SnapshotID
        /// Higher than that of every snapshot published before.
        public let serial: Serial
        /// When the master made the snapshot, in whole seconds.
        public let created: Date
        /// What the manifest must be for a node to believe it.
        public let manifest: Pinned
        /// Files in all shards, as the manifest totals them.
        public let files: Int
        /// Length of those files, in bytes; without pads.
        public let bytes: Int64
        /// The only part of an entry that changes once it is published.
        public var activation: Activation

        /// Every part given.
        public init(
            uuid: SnapshotID, serial: Serial, created: Date, manifest: Pinned, files: Int, bytes: Int64,
            activation: Activation
        ) {
            self.uuid = uuid
            self.serial = serial
            self.created = created
            self.manifest = manifest
            self.files = files
            self.bytes = bytes
            self.activation = activation
        }
    }

    /// The format that this code writes and reads.
    public static let currentFormat = 1

    /// A node refuses a feed with any other than `currentFormat`.
    public var format = Feed.currentFormat
    /// A node refuses the feed of another set, whoever signed it.
    public let set: SetName
    /// Grows with every signature; a node refuses to go back.
    public var version: UInt64
    /// When this version was signed, in whole seconds.
    public var issued: Date
    /// The moment from which nodes refuse the feed, in whole seconds; the master signs anew before it.
    public var expires: Date
    /// Ascending by serial.
    public var snapshots: [Entry]
    /// Tags of the master, each protecting a snapshot from expiry.
    public var tags: [String: SnapshotID]
    /// Announce URLs, for every torrent of the set. With none, nodes find each other through the master.
    public var trackers: [String]
    /// Base URLs where the HTTP paths of the set are found.
    public var urls: [String]
    /// Where the master's seed listens; an empty host is the host that the feed was fetched from.
    public var peers: [Endpoint]
    /// Files that nodes are to fetch before the others of their class.
    public var prefetch: PrefetchList

    /// In the current format. `snapshots` must be ascending by serial.
    public init(
        set: SetName, version: UInt64, issued: Date, expires: Date, snapshots: [Entry] = [],
        tags: [String: SnapshotID] = [:], trackers: [String] = [], urls: [String] = [], peers: [Endpoint] = [],
        prefetch: PrefetchList = PrefetchList()
    ) {
        self.set = set
        self.version = version
        self.issued = issued
        self.expires = expires
        self.snapshots = snapshots
        self.tags = tags
        self.trackers = trackers
        self.urls = urls
        self.peers = peers
        self.prefetch = prefetch
    }

    /// The snapshot with the highest serial.
    public var newest: Entry? { snapshots.max { $0.serial < $1.serial } }

    /// Nil when the snapshot is not live: expired, withdrawn, or never published.
    public func entry(_ snapshot: SnapshotID) -> Entry? { snapshots.first { $0.uuid == snapshot } }
}

/// Why a feed that carries a good signature is not accepted.
public enum FeedRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// The key signs for another set, or the upstream mixes sets up.
    case wrongSet(expected: SetName, found: SetName)
    /// Most likely the format of a later version.
    case unknownFormat(Int)
    /// Feed versions: the highest accepted so far, and the lower one that came.
    case rolledBack(accepted: UInt64, offered: UInt64)
    /// By this node's clock.
    case expired(at: Date)
    /// By this node's clock, which reads `now`.
    case issuedInFuture(at: Date, now: Date)
    /// Two snapshots share a serial, or a later one has a lower serial.
    case notInOrder
    /// A tag that cannot name a link; cut short.
    case badTag(String)

    /// A sentence for the operator, with what may be done about it.
    public var description: String {
        switch self {
        case .wrongSet(let expected, let found): "the feed is of set \(found), not of \(expected)"
        case .unknownFormat(let format): "the feed has format \(format), which this version does not know; upgrade"
        case .rolledBack(let accepted, let offered):
            "the feed went back from version \(accepted) to \(offered): a stale or replayed copy; ask the upstream's operator"
        case .expired(let date):
            "the feed expired at \(date.formatted(.iso8601)): the master has not signed it anew (is its daemon running?), "
                + "or this clock is wrong"
        case .issuedInFuture(let date, let now):
            "the feed was issued at \(date.formatted(.iso8601)), but it is \(now.formatted(.iso8601)) here: the clock of this "
                + "machine is slow, or the master's is fast; set them right (by NTP), for they say when a snapshot becomes current"
        case .notInOrder: "the feed's snapshots are not in the order of their serials"
        case .badTag(let tag): "the feed has the tag “\(tag)”; a tag is \(Feed.tagRule)"
        }
    }
}

extension Feed {
    /// By how many seconds a node's clock may be behind the master's.
    public static let clockTolerance: TimeInterval = 600
    /// The rule of tags' names, for error messages.
    public static let tagRule = "1 to 64 characters out of A-Z a-z 0-9 . _ -, and not . or .."

    /// Whether `text` can be a tag, and so the name of a link.
    public static func isTag(_ text: some StringProtocol) -> Bool {
        let isAllowed = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        return (1...64).contains(text.utf8.count) && isAllowed && text != "." && text != ".."
    }

    /// Checks what a signature does not say: the set, the format, that the version did not go back, the expiry, that
    /// the feed is not from the future, and that tags can be names of links.
    public func check(expecting set: SetName?, acceptedVersion: UInt64, now: Date) throws(FeedRefusal) {
        guard format == Feed.currentFormat else { throw .unknownFormat(format) }
        if let set, set != self.set { throw .wrongSet(expected: set, found: self.set) }
        guard version >= acceptedVersion else { throw .rolledBack(accepted: acceptedVersion, offered: version) }
        guard expires > now else { throw .expired(at: expires) }
        guard issued.timeIntervalSince(now) <= Self.clockTolerance else {
            throw .issuedInFuture(at: issued, now: now)
        }
        guard zip(snapshots, snapshots.dropFirst()).allSatisfy({ $0.serial < $1.serial }) else { throw .notInOrder }
        if let tag = tags.keys.first(where: { !Self.isTag($0) }) { throw .badTag(String(tag.prefix(80))) }
    }
}
