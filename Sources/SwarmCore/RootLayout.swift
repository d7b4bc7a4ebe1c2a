/// Where things lie below the root of a node, or the store of a master: both have the same shape, so that one HTTP
/// front end serves either. Paths only; nothing here touches a disk.
///
///     ROOT/current -> trees/<uuid>/<set>           ROOT/snap/<uuid> -> ../trees/<uuid>/<set>
///     ROOT/master-snap/<tag> -> ../snap/<uuid>     ROOT/trees/<uuid>/<set>/…
///     ROOT/.swarm/feed, manifests/, torrents/, status.sock, state.sqlite, lock
public struct RootLayout: Hashable, Sendable {
    /// The root directory, absolute, without a slash at the end.
    public let root: String
    public let set: SetName

    public init(root: String, set: SetName) {
        var trimmed = root
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        self.root = trimmed
        self.set = set
    }

    public var current: String { "\(root)/current" }
    public var trees: String { "\(root)/trees" }
    public var snapshots: String { "\(root)/snap" }
    public var masterTags: String { "\(root)/master-snap" }
    public var localTags: String { "\(root)/local-snap" }

    /// The private directory.
    public var swarm: String { "\(root)/.swarm" }
    public var lock: String { "\(swarm)/lock" }
    public var state: String { "\(swarm)/state.sqlite" }
    public var socket: String { "\(swarm)/status.sock" }
    /// The newest feed, as it was signed.
    public var feed: String { "\(swarm)/feed" }
    public var manifests: String { "\(swarm)/manifests" }
    public var torrents: String { "\(swarm)/torrents" }
    public var deltas: String { "\(swarm)/deltas" }

    /// The directory that is private until activation and that torrents are saved to: mode 0700, then 0755.
    public func tree(_ snapshot: SnapshotID) -> String { "\(trees)/\(snapshot)" }
    /// The snapshot's files.
    public func files(of snapshot: SnapshotID) -> String { "\(trees)/\(snapshot)/\(set)" }
    public func manifest(_ snapshot: SnapshotID) -> String { "\(manifests)/\(snapshot).json" }
    public func torrent(_ infoHash: InfoHash) -> String { "\(torrents)/\(infoHash).torrent" }
    public func compressedTorrent(_ infoHash: InfoHash) -> String { "\(torrents)/\(infoHash).torrent.zst" }
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
