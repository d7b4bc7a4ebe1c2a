internal import FileTree
internal import Metainfo
internal import SwarmCore

/// Carries a plan out, up to what has to be fetched. Every step may be repeated after a crash.
struct TreeAssembler {
    let layout: RootLayout
    /// The name of the tree that is made.
    let target: SnapshotID
    /// The name of the tree that is made over; nil for a new tree, the target itself when it is gone on with.
    let base: SnapshotID?
    /// Whether readers see the tree already: one that was damaged, and is made whole again.
    var isOpen = false
    /// Whether the tree becomes a spare one, and no snapshot's own.
    var isSpare = false

    private var tree: String { isSpare ? layout.spareTree(target) : layout.tree(target) }
    private var files: String { "\(tree)/\(layout.set)" }
    /// Where files wait that move inside the tree that is made over.
    private var stage: String { "\(layout.stages)/\(target)" }

    /// Gives the tree that is made over its new name, in one step: whoever finds it by the old one finds all of it as it was.
    private func takeOver(_ base: SnapshotID) throws {
        guard let old = layout.existingTree(base), old != tree else { return }
        try FileSystem.remove(layout.snapshotLink(base))
        try FileSystem.setMode(old, 0o700)
        if isSpare { try FileSystem.makeDirectories(layout.spares) }
        try FileSystem.rename(old, to: tree)
    }

    /// Blocking. `shelf` has the snapshot's torrents.
    func assemble(_ plan: SnapshotPlan, shelf: TorrentShelf) throws {
        if let base { try takeOver(base) }
        guard base == nil || FileSystem.exists(tree) else {
            throw MirrorError(.file, "\(tree) was to be made from another tree, which is gone; it is made anew")
        }
        try FileSystem.makeDirectories(layout.trees)
        try FileSystem.makeDirectories(tree, mode: 0o700)
        try FileSystem.setMode(tree, isOpen ? 0o755 : 0o700)
        let builder = try TreeBuilder(root: files)
        let staged = try stageMoves(plan, builder)

        try builder.remove(
            files: plan.diff.removedFiles + plan.leftovers, links: plan.diff.removedLinks,
            directories: plan.diff.removedDirectories, adding: plan.diff.addedDirectories,
            linking: plan.diff.addedLinks.map(\.path))
        for placement in plan.placements {
            let source =
                staged[placement.location]
                ?? "\(placement.location.files)/\(placement.location.path)"
            try reportingDamage(of: placement.location.tree, at: source) {
                try Self.place(
                    placement.file, from: source, copies: placement.copies, isRewritten: placement.isRewritten, builder)
            }
        }
        try linkBeside(plan, shelf, builder)
        for file in plan.empty { try makeEmpty(file, builder) }
        for path in plan.detached { try Self.detach(path, in: builder.root) }
        for transfer in plan.transfers {
            for entry in transfer.entries(.fetch) { try builder.makeParents(of: transfer.torrent.path(entry)) }
        }
        for link in plan.diff.addedLinks { try builder.symlink(link.target, at: link.path) }
    }

    /// Once it is in the state that the tree is assembled. Not before: a repetition would take what lies under an old
    /// name by then for what was there first.
    func forgetMoves() throws { try FileSystem.removeTree(stage) }

    /// What moves inside the tree is linked aside first, before its old name goes.
    private func stageMoves(_ plan: SnapshotPlan, _ builder: TreeBuilder) throws -> [ContentLocator.Location: String] {
        var staged: [ContentLocator.Location: String] = [:]
        for placement in plan.placements where placement.location.tree == base || placement.location.tree == target {
            let location = placement.location
            guard staged[location] == nil else { continue }
            try FileSystem.makeDirectories(stage)
            let identity = location.identity
            let name = "\(stage)/\(identity.sha256)-\(identity.mtime)-\(identity.executable ? "x" : "")"
            // There already: this is a repetition after a crash, and the old name may be anything by now.
            if try !Self.holds(name, location, placement.file) {
                try stage(location, builder, as: name)
                guard try Self.holds(name, location, placement.file) else {
                    try FileSystem.remove(name)
                    throw DamagedTree(
                        snapshot: location.tree, files: builder.root, path: builder.location(location.path))
                }
            }
            staged[location] = name
        }
        return staged
    }

    private static func holds(_ name: String, _ location: ContentLocator.Location, _ file: FileEntry) throws -> Bool {
        let status = try FileSystem.status(name)
        return status?.kind == .regular && status?.size == file.length
            && status?.mtimeSeconds == location.identity.mtime
            && status?.isExecutable == location.identity.executable
    }

