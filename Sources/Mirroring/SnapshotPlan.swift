internal import Metainfo
internal import SwarmCore

/// What has to be done so that a tree holds a snapshot: what to unlink, link, copy and fetch. Pure: it is made from
/// torrents alone, without a look at the disk.
struct SnapshotPlan: Sendable {
    /// Where an entry of a torrent is to come from.
    enum Source: Hashable, Sendable {
        /// In the tree already, or linked or copied into it.
        case here
        /// In the tree, with an inode of its own, in a piece that is written again because of what is fetched beside it.
        /// Until that piece has come and the file was checked, nobody may count on it: it stands in the journal.
        case rewritten
        /// To be fetched.
        case fetch
        /// Has the content of another file that is fetched or copied: linked or copied from that one at the end.
        case twin(FileReference)
        /// Not of this node's interest.
        case excluded
        /// A pad or a symbolic link.
        case none
    }

    /// One torrent of the snapshot.
    struct Shard: Sendable {
        let torrent: Torrent
        var sources: [Source]
        /// Pieces of which everything is here.
        var have: PieceSet
        /// Pieces to fetch, by class.
        var wanted: [Priority: PieceSet] = [:]

        /// All pieces to fetch.
        var allWanted: PieceSet {
            wanted.values.reduce(into: PieceSet(pieceCount: torrent.pieceCount)) { $0.formUnion($1) }
        }

        /// All pieces to fetch in classes from the highest down to `phase`.
        func wanted(downTo phase: Priority) -> PieceSet {
            wanted.filter { $0.key >= phase }.values.reduce(into: PieceSet(pieceCount: torrent.pieceCount)) {
                $0.formUnion($1)
            }
        }
    }

    /// A file to link or copy before anything is fetched.
    struct Placement: Sendable {
        let file: FileEntry
        let location: ContentLocator.Location
        /// With the same time and mode a link does; otherwise a copy is made.
        var copies: Bool
        /// A piece of it is written again: it is a copy that the owner may write, until it was checked.
        var isRewritten = false
    }

    var diff: TreeDiff
    var shards: [Shard]
    var placements: [Placement] = []
    /// Files that were being fetched for a snapshot that nobody needs any more, and that this one has not.
    var leftovers: [String] = []
    /// Files without content, to be created.
    var empty: [FileEntry] = []
    /// Files of the tree that share a piece with one that is fetched: each gets an inode of its own.
    var detached: [String] = []
    var twins: [(file: FileReference, of: FileReference)] = []
    var filesTotal = 0
    var bytesTotal: Int64 = 0
    var filesWanted = 0
    var bytesWanted: Int64 = 0
    var bytesCopied: Int64 = 0

    /// Entries of each shard that the tree does not hold as they should be before something was fetched.
    var missing: [InfoHash: PieceSet] {
        var result: [InfoHash: PieceSet] = [:]
        for shard in shards {
            var missing = PieceSet(pieceCount: shard.torrent.entryCount)
            for (entry, source) in shard.sources.enumerated() {
                switch source {
                case .fetch, .twin, .rewritten: missing[entry] = true
                case .here, .excluded, .none: break
                }
            }
            if !missing.isEmpty { result[shard.torrent.infoHash] = missing }
        }
        return result
    }

    /// The classes that have something to fetch, highest first.
    var phases: [Priority] {
        Set(shards.flatMap { shard in shard.wanted.filter { !$0.value.isEmpty }.keys }).sorted(by: >)
    }

    /// - Parameters:
    ///   - base: what the tree that is made over holds; nil for a new tree.
    ///   - sources: further trees to link from, the best first.
    init(target: [Torrent], filter: CompiledFilter, base: LocalTree?, sources: [LocalTree], sharing: Set<InfoHash>) {
        diff = TreeDiff(
            base: base?.torrents ?? [], baseFilter: base?.filter ?? filter,
            holds: base.map { base in { base.holds($0.shard, $0.entry) } }, target: target, targetFilter: filter,
            sharing: sharing)
        shards = target.map { torrent in
            let sources = (0..<torrent.entryCount).map { entry -> Source in
                guard torrent.kind(entry) == .file else { return .none }
                return filter.isEverything || filter.includes(torrent.path(entry)) ? .here : .excluded
            }
            return Shard(torrent: torrent, sources: sources, have: PieceSet(pieceCount: torrent.pieceCount))
        }
        leftovers = base.map { Self.leftovers(of: $0, placed: diff.placed, in: target) } ?? []
        for shard in shards {
            for (entry, source) in shard.sources.enumerated() where source == .here {
                filesTotal += 1
                bytesTotal += shard.torrent.length(entry)
            }
        }
        locate(base: base, sources: sources)
        for index in shards.indices { gate(index) }
    }

