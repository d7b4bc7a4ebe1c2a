internal import SwarmCore

/// What a torrent says of its entries: flat columns, no object per file.
struct EntryColumns: Sendable {
    /// The paths from the set's root, one after the other. That of an entry is put here before the entry is.
    var pathBytes: [UInt8] = []
    /// Where the paths begin in `pathBytes`, and last where they end.
    private(set) var pathStarts: [UInt32] = [0]
    /// Where the entries begin in the `.torrent`, in which one follows the other, and last where they end; nothing when there
    /// is no entry.
    private(set) var starts: [UInt32] = []
    /// Lengths in bytes.
    private(set) var lengths: [Int64] = []
    /// Where the entries begin in the torrent's content.
    private(set) var offsets: [Int64] = []
    /// Seconds since 1970.
    private(set) var mtimes: [Int64] = []
    /// Where the SHA-256 of a file stands in the `.torrent`; 0 for other entries.
    private(set) var digestOffsets: [UInt32] = []
    private(set) var kinds: [UInt8] = []
    private(set) var priorities: [UInt8] = []
    /// Bytes of content that the entries have in all.
    private(set) var contentLength: Int64 = 0

    /// What is said of one entry, but for its path.
    struct Entry {
        /// A `Torrent.Kind`, and `executableBit`.
        var kind = Torrent.Kind.file.rawValue
        var length: Int64 = 0
        var mtime: Int64 = 0
        var priority = Priority.payload.rawValue
        /// Where its SHA-256 stands in the `.torrent`.
        var digestOffset = 0
    }

    static let executableBit: UInt8 = 4

    init() {}

    /// How many entries there are.
    var count: Int { lengths.count }

    /// What the entry is.
    func kind(_ entry: Int) -> Torrent.Kind { Torrent.Kind(rawValue: kinds[entry] & 3) ?? .pad }

    /// Where the entry's path is in `pathBytes`.
    func pathRange(_ entry: Int) -> Range<Int> { Int(pathStarts[entry])..<Int(pathStarts[entry + 1]) }

    /// Where neighbouring entries stand in the `.torrent`.
    func range(_ entries: Range<Int>) -> Range<Int> {
        entries.isEmpty ? 0..<0 : Int(starts[entries.lowerBound])..<Int(starts[entries.upperBound])
    }

    /// Where the entry stands in the `.torrent`.
    func range(_ entry: Int) -> Range<Int> { Int(starts[entry])..<Int(starts[entry + 1]) }

    /// Bytes of content that neighbouring entries have.
    func contentLength(_ entries: Range<Int>) -> Int64 {
        guard let last = entries.last else { return 0 }
        return offsets[last] + lengths[last] - offsets[entries.lowerBound]
    }

    /// Takes room for the entries of a list of so many bytes, of which what is not needed is never touched.
    mutating func reserve(forListOf bytes: Int) {
        let entries = bytes / 120
        pathBytes.reserveCapacity(bytes / 4)
        pathStarts.reserveCapacity(entries)
        starts.reserveCapacity(entries)
        lengths.reserveCapacity(entries)
        offsets.reserveCapacity(entries)
        mtimes.reserveCapacity(entries)
        digestOffsets.reserveCapacity(entries)
        kinds.reserveCapacity(entries)
        priorities.reserveCapacity(entries)
    }

    /// Appends an entry that stands at `place` in the `.torrent`, behind the one before.
    mutating func append(_ entry: Entry, at place: Range<Int>) {
        if starts.isEmpty { starts.append(UInt32(place.lowerBound)) }
        starts.append(UInt32(place.upperBound))
        pathStarts.append(UInt32(pathBytes.count))
        lengths.append(entry.length)
        offsets.append(contentLength)
        mtimes.append(entry.mtime)
        digestOffsets.append(UInt32(entry.digestOffset))
        kinds.append(entry.kind)
        priorities.append(entry.priority)
        contentLength += entry.length
    }

