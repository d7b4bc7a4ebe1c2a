internal import Metainfo
internal import SwarmCore

extension SnapshotPlan {
    /// Makes a plan. No more torrents are open at a time than hold one range of the paths; of others that lack something
    /// an excerpt is kept.
    ///
    /// - Parameters:
    ///   - target: the snapshot's torrents.
    ///   - base: what the tree that is made over holds; nil for a new tree.
    ///   - beside: a tree of the same set, in which most files have the same paths.
    ///   - sources: trees to link from, wherever a content lies in them, the best first.
    ///   - sharing: shards that `base` holds as they are, under the same filter.
    init(
        target: [Manifest.Shard], shelf: TorrentShelf, filter: CompiledFilter, base: LocalTree?, beside: LocalTree?,
        sources: [LocalTree], sharing: Set<InfoHash>
    ) throws {
        var planner = SnapshotPlanner(
            plan: SnapshotPlan(shards: target.map { Shard(shard: $0) }, beside: beside), shelf: shelf,
            filter: filter, base: base, sources: sources)
        try planner.compare(sharing)
        try planner.locate()
        for index in planner.plan.shards.indices { planner.gate(index) }
        try planner.joinNames()
        self = planner.plan
    }
}

private struct SnapshotPlanner {
    var plan: SnapshotPlan
    let shelf: TorrentShelf
    let filter: CompiledFilter
    let base: LocalTree?
    let sources: [LocalTree]
    /// Files that neither the tree nor the one beside it has under their path.
    private var lacking: [FileReference] = []
    /// Files of the tree beside that the target has not as they are: one that was renamed is here by its old name.
    private var departed: [ContentLocator.Location] = []
    /// How torrents of the target differ from those that they were made of.
    private var lineage: Lineage
    /// Torrents of the target that tell what those of the tree beside hold, apart from what is in `departed`.
    private var standIns: [InfoHash: ContentLocator.StandIn] = [:]
    /// Of a change of more than this, the rest is sought like anything else.
    private static let departedLimit = 100_000
    /// What is kept of a torrent until it is known what is fetched of it.
    private struct Part {
        let torrent: TorrentExcerpt
        /// Pieces that hold what the filter leaves out.
        let excluded: PieceSet
    }

    /// The torrents that these are in, by the place of their shards.
    private var parts: [Int: Part] = [:]
    /// What gets an inode of its own because it is written again, by the place of its transfer.
    private var rewritten: [FileIdentity: [FileReference]] = [:]

    init(plan: SnapshotPlan, shelf: TorrentShelf, filter: CompiledFilter, base: LocalTree?, sources: [LocalTree]) {
        self.plan = plan
        self.shelf = shelf
        self.filter = filter
        self.base = base
        self.sources = sources
        lineage = Lineage(shelf)
    }

    // MARK: By path

    mutating func compare(_ sharing: Set<InfoHash>) throws {
        let target = plan.shards.map(\.shard)
        let places = Dictionary(target.enumerated().map { ($1.infoHash, $0) }, uniquingKeysWith: { first, _ in first })
        for (index, shard) in target.enumerated() where sharing.contains(shard.infoHash) { try count(index) }
        for range in Manifest.ranges(base?.shards ?? [], target, beside: plan.beside?.shards, sharing: sharing) {
            let indices = range.target.compactMap { places[$0.infoHash] }
            let torrents = try shelf.torrents(indices.map { target[$0] })
            for (index, torrent) in zip(indices, torrents) {
                look(at: torrent, index)
                lineage.note(torrent)
            }
            let told = known(torrents, range.base)
            let diff = try told ?? compared(torrents, range.base)
            plan.diff.formUnion(diff)
            var placed = diff.placed
            placed.removeAll { reference in
                let torrent = torrents[reference.shard]
                guard torrent.length(reference.entry) == 0 else { return false }
                plan.empty.append(torrent.file(reference.entry))
                return true
            }
            // What the target has as it is there holds nothing that is placed.
            let others = range.beside.filter { shard in places[shard.infoHash].map { indices.contains($0) } ?? true }
            keep(try unlinked(placed, torrents, indices, others), torrents, indices)
        }
    }

    /// The difference to a tree that holds all of its snapshot, where the torrents tell it; nil otherwise.
    private mutating func known(_ torrents: [Torrent], _ shards: [Manifest.Shard]) -> TreeDiff? {
        guard let base, base.isWhole, filter.isEverything, torrents.count == shards.count else { return nil }
        let theirs = Set(shards.map(\.infoHash))
        let origins = torrents.compactMap { lineage.origin(of: $0.infoHash, in: theirs) }
        guard Set(origins.map(\.infoHash)) == theirs, origins.count == torrents.count else { return nil }
        return TreeDiff(target: torrents, origins: origins)
    }

