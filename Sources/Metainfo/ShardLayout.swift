public import SwarmCore

/// The order of a shard's files in its torrent, and which piece hashes are known already.
///
/// A large file is alone in a **segment** that begins on a piece, so its pieces depend on nothing else. Small files are
/// packed one after the other in a segment, a *run*; what a snapshot adds is a run of its own. A packed file that goes
/// leaves a pad of its length, so that nothing shifts. Every segment is padded (BEP 47) up to the next piece, the last
/// one too: so a segment can move by whole pieces without any hash changing.
public struct ShardLayout: Sendable {
    /// One entry of the torrent.
    public enum Item: Hashable, Sendable {
        case file(FileEntry)
        case pad(Int64)

        /// Bytes.
        public var length: Int64 {
            switch self {
            case .file(let file): file.length
            case .pad(let length): length
            }
        }
    }

    /// Content that begins on a piece.
    struct Segment: Sendable {
        var items: [Item]
        /// For each piece, its SHA-1, or nothing when it has to be computed.
        var hashes: [ArraySlice<UInt8>?]

        var length: Int64 { items.reduce(0) { $0 + $1.length } }
    }

    /// What decides between large and small, and when runs are packed anew.
    public struct Policy: Hashable, Sendable {
        /// Bytes of a piece.
        public var pieceLength: Int
        /// A file of this many bytes or more begins on a piece.
        public var alignFrom: Int64
        /// Runs are packed anew when this part of a shard's packed bytes is pads.
        public var repackAt = 0.25

        /// A policy that packs anew at a quarter.
        public init(pieceLength: Int, alignFrom: Int64) {
            self.pieceLength = pieceLength
            self.alignFrom = alignFrom
        }
    }

    /// What decides where files go.
    public let policy: Policy
    var segments: [Segment] = []
    /// Directories that hold nothing, and links: by path.
    public private(set) var emptyDirectories: Set<String> = []
    /// The texts of symbolic links, by path.
    public private(set) var links: [String: String] = [:]

    /// An empty shard.
    public init(policy: Policy) { self.policy = policy }

    /// The layout of a torrent, each piece hash known.
    public init(_ torrent: Torrent, policy: Policy) {
        precondition(torrent.pieceLength == policy.pieceLength, "the piece length of a set does not change")
        self.policy = policy
        emptyDirectories = Set(torrent.emptyDirectories)
        links = Dictionary(torrent.links.map { ($0.path, $0.target) }, uniquingKeysWith: { first, _ in first })
        var items: [Item] = []
        var firstPiece = 0
        func close(at piece: Int) {
            while case .pad = items.last { items.removeLast() }
            if !items.isEmpty {
                let count = pieceCount(items.reduce(0) { $0 + $1.length })
                segments.append(
                    Segment(items: items, hashes: (firstPiece..<(firstPiece + count)).map { torrent.pieceHash($0) }))
            }
            items = []
            firstPiece = piece
        }
        for entry in 0..<torrent.entryCount {
            let (piece, inside) = torrent.offset(entry).quotientAndRemainder(dividingBy: Int64(policy.pieceLength))
            if inside == 0 { close(at: Int(piece)) }
            switch torrent.kind(entry) {
            case .file: items.append(.file(torrent.file(entry)))
            case .pad: items.append(.pad(torrent.length(entry)))
            case .symlink: break
            }
        }
        close(at: 0)
    }

    private func pieceCount(_ length: Int64) -> Int {
        Int((length + Int64(policy.pieceLength) - 1) / Int64(policy.pieceLength))
    }

    /// Files in the shard.
    public var fileCount: Int {
        segments.reduce(0) { $0 + $1.items.count { if case .file = $0 { true } else { false } } }
    }
    /// Whether the shard holds nothing at all.
    public var isEmpty: Bool { segments.isEmpty && emptyDirectories.isEmpty && links.isEmpty }