    /// Appends neighbouring entries of another torrent, which stand in this one from `start` on.
    mutating func append(_ entries: Range<Int>, of other: EntryColumns, at start: Int) {
        guard let first = entries.first else { return }
        let paths = Int(other.pathStarts[first])..<Int(other.pathStarts[entries.upperBound])
        let moved = Int64(start) - Int64(other.starts[first])
        let movedPaths = Int64(pathBytes.count) - Int64(paths.lowerBound)
        let movedContent = contentLength - other.offsets[first]
        if starts.isEmpty { starts.append(UInt32(start)) }
        for entry in entries {
            starts.append(UInt32(Int64(other.starts[entry + 1]) + moved))
            pathStarts.append(UInt32(Int64(other.pathStarts[entry + 1]) + movedPaths))
            offsets.append(other.offsets[entry] + movedContent)
            let isFile = other.kind(entry) == .file
            digestOffsets.append(isFile ? UInt32(Int64(other.digestOffsets[entry]) + moved) : 0)
        }
        pathBytes.append(contentsOf: other.pathBytes[paths])
        lengths.append(contentsOf: other.lengths[entries])
        mtimes.append(contentsOf: other.mtimes[entries])
        kinds.append(contentsOf: other.kinds[entries])
        priorities.append(contentsOf: other.priorities[entries])
        contentLength += other.contentLength(entries)
    }
}

// MARK: Put aside

extension EntryColumns {
    /// The columns as bytes for this process: another machine's numbers may be in another order of bytes.
    var encoded: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(Self.encodedSize(entries: count, paths: pathBytes.count))
        // The largest numbers first, so that each column begins where its numbers may.
        Self.append([UInt64(count), UInt64(pathBytes.count)], to: &result)
        for column in [lengths, offsets, mtimes] { Self.append(column, to: &result) }
        for column in [pathStarts, starts, digestOffsets] { Self.append(column, to: &result) }
        for column in [kinds, priorities, pathBytes] { result.append(contentsOf: column) }
        return result
    }

    private static func append<Number: FixedWidthInteger>(_ column: [Number], to result: inout [UInt8]) {
        // unsafe: the bytes are read while the closure runs.
        unsafe column.withUnsafeBytes { unsafe result.append(contentsOf: $0) }
    }

    /// Nil when the bytes are not what `encoded` makes of a torrent of `size` bytes that has entries: as far as their
    /// numbers say.
    init?(_ bytes: [UInt8], size: Int) {
        var cursor = Cursor(bytes: bytes)
        let header: [UInt64] = cursor.take(2)
        guard header.count == 2, let entries = Int(exactly: header[0]), let paths = Int(exactly: header[1]),
            (1..<bytes.count).contains(entries), paths < bytes.count,
            bytes.count == Self.encodedSize(entries: entries, paths: paths)
        else { return nil }
        lengths = cursor.take(entries)
        offsets = cursor.take(entries)
        mtimes = cursor.take(entries)
        pathStarts = cursor.take(entries + 1)
        starts = cursor.take(entries + 1)
        digestOffsets = cursor.take(entries)
        kinds = cursor.take(entries)
        priorities = cursor.take(entries)
        pathBytes = cursor.take(paths)
        contentLength = offsets[entries - 1] + lengths[entries - 1]
        guard starts[entries] < size, pathStarts[entries] == paths else { return nil }
    }

    /// How many bytes the columns of so many entries take, with so many bytes of paths.
    private static func encodedSize(entries: Int, paths: Int) -> Int {
        16 + (3 * 8 + 3 * 4 + 2) * entries + 2 * 4 + paths
    }

    private struct Cursor {
        let bytes: [UInt8]
        var offset = 0

        /// The next numbers; none when there are not so many.
        mutating func take<Number: FixedWidthInteger>(_ count: Int) -> [Number] {
            let size = count * MemoryLayout<Number>.stride
            guard size <= bytes.count - offset else { return [] }
            defer { offset += size }
            // unsafe: as many bytes are copied as there is room for, and as there are, which was just compared.
            return unsafe [Number](unsafeUninitializedCapacity: count) { buffer, filled in
                unsafe bytes.withUnsafeBytes { bytes in
                    unsafe UnsafeMutableRawBufferPointer(buffer).copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + size)]))
                }
                filled = count
            }
        }
    }
}
