/// How a tree comes to the mirrors.
public enum Technique: String, Sendable, Codable, CaseIterable {
    case swarm = "swarm-mirror"
    case rsync = "rsync daemon"
    case quick = "quick-fedora-mirror technique"
    case linkDest = "rsync --link-dest"
    case stockTorrent = "torrent per snapshot"
}

/// What it cost to bring mirrors from one state to another.
public struct Distribution: Sendable, Codable {
    /// From which state to which.
    public enum Work: String, Sendable, Codable {
        case first, unchanged, update
    }

    /// By which means.
    public var technique: Technique
    /// From which state to which.
    public var work: Work
    /// The shape of the tree.
    public var tree: String
    /// Files in the tree.
    public var files: Int
    /// Mirrors that were served at once.
    public var mirrors: Int
    /// Which update of these mirrors it was; the first has number 1.
    public var update = 0
    /// Seconds until the last mirror had the new state.
    public var wall = 0.0
    /// Seconds of CPU of the master's daemon, or of what stands in for it.
    public var masterCPU = 0.0
    /// Seconds of CPU that the master spent to find out and write down what is new.
    public var publishCPU = 0.0
    /// Seconds of CPU of all mirrors together.
    public var mirrorCPU = 0.0
    /// Bytes that the master sent, as the programs count them.
    public var bytesFromMaster: Int64 = 0
    /// Bytes that mirrors sent to the master, where the programs count them.
    public var bytesToMaster: Int64 = 0
    /// Bytes that mirrors got from one another.
    public var bytesFromMirrors: Int64 = 0
    /// Of the bytes from the master, lists and torrents.
    public var bytesMetadata: Int64 = 0
    /// Bytes of content that mirrors received, over all of them.
    public var bytesContent: Int64 = 0
    /// Bytes that are new in the state, in one copy.
    public var bytesNew: Int64 = 0
    /// Seconds until each mirror had the new state.
    public var completion: [Double] = []
    /// The most memory that one mirror's process had, in bytes.
    public var mirrorMemory: Int64 = 0

    /// Nothing measured yet.
    init(_ technique: Technique, _ work: Work, tree shape: TreeShape, mirrors: Int) {
        self.technique = technique
        self.work = work
        tree = shape.name
        files = shape.files
        self.mirrors = mirrors
    }
}
