public import SwarmCore
internal import Synchronization

/// What the server shows of one set: the root of a node, or the store of a master.
public struct Site: Sendable {
    /// Where the files lie.
    public let layout: RootLayout
    /// The set's newest feed.
    public let feed: FeedBox
    /// The activated snapshots that are still on disk, newest first.
    public let retained: @Sendable () -> [SnapshotID]
    /// Counts what readers read of the current snapshot; nil where nobody wants to know.
    public let reads: ReadCounter?
    /// Torrents that are not seeded yet; nil where the feed is shown only when all are.
    public let pendingSeeds: PendingSeeds?

    /// - Parameter retained: the activated snapshots that are still on disk, newest first. It is called on a file
    ///   thread whenever a path is missing from the current snapshot, so it answers from memory.
    public init(
        layout: RootLayout, feed: FeedBox, retained: @escaping @Sendable () -> [SnapshotID],
        reads: ReadCounter? = nil, pendingSeeds: PendingSeeds? = nil
    ) {
        self.layout = layout
        self.feed = feed
        self.retained = retained
        self.reads = reads
        self.pendingSeeds = pendingSeeds
    }
}

/// The sites by the name of their set; connections look here at each request, so a reload takes effect at once.
final class SiteTable: Sendable {
    private let sites: Mutex<[SetName: Site]>

    init(_ sites: [Site]) { self.sites = Mutex(Self.table(of: sites)) }

    subscript(set: SetName) -> Site? { sites.withLock { $0[set] } }

    var names: [SetName] { sites.withLock { Array($0.keys) } }

    func replace(with sites: [Site]) {
        let table = Self.table(of: sites)
        self.sites.withLock { $0 = table }
    }

    private static func table(of sites: [Site]) -> [SetName: Site] {
        Dictionary(sites.map { ($0.layout.set, $0) }, uniquingKeysWith: { $1 })
    }
}