    /// The files, in the torrent's order.
    public var files: [FileEntry] {
        segments.flatMap { $0.items.compactMap { if case .file(let file) = $0 { file } else { nil } } }
    }

    // MARK: Change

    /// What a snapshot changes in one shard.
    public struct Change: Sendable {
        /// Paths of files that are no longer as they were: gone, or in `added` with another state.
        public var removed: Set<String> = []
        /// Files that are new, or have another content, time, mode or class.
        public var added: [FileEntry] = []
        /// Directories that are new and empty, or became empty.
        public var addedDirectories: [String] = []
        /// Directories that were empty, and are gone or hold something now.
        public var removedDirectories: [String] = []
        /// Symbolic links that are new or have another text.
        public var addedLinks: [LinkEntry] = []
        /// Paths of links that are gone or have another text.
        public var removedLinks: [String] = []

        /// A change of nothing.
        public init() {}

        /// Whether nothing changes.
        public var isEmpty: Bool {
            removed.isEmpty && added.isEmpty && addedDirectories.isEmpty && removedDirectories.isEmpty
                && addedLinks.isEmpty && removedLinks.isEmpty
        }
    }

    /// Applies a change. `isElsewhere` says of a content that is new in this shard whether nodes have it from another
    /// path, now or in the parent: such files get a run of their own, so that their pieces need no fetching.
    public mutating func apply(
        _ change: Change, largeFileHashes: [SHA256Digest: [UInt8]], isElsewhere: (FileEntry) -> Bool
    ) {
        emptyDirectories.subtract(change.removedDirectories)
        emptyDirectories.formUnion(change.addedDirectories)
        for path in change.removedLinks { links[path] = nil }
        for link in change.addedLinks { links[link.path] = link.target }

        // A file that only moved, or changed its times, keeps its place: the content and so the hashes are the same.
        var successors: [SHA256Digest: [FileEntry]] = [:]
        for file in change.added.reversed() { successors[file.sha256, default: []].append(file) }
        func successor(of file: FileEntry) -> FileEntry? {
            guard let candidates = successors[file.sha256] else { return nil }
            let samePath = candidates.lastIndex { $0.path == file.path && $0.priority == file.priority }
            guard let index = samePath ?? candidates.lastIndex(where: { $0.priority == file.priority }) else {
                return nil
            }
            return successors[file.sha256]?.remove(at: index)
        }
        // A path that is added replaces what has its name, whatever the caller knew of it.
        let removed = change.removed.union(change.added.map(\.path))
        if !removed.isEmpty {
            segments = segments.flatMap { segment in
                var segment = segment
                var offset: Int64 = 0
                var changed = false
                for index in segment.items.indices {
                    let length = segment.items[index].length
                    if case .file(let file) = segment.items[index], removed.contains(file.path) {
                        if let next = successor(of: file) {
                            segment.items[index] = .file(next)
                        } else {
                            segment.items[index] = .pad(length)
                            changed = true
                            for piece in pieces(offset, length) { segment.hashes[piece] = nil }
                        }
                    }
                    offset += length
                }
                return changed ? split(segment) : [segment]
            }
        }
        add(successors.values.flatMap { $0 }, largeFileHashes: largeFileHashes, isElsewhere: isElsewhere)
        repackIfDue()
    }

    private func pieces(_ offset: Int64, _ length: Int64) -> Range<Int> {
        guard length > 0 else { return 0..<0 }
        return Int(offset / Int64(policy.pieceLength))..<Int((offset + length - 1) / Int64(policy.pieceLength) + 1)
    }