    /// The difference to the base, by a look at its torrents.
    private mutating func compared(_ torrents: [Torrent], _ shards: [Manifest.Shard]) throws -> TreeDiff {
        let old = try (base?.shelf ?? shelf).torrents(shards)
        let lost = old.map { base?.missing[$0.infoHash] }
        let diff = TreeDiff(
            base: old, baseFilter: base?.filter ?? filter,
            holds: lost.contains { $0 != nil } ? { lost[$0.shard]?[$0.entry] != true } : nil, target: torrents,
            targetFilter: filter, sharing: [])
        plan.leftovers += leftovers(of: old, placed: diff.placed, in: torrents)
        return diff
    }

    /// Notes what is lacking, and keeps of the torrents what concerns it.
    private mutating func keep(_ unlinked: [FileReference], _ torrents: [Torrent], _ indices: [Int]) {
        for (shard, entries) in Dictionary(grouping: unlinked, by: \.shard).sorted(by: { $0.key < $1.key }) {
            let (torrent, index) = (torrents[shard], indices[shard])
            var pieces = PieceSet(pieceCount: torrent.pieceCount)
            for reference in entries {
                for piece in torrent.pieces(reference.entry) { pieces[piece] = true }
                lacking.append(FileReference(shard: index, entry: reference.entry))
            }
            var excluded = PieceSet(pieceCount: torrent.pieceCount)
            if !filter.isEverything {
                for (entry, source) in plan.shards[index].sources.enumerated() where source == .excluded {
                    for piece in torrent.pieces(entry) { excluded[piece] = true }
                }
            }
            parts[index] = Part(torrent: torrent.excerpt(of: pieces), excluded: excluded)
        }
    }

    /// Counts a shard that the tree holds as it is.
    private mutating func count(_ index: Int) throws {
        guard !filter.isEverything else {
            plan.filesTotal += plan.shards[index].shard.totals.files
            plan.bytesTotal += plan.shards[index].shard.totals.bytes
            return
        }
        let torrent = try shelf.torrent(plan.shards[index].shard)
        for entry in torrent.files where filter.includes(torrent.path(entry)) {
            plan.filesTotal += 1
            plan.bytesTotal += torrent.length(entry)
        }
    }

    /// Notes what of a torrent is to be here.
    private mutating func look(at torrent: Torrent, _ index: Int) {
        var sources = [SnapshotPlan.Source](repeating: .none, count: torrent.entryCount)
        for entry in torrent.files {
            guard filter.isEverything || filter.includes(torrent.path(entry)) else {
                sources[entry] = .excluded
                continue
            }
            sources[entry] = .here
            plan.filesTotal += 1
            plan.bytesTotal += torrent.length(entry)
        }
        plan.shards[index].sources = sources
    }

    private func leftovers(of old: [Torrent], placed: [FileReference], in target: [Torrent]) -> [String] {
        guard let base, old.contains(where: { base.missing[$0.infoHash] != nil }) else { return [] }
        var wanted: [[UInt8]: SHA256Digest] = [:]
        for reference in placed {
            let torrent = target[reference.shard]
            wanted[Array(torrent.pathUTF8(reference.entry))] = torrent.sha256(reference.entry)
        }
        return old.flatMap { torrent in
            (base.missing[torrent.infoHash]?.indices ?? []).filter { entry in
                torrent.kind(entry) == .file && wanted[Array(torrent.pathUTF8(entry))] != torrent.sha256(entry)
            }.map { torrent.path($0) }
        }
    }

    /// Has those files linked that the tree beside has under the same path, and returns the others.
    private mutating func unlinked(
        _ placed: [FileReference], _ torrents: [Torrent], _ indices: [Int], _ shards: [Manifest.Shard]
    ) throws -> [FileReference] {
        guard let beside = plan.beside, !placed.isEmpty else { return placed }
        let counterparts = try Counterparts(of: torrents, shards, in: beside)
        for (shard, index) in zip(torrents.indices, indices) {
            guard let infoHash = counterparts.told[shard], let shared = counterparts.shared[shard]?.entries else {
                continue
            }
            standIns[infoHash] = .init(shard: plan.shards[index].shard, shelf: shelf, shared: shared)
        }
        var isLinked = [Bool](repeating: false, count: placed.count)
        // By fingerprint; the first of several with the same one gets a look, which is a matter of chance beyond hope.
        var sought: [Int: Int] = [:]
        for (position, file) in placed.enumerated() {
            let torrent = torrents[file.shard]
            if let (infoHash, shared) = counterparts.shared[file.shard], let place = shared.place(of: file.entry) {
                isLinked[position] = beside.holds(infoHash, place, path: torrent.path(file.entry))
            } else {
                sought[torrent.fingerprint(file.entry)] = position
            }
        }
        counterparts.forEachDeparted { departed in
            noteDeparted(departed, in: beside)
            guard let position = sought[departed.fingerprint] else { return }
            let file = departed.file
            isLinked[position] =
                file.identity == torrents[placed[position].shard].identity(placed[position].entry)
                && file.path.utf8.elementsEqual(torrents[placed[position].shard].pathUTF8(placed[position].entry))
                && beside.holds(departed.infoHash, departed.entry, path: file.path)
        }
        for (file, linked) in zip(placed, isLinked) where linked {
            let index = indices[file.shard]
            if plan.shards[index].linked.isEmpty {
                plan.shards[index].linked = Array(repeating: false, count: torrents[file.shard].entryCount)
            }
            plan.shards[index].linked[file.entry] = true
        }
        return zip(placed, isLinked).filter { !$0.1 }.map(\.0)
    }

