public import SwarmCore

/// The order of a shard's files in its torrent, and which piece hashes are known already.
///
/// A large file is alone in a **segment** that begins on a piece, so its pieces depend on nothing else. Small files are
/// packed one after the other in a segment, a *run*; what a snapshot adds is a run of its own. A packed file that goes
/// leaves a pad of its length, so that nothing shifts. Every segment is padded (BEP 47) up to the next piece, the last
/// one too: so a segment can move by whole pieces without any hash changing.
public struct ShardLayout: Sendable {
    /// One entry of the torrent.
    enum Item: Sendable {
        /// A file as it was, by its entry in `origin`: most are, so nothing is made of them that need not be.
        case kept(Int)
        /// One that is not in `origin`, by its index in `arrivals`.
        case new(Int)
        /// So many zeros.
        case pad(Int64)

        var isPad: Bool { if case .pad = self { true } else { false } }
    }

    /// Content that begins on a piece.
    struct Segment: Sendable {
        var items: [Item]
        /// For each piece, its SHA-1, or nothing when it has to be computed.
        var hashes: [ArraySlice<UInt8>?]
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
    /// The torrent that this was made from.
    let origin: Torrent?
    var segments: [Segment] = []
    /// Files that `origin` does not have as they are; items refer to them, as an item for each file has to be small.
    var arrivals: [FileEntry] = []
    /// Directories that hold nothing, and links: by path.
    public internal(set) var emptyDirectories: Set<String> = []
    /// The texts of symbolic links, by path.
    public internal(set) var links: [String: String] = [:]

    /// An empty shard.
    public init(policy: Policy) {
        self.policy = policy
        origin = nil
    }

    /// The layout of a torrent, each piece hash known.
    public init(_ torrent: Torrent, policy: Policy) {
        precondition(torrent.pieceLength == policy.pieceLength, "the piece length of a set does not change")
        self.policy = policy
        origin = torrent
        emptyDirectories = Set(torrent.emptyDirectories)
        links = Dictionary(torrent.links.map { ($0.path, $0.target) }, uniquingKeysWith: { first, _ in first })
        var items: [Item] = []
        var firstPiece = 0
        func close(at piece: Int) {
            while let last = items.last, last.isPad { items.removeLast() }
            if !items.isEmpty {
                let count = pieceCount(length(of: items))
                segments.append(
                    Segment(items: items, hashes: (firstPiece..<(firstPiece + count)).map { torrent.pieceHash($0) }))
            }
            items.removeAll(keepingCapacity: true)
            firstPiece = piece
        }
        for entry in 0..<torrent.entryCount {
            let (piece, inside) = torrent.offset(entry).quotientAndRemainder(dividingBy: Int64(policy.pieceLength))
            if inside == 0 { close(at: Int(piece)) }
            switch torrent.kind(entry) {
            case .file: items.append(.kept(entry))
            case .pad: items.append(.pad(torrent.length(entry)))
            case .symlink: break
            }
        }
        close(at: 0)
    }

    func pieceCount(_ length: Int64) -> Int {
        Int((length + Int64(policy.pieceLength) - 1) / Int64(policy.pieceLength))
    }

    func length(of items: [Item]) -> Int64 { items.reduce(0) { $0 + length(of: $1) } }

    func length(of item: Item) -> Int64 {
        switch item {
        case .kept(let entry): origin?.length(entry) ?? 0
        case .new(let index): arrivals[index].length
        case .pad(let length): length
        }
    }

    /// The file that an item is; nil for a pad.
    func file(_ item: Item) -> FileEntry? {
        switch item {
        case .kept(let entry): origin?.file(entry)
        case .new(let index): arrivals[index]
        case .pad: nil
        }
    }

    /// Whether the shard holds nothing at all.
    public var isEmpty: Bool { segments.isEmpty && emptyDirectories.isEmpty && links.isEmpty }

    /// The files, in the torrent's order.
    public var files: some Sequence<FileEntry> { segments.lazy.flatMap(\.items).compactMap(file) }

    /// Files and bytes of each class, by the class's number.
    public var classes: [String: Manifest.Totals] {
        var totals = Array(repeating: Manifest.Totals(), count: Priority.numbers.upperBound + 1)
        for segment in segments {
            for item in segment.items {
                let priority: Priority
                switch item {
                case .kept(let entry): priority = origin?.priority(entry) ?? .payload
                case .new(let index): priority = arrivals[index].priority
                case .pad: continue
                }
                totals[Int(priority.rawValue)].files += 1
                totals[Int(priority.rawValue)].bytes += length(of: item)
            }
        }
        let used = totals.enumerated().filter { $0.element.files > 0 }
        return Dictionary(uniqueKeysWithValues: used.map { (String($0.offset), $0.element) })
    }
}