    private static func leftovers(of base: LocalTree, placed: [FileReference], in target: [Torrent]) -> [String] {
        guard !base.missing.isEmpty else { return [] }
        var wanted: [[UInt8]: SHA256Digest] = [:]
        for reference in placed {
            let torrent = target[reference.shard]
            wanted[Array(torrent.pathUTF8(reference.entry))] = torrent.sha256(reference.entry)
        }
        return base.torrents.flatMap { torrent in
            (base.missing[torrent.infoHash]?.indices ?? []).filter { entry in
                torrent.kind(entry) == .file && wanted[Array(torrent.pathUTF8(entry))] != torrent.sha256(entry)
            }.map { torrent.path($0) }
        }
    }

    /// Decides for each file that the tree lacks where it comes from.
    private mutating func locate(base: LocalTree?, sources: [LocalTree]) {
        let contents = Set(diff.placed.map { shards[$0.shard].torrent.sha256($0.entry) })
        let locator = ContentLocator(contents, in: sources + (base.map { [$0] } ?? []))
        // The first of several files with one content is fetched: the one of the highest class.
        var first: [SHA256Digest: FileReference] = [:]
        // What gets an inode of its own, fetched or copied: others that are equal in time and mode too share it.
        var made: [FileIdentity: FileReference] = [:]
        let ordered = diff.placed.enumerated().sorted { left, right in
            let (one, two) = (priority(left.element), priority(right.element))
            return one != two ? one > two : left.offset < right.offset
        }.map(\.element)
        for reference in ordered {
            let torrent = shards[reference.shard].torrent
            let file = torrent.file(reference.entry)
            if file.length == 0 {
                empty.append(file)
            } else if let original = made[file.identity] {
                shards[reference.shard].sources[reference.entry] = .twin(original)
                twins.append((reference, original))
            } else if let location = locator.location(of: file.identity) {
                let copies = location.identity != file.identity
                placements.append(Placement(file: file, location: location, copies: copies))
                if copies { made[file.identity] = reference }
            } else if let original = first[file.sha256] {
                shards[reference.shard].sources[reference.entry] = .twin(original)
                twins.append((reference, original))
                made[file.identity] = reference
            } else {
                first[file.sha256] = reference
                made[file.identity] = reference
                shards[reference.shard].sources[reference.entry] = .fetch
                filesWanted += 1
                bytesWanted += file.length
            }
        }
    }

    private func priority(_ reference: FileReference) -> Priority {
        shards[reference.shard].torrent.priority(reference.entry)
    }

    /// A piece is had when everything that it covers is here; one that covers a file to fetch is wanted. What is here
    /// and lies in a wanted piece will be written again: it must not share its inode with another tree.
    private mutating func gate(_ index: Int) {
        var shard = shards[index]
        let torrent = shard.torrent
        guard shard.sources.contains(where: { $0 != .here && $0 != .none }) else {
            shard.have = PieceSet(pieceCount: torrent.pieceCount, full: true)
            shards[index] = shard
            return
        }
        var rewritten: Set<Int> = []
        for piece in 0..<torrent.pieceCount {
            let entries = torrent.entries(inPiece: piece).filter { torrent.kind($0) == .file && torrent.length($0) > 0 }
            let fetched = entries.filter { shard.sources[$0] == .fetch }
            if let phase = fetched.map({ torrent.priority($0) }).max() {
                shard.wanted[phase, default: PieceSet(pieceCount: torrent.pieceCount)][piece] = true
                rewritten.formUnion(entries.filter { shard.sources[$0] == .here })
            } else if entries.allSatisfy({ shard.sources[$0] == .here }) {
                shard.have[piece] = true
            }
        }
        for entry in rewritten { shard.sources[entry] = .rewritten }
        shards[index] = shard
        guard !rewritten.isEmpty else { return }
        let paths = Set(rewritten.map { torrent.path($0) })
        let placed = Set(placements.indices.filter { paths.contains(placements[$0].file.path) })
        for placement in placed {
            placements[placement].copies = true
            placements[placement].isRewritten = true
        }
        let copied = Set(placed.map { placements[$0].file.path })
        detached += paths.filter { !copied.contains($0) }
        bytesCopied += rewritten.reduce(0) { $0 + torrent.length($1) }
    }
}
