extension Torrent {
    /// What was read of the entries, as bytes that this process can put aside and have instead of reading them again: see
    /// `init(parsing:isKnown:infoHash:like:columns:limits:)`. Another machine's numbers may be in another order of bytes.
    public var columns: [UInt8] {
        let header = [UInt64(entryCount), UInt64(pathBytes.count), UInt64(entryStarts[entryCount])]
        var result: [UInt8] = []
        result.reserveCapacity(TorrentColumns.size(entries: entryCount, paths: pathBytes.count))
        // The largest numbers first, so that each column begins where its numbers may.
        Self.append(header[...], to: &result)
        for column in [lengths, offsets, mtimes] { Self.append(column[...], to: &result) }
        for column in [pathStarts.dropLast(), digestOffsets[...], entryStarts.dropLast()] {
            Self.append(column, to: &result)
        }
        for column in [kinds, priorities, pathBytes] { result.append(contentsOf: column) }
        return result
    }

    private static func append<Number: FixedWidthInteger>(_ column: ArraySlice<Number>, to result: inout [UInt8]) {
        // unsafe: the bytes are read while the closure runs.
        unsafe column.withUnsafeBytes { unsafe result.append(contentsOf: $0) }
    }
}

/// Columns that were put aside, taken apart again.
struct TorrentColumns {
    let pathBytes: [UInt8]
    let pathStarts: [UInt32]
    let lengths: [Int64]
    let offsets: [Int64]
    let mtimes: [Int64]
    let digestOffsets: [UInt32]
    let entryStarts: [UInt32]
    let kinds: [UInt8]
    let priorities: [UInt8]
    /// Where the last entry ends.
    let entriesEnd: Int

    /// Nil when the bytes are not what `Torrent.columns` makes of a torrent of `size` bytes: as far as their numbers say.
    init?(_ bytes: [UInt8], size: Int) {
        var cursor = Cursor(bytes: bytes)
        let header: [UInt64] = cursor.take(3)
        guard header.count == 3, let entries = Int(exactly: header[0]), let paths = Int(exactly: header[1]),
            let end = Int(exactly: header[2]), entries < bytes.count, paths < bytes.count, end < size,
            bytes.count == Self.size(entries: entries, paths: paths)
        else { return nil }
        entriesEnd = end
        lengths = cursor.take(entries)
        offsets = cursor.take(entries)
        mtimes = cursor.take(entries)
        pathStarts = cursor.take(entries)
        digestOffsets = cursor.take(entries)
        entryStarts = cursor.take(entries)
        kinds = cursor.take(entries)
        priorities = cursor.take(entries)
        pathBytes = cursor.take(paths)
    }

    /// How many bytes the columns of so many entries take, with so many bytes of paths.
    static func size(entries: Int, paths: Int) -> Int {
        24 + (3 * 8 + 3 * 4 + 2) * entries + paths
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

extension TorrentParser {
    /// Takes the entries over as they were read before, and goes on behind them. Symbolic links have no columns: these few are
    /// read again.
    mutating func take(_ columns: TorrentColumns, _ reader: inout BencodeReader) throws(MetainfoError) {
        for number in columns.kinds.indices where columns.kinds[number] & 3 == Torrent.Kind.symlink.rawValue {
            var link = TorrentParser(limits: limits, sharing: nil)
            reader.offset = Int(columns.entryStarts[number])
            try link.entry(&reader)
            links += link.links
        }
        pathBytes = columns.pathBytes
        pathStarts = columns.pathStarts
        lengths = columns.lengths
        offsets = columns.offsets
        mtimes = columns.mtimes
        digestOffsets = columns.digestOffsets
        entryStarts = columns.entryStarts
        entriesEnd = columns.entriesEnd
        kinds = columns.kinds
        priorities = columns.priorities
        end = (offsets.last ?? 0) + (lengths.last ?? 0)
        reader.offset = entriesEnd + 1
    }
}
