internal import FileTree
internal import Metainfo
internal import SwarmCore

/// Compares a tree of which nothing is known with a snapshot: every name, size, time, mode and content. Blocking, and as
/// slow as reading it all; it is done once, after the state of a node was lost.
struct TreeInspection: Sendable {
    /// An inode of which the content is known already.
    struct Inode: Hashable, Sendable {
        let device: UInt64
        let number: UInt64
    }

    /// Files that are not as they should be, or not there, by shard; shards that are whole are left out.
    private(set) var missing: [InfoHash: PieceSet] = [:]
    /// Files and links that the snapshot does not have, or has otherwise.
    private(set) var wrong: [String] = []
    /// Empty directories that the snapshot does not have.
    private(set) var wrongDirectories: [String] = []
    /// Links of the snapshot that are not there.
    private(set) var missingLinks: [LinkEntry] = []
    /// Empty directories of the snapshot that are not there.
    private(set) var missingDirectories: [String] = []
    /// Bytes of the files that are as they should be.
    private(set) var bytes: Int64 = 0
    /// How many files are as they should be.
    private(set) var files = 0

    /// Whether the tree is the snapshot.
    var isWhole: Bool {
        missing.isEmpty && wrong.isEmpty && wrongDirectories.isEmpty && missingLinks.isEmpty
            && missingDirectories.isEmpty
    }

    /// The bytes of a path: as text, two of them may be equal though they are two names on the disk.
    private typealias Path = [UInt8]

    private let root: String
    private let torrents: [Torrent]
    private var expected: [Path: FileReference] = [:]
    private var links: [Path: LinkEntry] = [:]
    private var directories: Set<Path> = []
    /// Files whose name, size, time and mode are right, by inode.
    private var candidates: [Inode: [FileReference]] = [:]

    /// - Parameter known: digests of inodes that were read before; it is added to.
    init(
        root: String, torrents: [Torrent], filter: CompiledFilter, known: inout [Inode: SHA256Digest]
    ) throws {
        self.root = root
        self.torrents = torrents
        for (shard, torrent) in torrents.enumerated() {
            for entry in torrent.files where filter.isEverything || filter.includes(torrent.path(entry)) {
                expected[Path(torrent.pathUTF8(entry))] = FileReference(shard: shard, entry: entry)
            }
            for link in torrent.links where filter.includes(link.path) { links[Path(link.path.utf8)] = link }
            directories.formUnion(torrent.emptyDirectories.filter { filter.includes($0) }.map { Path($0.utf8) })
        }
        var absent = directories
        try walk("", &absent)
        missingDirectories = absent.map { String(decoding: $0, as: UTF8.self) }.sorted()
        missingLinks = links.values.sorted { $0.path < $1.path }
        try read(&known)
        for reference in expected.values {
            let torrent = torrents[reference.shard]
            missing[torrent.infoHash, default: PieceSet(pieceCount: torrent.entryCount)][reference.entry] = true
        }
    }

    /// Looks at a directory and what is below it.
    private mutating func walk(_ directory: String, _ absent: inout Set<Path>) throws {
        let names = try FileSystem.names(in: directory.isEmpty ? root : "\(root)/\(directory)")
        if names.isEmpty, !directory.isEmpty, absent.remove(Path(directory.utf8)) == nil {
            wrongDirectories.append(directory)
        }
        for name in names {
            let path = directory.isEmpty ? name : "\(directory)/\(name)"
            guard let status = try FileSystem.status("\(root)/\(path)") else { continue }
            switch status.kind {
            case .directory: try walk(path, &absent)
            case .symlink:
                let link = Path(path.utf8)
                if links[link]?.target == FileSystem.readLink("\(root)/\(path)") {
                    links[link] = nil
                } else {
                    wrong.append(path)
                }
            case .regular: look(at: path, status)
            case .other: wrong.append(path)
            }
        }
    }

    private mutating func look(at path: String, _ status: FileStatus) {
        guard let reference = expected[Path(path.utf8)] else { return wrong.append(path) }
        let torrent = torrents[reference.shard]
        let mode: UInt32 = torrent.isExecutable(reference.entry) ? 0o555 : 0o444
        guard status.size == torrent.length(reference.entry), status.mtimeSeconds == torrent.mtime(reference.entry),
            status.mode == mode
        else { return wrong.append(path) }
        candidates[Inode(device: status.device, number: status.inode), default: []].append(reference)
    }

    /// Compares the contents.
    private mutating func read(_ known: inout [Inode: SHA256Digest]) throws {
        let unread = candidates.filter { known[$0.key] == nil }.map { ($0.key, $0.value[0]) }
        let (verifier, torrents) = (FileVerifier(root: root), torrents)
        let digests = try Parallel.map(chunks: unread) { chunk in
            try chunk.map { inode, reference in
                (inode, try verifier.digest(torrents[reference.shard].file(reference.entry)))
            }
        }
        for (inode, digest) in digests.joined() { known[inode] = digest }
        for (inode, references) in candidates {
            for reference in references {
                let torrent = torrents[reference.shard]
                if known[inode] == torrent.sha256(reference.entry) {
                    expected[Path(torrent.pathUTF8(reference.entry))] = nil
                    files += 1
                    bytes += torrent.length(reference.entry)
                } else {
                    wrong.append(torrent.path(reference.entry))
                }
            }
        }
        candidates = [:]
    }

    /// Removes what is wrong, and makes the links and empty directories that are not there: what is left to do is in
    /// `missing`.
    func repair() throws {
        let builder = try TreeBuilder(root: root)
        for path in wrong { try builder.remove(path) }
        try builder.prune(
            wrong.map { TreePath.directory(of: $0) } + wrongDirectories,
            keeping: directories.map { String(decoding: $0, as: UTF8.self) })
        for path in missingDirectories { try builder.makeDirectory(path) }
        for link in missingLinks { try builder.symlink(link.target, at: link.path) }
    }
}