    private mutating func noteDeparted(_ departed: Counterparts.Departed, in beside: LocalTree) {
        guard self.departed.count < Self.departedLimit, departed.length > 0 else { return }
        let file = departed.file
        guard beside.holds(departed.infoHash, departed.entry, path: file.path) else { return }
        self.departed.append(
            ContentLocator.Location(
                tree: beside.snapshot, files: beside.files, path: file.path, identity: file.identity))
    }

    // MARK: By content

    private func torrent(_ reference: FileReference) -> TorrentExcerpt {
        guard let part = parts[reference.shard] else {
            preconditionFailure("of a shard that lacks a file an excerpt is kept until the plan is made")
        }
        return part.torrent
    }

    /// Decides for each file that is lacking where it comes from.
    mutating func locate() throws {
        let trees = sources + (base.map { [$0] } ?? [])
        // For a first tree, all of whose files are lacking, no list of them is made.
        let wanted = trees.isEmpty ? [] : Set(lacking.map { torrent($0).identity($0.entry) })
        // The tree beside is the first of the sources, where there is one.
        let tellsAll = departed.count < Self.departedLimit && trees.first?.snapshot == plan.beside?.snapshot
        // What another tree has and the one beside has not is told by the torrents, or looked for in that tree's.
        var others: [LocalTree] = []
        for tree in tellsAll && !wanted.isEmpty ? trees.dropFirst() : [] {
            if let gone = departed(from: tree) { departed += gone } else { others.append(tree) }
        }
        let locator = try ContentLocator(
            wanted, in: tellsAll ? trees.prefix(1) + others : trees, known: departed,
            standIns: tellsAll ? standIns : [:])
        (departed, standIns) = ([], [:])
        // The first of several files with one content is fetched: the one of the highest class.
        var first: [SHA256Digest: FileReference] = [:]
        // What gets an inode of its own, fetched or copied: others that are equal in time and mode too share it. What is
        // in `first` is not repeated here.
        var made: [FileIdentity: FileReference] = [:]
        for priority in Set(lacking.map { torrent($0).priority($0.entry) }).sorted(by: >) {
            for reference in lacking where torrent(reference).priority(reference.entry) == priority {
                let file = torrent(reference).file(reference.entry)
                let fetched = first[file.sha256]
                if let original = fetched.flatMap({ self.file($0).identity == file.identity ? $0 : nil })
                    ?? made[file.identity]
                {
                    addTwin(reference, file, of: original)
                } else if let location = locator.location(of: file.identity) {
                    let copies = location.identity != file.identity
                    plan.placements.append(.init(file: file, location: location, copies: copies))
                    if copies { made[file.identity] = reference }
                } else if let fetched {
                    addTwin(reference, file, of: fetched)
                    made[file.identity] = reference
                } else {
                    first[file.sha256] = reference
                    plan.shards[reference.shard].sources[reference.entry] = .fetch
                    plan.filesWanted += 1
                    plan.bytesWanted += file.length
                }
            }
        }
    }

    /// What a tree has that the target has not; nil where the torrents do not tell it.
    private mutating func departed(from tree: LocalTree) -> [ContentLocator.Location]? {
        guard tree.isWhole, let beside = plan.beside, beside.isWhole else { return nil }
        let theirs = Set(tree.shards.map(\.infoHash))
        let middle = Set(beside.shards.map(\.infoHash))
        var told: Set<InfoHash> = []
        var result: [ContentLocator.Location] = []
        for infoHash in plan.shards.map(\.shard.infoHash) {
            if theirs.contains(infoHash) {
                // What the tree has under the same path is told by the tree beside, if that has it.
                guard middle.contains(infoHash) else { return nil }
                told.insert(infoHash)
            } else if let origin = lineage.origin(of: infoHash, in: theirs, by: middle) {
                told.insert(origin.infoHash)
                for file in origin.departed.map(\.file) where file.length > 0 {
                    result.append(
                        .init(tree: tree.snapshot, files: tree.files, path: file.path, identity: file.identity))
                }
            }
        }
        return told == theirs ? result : nil
    }

