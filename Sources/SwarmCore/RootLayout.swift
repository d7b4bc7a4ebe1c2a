/// Where things lie below the root of a node, or the store of a master: both have the same shape, so that one HTTP
/// front end serves either. Paths only; nothing here touches a disk.
///
///     ROOT/current -> trees/<uuid>/<set>           ROOT/snap/<uuid> -> ../trees/<uuid>/<set>
///     ROOT/master-snap/<tag> -> ../snap/<uuid>     ROOT/trees/<uuid>/<set>/…
///     ROOT/.swarm/feed, manifests/, torrents/, status.sock, state.sqlite, lock
public struct RootLayout: Hashable, Sendable {
    /// The root directory, absolute, without a slash at the end.
    public let root: String
    /// The set whose files lie here; it names the last directory of each tree, and a segment of the URL paths.
    public let set: SetName

    /// Slashes at the end of `root` are dropped. The path is not made absolute.
    public init(root: String, set: SetName) {
        var trimmed = root
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        self.root = trimmed
        self.set = set
    }

    /// The link that readers follow, with the target `currentTarget(_:)`. Absent until the first activation.
    public var current: String { "\(root)/current" }
    /// One directory for each snapshot; see `tree(_:)`.
    public var trees: String { "\(root)/trees" }
    /// The directory of links to the snapshots that readers may see, by UUID, and of `current`.
    public var snapshots: String { "\(root)/snap" }
    /// The directory of links named by the tags in the feed.
    public var masterTags: String { "\(root)/master-snap" }
    /// The directory of links named by the tags of this node; a master has none.
    public var localTags: String { "\(root)/local-snap" }

    /// The private directory.
    public var swarm: String { "\(root)/.swarm" }
    /// Locked by the one process that makes trees here: a node, or a publication on the master.
    public var lock: String { "\(swarm)/lock" }
    /// The node's database of snapshots and its journal; a master has none.
    public var state: String { "\(swarm)/state.sqlite" }
    /// The Unix socket at which the running daemon answers for its status.
    public var socket: String { "\(swarm)/status.sock" }
    /// The newest feed, as it was signed.
    public var feed: String { "\(swarm)/feed" }
    /// Files `<uuid>.json`.
    public var manifests: String { "\(swarm)/manifests" }
    /// Files `<info-hash>.torrent`, and the same with `.zst` at the end.
    public var torrents: String { "\(swarm)/torrents" }
    /// See `spareTree(_:)`.
    public var spares: String { "\(swarm)/spare" }
    /// One directory for each tree that is being made over: where files wait that move in it.
    public var stages: String { "\(swarm)/stage" }
    /// Patches from one torrent to its successor.
    public var deltas: String { "\(swarm)/deltas" }

    /// Where a tree lies, under the name that it had, once it holds the files of another snapshot: on a node, so that who
    /// knows it by its old place finds it gone, and never changed.
    public func spareTree(_ snapshot: SnapshotID) -> String { "\(spares)/\(snapshot)" }
    /// The directory that is private until activation and that torrents are saved to: mode 0700, then 0755.
    public func tree(_ snapshot: SnapshotID) -> String { "\(trees)/\(snapshot)" }
    /// The snapshot's files.
    public func files(of snapshot: SnapshotID) -> String { "\(trees)/\(snapshot)/\(set)" }
    /// The manifest as the feed's digest pins it, byte for byte.
    public func manifest(_ snapshot: SnapshotID) -> String { "\(manifests)/\(snapshot).json" }
    /// For any BitTorrent client; may have trackers beside what the manifest's digest covers.
    public func torrent(_ infoHash: InfoHash) -> String { "\(torrents)/\(infoHash).torrent" }
    /// How a torrent differs from the one that it was made of, on a node.
    public func origin(_ infoHash: InfoHash) -> String { "\(torrents)/\(infoHash).origin" }
    /// What nodes take: it decompresses to exactly what the manifest's digest covers.
    public func compressedTorrent(_ infoHash: InfoHash) -> String { "\(torrents)/\(infoHash).torrent.zst" }
    /// The patch that makes the torrent `target` from the torrent `base`.
    public func delta(from base: InfoHash, to target: InfoHash) -> String { "\(deltas)/\(base)-\(target).zst" }
    /// The link that lets readers at one snapshot, with the target `../trees/<uuid>/<set>`.
    public func snapshotLink(_ snapshot: SnapshotID) -> String { "\(snapshots)/\(snapshot)" }

    /// What the link `current` holds when `snapshot` is current.
    public func currentTarget(_ snapshot: SnapshotID) -> String { "trees/\(snapshot)/\(set)" }

    /// The snapshot that a link with the text `target` makes current; nil when it is none of ours.
    public func snapshot(currentTarget target: String) -> SnapshotID? {
        let parts = target.split(separator: "/")
        guard parts.count == 3, parts[0] == "trees", parts[2] == set.rawValue else { return nil }
        return SnapshotID(String(parts[1]))
    }
}