    private func stage(_ location: ContentLocator.Location, _ builder: TreeBuilder, as name: String) throws {
        let source = builder.location(location.path)
        try FileSystem.remove(name)
        do { try FileSystem.link(source, to: name) } catch {
            guard try FileSystem.status(source)?.kind == .regular else {
                throw DamagedTree(snapshot: location.tree, files: builder.root, path: source)
            }
            guard error.isTooManyLinks else { throw error }
            let copy = "\(stage)/copy"
            try FileSystem.remove(copy)
            try FileSystem.copy(source, to: copy, mode: location.identity.executable ? 0o555 : 0o444)
            try FileSystem.setModificationTime(copy, seconds: location.identity.mtime)
            try FileSystem.rename(copy, to: name)
        }
    }

    /// Links what the tree beside has under the same paths, a torrent after the other.
    private func linkBeside(_ plan: SnapshotPlan, _ shelf: TorrentShelf, _ builder: TreeBuilder) throws {
        guard let beside = plan.beside else { return }
        for shard in plan.shards where !shard.linked.isEmpty {
            let torrent = try shelf.torrent(shard.shard)
            func place(_ entry: Int, isRewritten: Bool) throws {
                let source = "\(beside.files)/\(torrent.path(entry))"
                try reportingDamage(of: beside.snapshot, at: source) {
                    try Self.place(
                        torrent.file(entry), from: source, copies: isRewritten, isRewritten: isRewritten, builder)
                }
            }
            let entries = shard.linked.indices.filter { shard.linked[$0] }
            for entry in entries where shard.sources[entry] == .rewritten { try place(entry, isRewritten: true) }
            let linked = entries.filter { shard.sources[$0] != .rewritten }
            // Where there is a file already, or none to link to, and where an inode has all the links that it can have.
            for left in try builder.link(linked.map { torrent.path($0) }, from: beside.files) {
                try place(linked[left], isRewritten: false)
            }
        }
    }

    private func reportingDamage(of tree: SnapshotID, at source: String, _ body: () throws -> Void) throws {
        do { try body() } catch let fault as FileError {
            guard fault.isMissing, !FileSystem.exists(source) else { throw fault }
            throw DamagedTree(snapshot: tree, files: layout.files(of: tree), path: source)
        }
    }

    /// Links or copies a file that is elsewhere.
    static func place(
        _ file: FileEntry, from source: String, copies: Bool, isRewritten: Bool = false, _ builder: TreeBuilder
    ) throws {
        if !copies {
            do { return try builder.link(source, at: file.path) } catch {
                // Too many links to one inode: a copy serves as well.
                guard error.isTooManyLinks else { throw error }
            }
        }
        let mode: UInt32 = file.executable ? 0o555 : 0o444
        try builder.copy(source, at: file.path, mtime: file.mtime, mode: isRewritten ? mode | 0o200 : mode)
    }

    private func makeEmpty(_ file: FileEntry, _ builder: TreeBuilder) throws {
        try builder.remove(file.path)
        try builder.makeParents(of: file.path)
        let location = builder.location(file.path)
        _ = try Descriptor.create(location, mode: 0o600, exclusive: true)
        try FileSystem.setModificationTime(location, seconds: file.mtime)
        try FileSystem.setMode(location, file.executable ? 0o555 : 0o444)
    }

    /// Gives a file an inode of its own, unless it has one. libtorrent will write in it: the owner may.
    ///
    /// - Parameter root: of the tree's files; the copy is made beside it, where no file of the tree can be.
    static func detach(_ path: String, in root: String) throws {
        let location = "\(root)/\(path)"
        guard let status = try FileSystem.status(location), status.kind == .regular else { return }
        if status.links > 1 {
            let copy = "\(root).detached"
            try FileSystem.remove(copy)
            try FileSystem.copy(location, to: copy, mode: status.mode | 0o200)
            try FileSystem.setModificationTime(copy, seconds: status.mtimeSeconds)
            try FileSystem.rename(copy, to: location)
        } else {
            try FileSystem.setMode(location, status.mode | 0o200)
        }
    }
}

/// A tree lacks a file that it should have: somebody removed it.
struct DamagedTree: Error, CustomStringConvertible {
    let snapshot: SnapshotID
    /// The directory with its files: another snapshot's when it is being made over.
    let files: String
    let path: String

    var description: String {
        "\(path) is gone, though snapshot \(snapshot) should hold it: somebody removed it; it is fetched instead"
    }
}