    private mutating func add(
        _ files: [FileEntry], largeFileHashes: [SHA256Digest: [UInt8]], isElsewhere: (FileEntry) -> Bool
    ) {
        let sorted = files.sorted { TreePath.precedes($0.path.utf8, $1.path.utf8) }
        for file in sorted where file.length >= policy.alignFrom {
            let count = pieceCount(file.length)
            var hashes: [ArraySlice<UInt8>?] = Array(repeating: nil, count: count)
            if let known = largeFileHashes[file.sha256], known.count == count * InfoHash.byteCount {
                hashes = (0..<count).map { known[($0 * InfoHash.byteCount)..<(($0 + 1) * InfoHash.byteCount)] }
            }
            segments.append(Segment(items: [.file(file)], hashes: hashes))
        }
        // Runs: one for each class, what is new apart from what nodes have from elsewhere.
        let small = sorted.filter { $0.length < policy.alignFrom }
        var runs: [RunKey: [Item]] = [:]
        for file in small {
            runs[RunKey(priority: file.priority, known: isElsewhere(file)), default: []].append(.file(file))
        }
        for (_, items) in runs.sorted(by: { $0.key < $1.key }) { segments.append(unhashed(items)) }
    }

    private struct RunKey: Hashable, Comparable {
        let priority: Priority
        let known: Bool
        static func < (left: RunKey, right: RunKey) -> Bool {
            left.priority != right.priority ? left.priority > right.priority : (left.known && !right.known)
        }
    }

    private func unhashed(_ items: [Item]) -> Segment {
        let count = pieceCount(items.reduce(0) { $0 + $1.length })
        return Segment(items: items, hashes: Array(repeating: nil, count: count))
    }

    /// Joins neighbouring pads, and cuts the segment where pads cover whole pieces: those pieces go.
    private func split(_ segment: Segment) -> [Segment] {
        let pieceLength = Int64(policy.pieceLength)
        var result: [Segment] = []
        var items: [Item] = []
        var start: Int64 = 0  // where `items` begins in the old segment; a multiple of the piece length
        var offset: Int64 = 0
        var hole: Int64 = 0
        func close() {
            if items.contains(where: { if case .file = $0 { true } else { false } }) {
                let first = Int(start / pieceLength)
                let count = pieceCount(items.reduce(0) { $0 + $1.length })
                result.append(Segment(items: items, hashes: Array(segment.hashes[first..<(first + count)])))
            }
            items = []
        }
        for item in segment.items {
            switch item {
            case .pad(let length): hole += length
            case .file:
                if hole > 0 {
                    let holeStart = offset - hole
                    let cut = offset / pieceLength * pieceLength
                    let used = (holeStart + pieceLength - 1) / pieceLength * pieceLength
                    if cut > used || holeStart == start {
                        close()
                        start = cut
                        if offset > cut { items.append(.pad(offset - cut)) }
                    } else {
                        items.append(.pad(hole))
                    }
                    hole = 0
                }
                items.append(item)
            }
            offset += item.length
        }
        close()
        return result
    }

    /// Packs the runs anew when too much of them is pads.
    private mutating func repackIfDue() {
        var holes: Int64 = 0
        var packed: Int64 = 0
        for segment in segments {
            for item in segment.items {
                switch item {
                case .pad(let length): holes += length
                case .file(let file) where file.length < policy.alignFrom: packed += file.length
                case .file: break
                }
            }
        }
        guard holes > 0, Double(holes) >= policy.repackAt * Double(holes + packed) else { return }
        var moving: [Priority: [Item]] = [:]
        // A run of this very snapshot has no hole, and nothing in it is on a node yet: it stays apart.
        segments = segments.flatMap { segment -> [Segment] in
            let isNew =
                segment.hashes.allSatisfy { $0 == nil }
                && !segment.items.contains { if case .pad = $0 { true } else { false } }
            guard !isNew else { return [segment] }
            var kept: [Segment] = []
            for item in segment.items {
                if case .file(let file) = item {
                    if file.length < policy.alignFrom {
                        moving[file.priority, default: []].append(item)
                    } else {
                        // One that was small when it was placed shares its pieces with others.
                        kept.append(segment.items.count == 1 ? segment : unhashed([item]))
                    }
                }
            }
            return kept
        }
        for (_, items) in moving.sorted(by: { $0.key > $1.key }) { segments.append(unhashed(items)) }
    }
}