    private func file(_ reference: FileReference) -> FileEntry { torrent(reference).file(reference.entry) }

    private mutating func addTwin(_ reference: FileReference, _ file: FileEntry, of original: FileReference) {
        plan.shards[reference.shard].sources[reference.entry] = .twin
        plan.twins.append((file, self.file(original)))
    }

    // MARK: By piece

    /// A piece is had when everything that it covers is here; one that covers a file to fetch is wanted. What is here
    /// and lies in a wanted piece will be written again: it must not share its inode with another tree. A torrent of which
    /// nothing is fetched is let go of.
    mutating func gate(_ index: Int) {
        guard let part = parts.removeValue(forKey: index), plan.shards[index].sources.contains(.fetch) else { return }
        let torrent = part.torrent
        var transfer = SnapshotPlan.Transfer(
            shard: plan.shards[index].shard, torrent: torrent, sources: plan.shards[index].sources,
            have: PieceSet(pieceCount: torrent.pieceCount, full: true))
        transfer.have.subtract(part.excluded)
        var phases: [Int: Priority] = [:]
        for entry in transfer.entries(.fetch, .twin) {
            for piece in torrent.pieces(entry) {
                transfer.have[piece] = false
                guard transfer.sources[entry] == .fetch else { continue }
                phases[piece] = max(phases[piece] ?? .lowest, torrent.priority(entry))
            }
        }
        var rewritten: Set<Int> = []
        for (piece, phase) in phases {
            transfer.wanted[phase, default: PieceSet(pieceCount: torrent.pieceCount)][piece] = true
            for entry in torrent.entries(inPiece: piece)
            where transfer.sources[entry] == .here { rewritten.insert(entry) }
        }
        for entry in rewritten { transfer.sources[entry] = .rewritten }
        plan.shards[index].sources = transfer.sources
        plan.transfers.append(transfer)
        detach(rewritten, of: torrent, plan.shards[index].linked)
    }

    private mutating func detach(_ rewritten: Set<Int>, of torrent: TorrentExcerpt, _ linked: [Bool]) {
        guard !rewritten.isEmpty else { return }
        plan.bytesCopied += rewritten.reduce(0) { $0 + torrent.length($1) }
        for entry in rewritten.sorted() {
            let reference = FileReference(shard: plan.transfers.count - 1, entry: entry)
            self.rewritten[torrent.file(entry).identity, default: []].append(reference)
        }
        // What is linked is copied instead: its source says so.
        var paths = Set(rewritten.filter { linked.isEmpty || !linked[$0] }.map { torrent.path($0) })
        for index in plan.placements.indices {
            guard paths.remove(plan.placements[index].file.path) != nil else { continue }
            plan.placements[index].copies = true
            plan.placements[index].isRewritten = true
        }
        plan.detached += paths
    }

    /// Other names of what gets an inode of its own are to share that one. They may be anywhere in the tree: what costs is
    /// a pass over the torrents, of which those are parsed that hold one of the contents that stand there more than once.
    mutating func joinNames() throws {
        guard !rewritten.isEmpty else { return }
        let target = plan.shards.map(\.shard)
        let search = DigestSearch(rewritten.keys.map(\.sha256))
        var counts: [SHA256Digest: Int] = [:]
        for shard in target {
            for digest in try shelf.found(search, in: shard) { counts[digest, default: 0] += 1 }
        }
        let repeated = DigestSearch(counts.filter { $0.value > 1 }.keys)
        for (index, shard) in target.enumerated() {
            guard let torrent = try shelf.torrent(shard, holding: repeated) else { continue }
            let sources = plan.shards[index].sources
            for entry in torrent.files where filter.isEverything || filter.includes(torrent.path(entry)) {
                guard let names = rewritten[torrent.identity(entry)] else { continue }
                join(torrent.file(entry), isUntouched: sources.isEmpty || sources[entry] == .here, to: names)
            }
        }
    }

    private mutating func join(_ file: FileEntry, isUntouched: Bool, to rewritten: [FileReference]) {
        let original = plan.transfers[rewritten[0].shard].torrent.file(rewritten[0].entry)
        guard file.path != original.path else { return }
        plan.twins.append((file, original))
        guard isUntouched else { return }
        for reference in rewritten { plan.transfers[reference.shard].named.insert(reference.entry) }
    }
}
