public import SwarmCore

extension ShardLayout {
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
        let removed = PathLookup(change.removed.union(change.added.map(\.path)))
        if !removed.isEmpty {
            // Each is taken out, so that it is changed in place and not in a copy.
            var old = Array(segments.reversed())
            segments = []
            while var segment = old.popLast() {
                var offset: Int64 = 0
                var changed = false
                for index in segment.items.indices {
                    let length = length(of: segment.items[index])
                    if let file = file(segment.items[index], ifIn: removed) {
                        if let next = successor(of: file) {
                            segment.items[index] = arrival(next)
                        } else {
                            segment.items[index] = .pad(length)
                            changed = true
                            for piece in pieces(offset, length) { segment.hashes[piece] = nil }
                        }
                    }
                    offset += length
                }
                segments += changed ? split(segment) : [segment]
            }
        }
        add(successors.values.flatMap { $0 }, largeFileHashes: largeFileHashes, isElsewhere: isElsewhere)
        repackIfDue()
    }

    /// The item for a file that the origin does not have.
    private mutating func arrival(_ file: FileEntry) -> Item {
        arrivals.append(file)
        return .new(arrivals.count - 1)
    }

    /// The file that an item is, if its path is one of those.
    private func file(_ item: Item, ifIn paths: PathLookup) -> FileEntry? {
        !item.isPad && paths.contains(path(item)) ? file(item) : nil
    }

    /// The path of a file; empty for a pad.
    private func path(_ item: Item) -> ArraySlice<UInt8> {
        switch item {
        case .kept(let entry): origin?.pathUTF8(entry) ?? []
        case .new(let index): ArraySlice(arrivals[index].path.utf8)
        case .pad: []
        }
    }

    /// The pieces, from the segment's first one, in which a stretch of it lies.
    func pieces(_ offset: Int64, _ length: Int64) -> Range<Int> {
        guard length > 0 else { return 0..<0 }
        return Int(offset / Int64(policy.pieceLength))..<Int((offset + length - 1) / Int64(policy.pieceLength) + 1)
    }

    private mutating func add(
        _ files: [FileEntry], largeFileHashes: [SHA256Digest: [UInt8]], isElsewhere: (FileEntry) -> Bool
    ) {
        let sorted = files.sorted { TreePath.precedes($0.path.utf8, $1.path.utf8) }
        // Runs first, one for each class, what is new apart from what nodes have from elsewhere. Clients that use libtorrent
        // look a file's directory up among all that came before, the last one first: what fills a directory should follow
        // on it.
        var runs: [RunKey: [Item]] = [:]
        for file in sorted where file.length < policy.alignFrom {
            runs[RunKey(priority: file.priority, known: isElsewhere(file)), default: []].append(arrival(file))
        }
        for (_, items) in runs.sorted(by: { $0.key < $1.key }) { segments.append(unhashed(items)) }
        for file in sorted where file.length >= policy.alignFrom {
            let count = pieceCount(file.length)
            var hashes: [ArraySlice<UInt8>?] = Array(repeating: nil, count: count)
            if let known = largeFileHashes[file.sha256], known.count == count * InfoHash.byteCount {
                hashes = (0..<count).map { known[($0 * InfoHash.byteCount)..<(($0 + 1) * InfoHash.byteCount)] }
            }
            segments.append(Segment(items: [arrival(file)], hashes: hashes))
        }
    }

    private struct RunKey: Hashable, Comparable {
        let priority: Priority
        let known: Bool
        static func < (left: RunKey, right: RunKey) -> Bool {
            left.priority != right.priority ? left.priority > right.priority : (!left.known && right.known)
        }
    }

    private func unhashed(_ items: [Item]) -> Segment {
        let count = pieceCount(length(of: items))
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
            if items.contains(where: { !$0.isPad }) {
                let first = Int(start / pieceLength)
                let count = pieceCount(length(of: items))
                result.append(Segment(items: items, hashes: Array(segment.hashes[first..<(first + count)])))
            }
            items = []
        }
        for item in segment.items {
            switch item {
            case .pad(let length): hole += length
            case .kept, .new:
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
            offset += length(of: item)
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
                let length = length(of: item)
                if item.isPad { holes += length } else if length < policy.alignFrom { packed += length }
            }
        }
        guard holes > 0, Double(holes) >= policy.repackAt * Double(holes + packed) else { return }
        var moving: [Priority: [Item]] = [:]
        // A run of this very snapshot has no hole, and nothing in it is on a node yet: it stays apart.
        segments = segments.flatMap { segment -> [Segment] in
            let isNew =
                segment.hashes.allSatisfy { $0 == nil } && !segment.items.contains(where: \.isPad)
            guard !isNew else { return [segment] }
            var kept: [Segment] = []
            for item in segment.items {
                if let file = file(item) {
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
        // In front, as at first.
        segments = moving.sorted { $0.key > $1.key }.map { unhashed(inOrder($0.value)) } + segments
    }

    /// Files by path: those of a directory follow on each other.
    private func inOrder(_ items: [Item]) -> [Item] {
        let named = items.map { (item: $0, path: path($0)) }
        return named.sorted { TreePath.precedes($0.path, $1.path) }.map(\.item)
    }
}
