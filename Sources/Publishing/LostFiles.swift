internal import FileTree
internal import Metainfo
public import SwarmCore

/// Files that trees of a store lack, though their snapshots have them, because another program wrote to them or removed
/// them. They are neither offered to peers nor taken for what they were.
public struct LostFiles: Hashable, Sendable {
    private var trees: [SnapshotID: Set<String>] = [:]

    /// Nothing is lost.
    public init() {}

    /// What the tree of a snapshot lacks.
    public func paths(of snapshot: SnapshotID) -> Set<String> { trees[snapshot] ?? [] }

    mutating func insert(_ path: String, of snapshot: SnapshotID) { trees[snapshot, default: []].insert(path) }

    mutating func keepOnly(_ snapshots: Set<SnapshotID>) { trees = trees.filter { snapshots.contains($0.key) } }
}

extension LostFiles: Codable {
    /// From an object with a list of paths for each snapshot.
    public init(from decoder: any Decoder) throws {
        for (name, paths) in try decoder.singleValueContainer().decode([String: [String]].self) {
            if let snapshot = SnapshotID(name) { trees[snapshot] = Set(paths) }
        }
    }

    /// As an object with a list of paths for each snapshot.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(
            Dictionary(uniqueKeysWithValues: trees.map { ($0.key.rawValue, $0.value.sorted()) }))
    }
}

extension SnapshotStore {
    private var lostPath: String { "\(layout.swarm)/lost.json" }

    /// What the trees lack.
    public func lost() throws -> LostFiles {
        guard let bytes = try FileSystem.contents(lostPath) else { return LostFiles() }
        return try Documents.decode(LostFiles.self, from: bytes)
    }

    /// Changes the list of what the trees lack. Waits for others who do the same.
    func updateLost(_ change: (inout LostFiles) -> Void) throws {
        let lock = try FileLock.acquire("\(layout.swarm)/feed.lock", owner: "noting lost files", waiting: true)
        defer { withExtendedLifetime(lock) {} }
        let old = try lost()
        var lost = old
        change(&lost)
        if lost != old { try FileSystem.writeAtomically(try Documents.encode(lost), to: lostPath) }
    }

    /// Notes the files of a torrent that its tree lacks, or has in another length, after one of them could not be read.
    /// Returns their paths. Looks at every file of the torrent.
    public func noteLost(of seed: Seed) throws -> [String] {
        let torrent = try torrent(seed.shard)
        let known = try lost().paths(of: seed.snapshot)
        let missing = try torrent.files.filter { entry in
            let status = try FileSystem.status("\(layout.files(of: seed.snapshot))/\(torrent.path(entry))")
            return status?.kind != .regular || status?.size != torrent.length(entry)
        }.map { torrent.path($0) }.filter { !known.contains($0) }
        try updateLost { lost in
            for path in missing { lost.insert(path, of: seed.snapshot) }
        }
        return missing
    }
}
