internal import Glibc

/// What a torrent has in common with one that was read before, as one that was made of it by a patch has nearly all.
/// Entries that stand in both byte for byte are not read again: their columns are copied.
struct EntrySharing {
    /// The torrent that was read, whose paths were compared with each other.
    let torrent: Torrent
    /// The entry after the last one that was found again.
    var next = 0
    /// How many entries were read since then, as they were not found.
    var misses = 0
    /// What was found, ascending.
    var shared: [SharedEntries] = []

    /// How many entries of the known torrent may be left out between two that are found.
    private static let window = 24
    /// After so many entries that were not found, what is read is looked up wherever it stood.
    private static let missLimit = 64
    /// The entries of the known torrent by a hash of their bytes, once they are needed.
    private var places: [Int: Int]?

    init(with torrent: Torrent) { self.torrent = torrent }

    /// An entry of the known torrent that stands at the reader's place. After a miss, one file for another is the most
    /// frequent change, and what was added the next.
    fileprivate func found(_ reader: BencodeReader) -> Int? {
        // unsafe: the pointers stay inside the closures; the entries lie in the one, and the other's end is minded.
        unsafe torrent.bytes.withUnsafeBytes { known in
            unsafe reader.bytes.withUnsafeBytes { bytes in
                func stands(_ entry: Int) -> Bool {
                    let place = torrent.columns.range(entry)
                    guard place.count <= bytes.count - reader.offset, let one = known.baseAddress,
                        let two = bytes.baseAddress
                    else { return false }
                    return unsafe memcmp(one + place.lowerBound, two + reader.offset, place.count) == 0
                }
                let (replaced, limit) = (next + misses, min(torrent.entryCount, next + misses + Self.window))
                if replaced < limit, stands(replaced) { return replaced }
                // Pads of one length are all alike: to go on behind one of them says little.
                return (next..<max(next, limit)).first { torrent.kind($0) != .pad && stands($0) }
            }
        }
    }

    /// Where the entries end that both torrents have from `first` on, and where in the reader's bytes they do. Symbolic
    /// links have no columns: none is among them.
    fileprivate func end(of first: Int, _ reader: BencodeReader) -> (entry: Int, offset: Int) {
        // unsafe: as above.
        unsafe torrent.bytes.withUnsafeBytes { known in
            unsafe reader.bytes.withUnsafeBytes { bytes in
                var (entry, offset) = (first, reader.offset)
                guard let one = known.baseAddress, let two = bytes.baseAddress else { return (entry, offset) }
                while entry < torrent.entryCount, torrent.kind(entry) != .symlink {
                    let place = torrent.columns.range(entry)
                    guard place.count <= bytes.count - offset,
                        unsafe memcmp(one + place.lowerBound, two + offset, place.count) == 0
                    else { break }
                    offset += place.count
                    entry += 1
                }
                return (entry, offset)
            }
        }
    }

    fileprivate mutating func note(_ entries: Range<Int>, at place: Int) {
        shared.append(SharedEntries(first: entries, second: place))
        (next, misses) = (entries.upperBound, 0)
    }

    fileprivate mutating func noteMiss() {
        misses = min(misses + 1, Self.missLimit)
    }

    /// Whether an entry that was read stands further on in the known torrent: where many neighbours went at once, as with a
    /// directory, the window does not reach what is behind them. If so, it is where both go on.
    mutating func recover(_ entry: Range<Int>, of bytes: [UInt8], place: Int, isPad: Bool) {
        guard misses == Self.missLimit, !isPad else { return }
        // unsafe: the pointers stay inside the closures, within which the entries lie.
        let found: Int? = unsafe torrent.bytes.withUnsafeBytes { known in
            unsafe bytes.withUnsafeBytes { bytes in
                func hash(_ bytes: UnsafeRawBufferPointer.SubSequence) -> Int {
                    var hasher = Hasher()
                    unsafe hasher.combine(bytes: UnsafeRawBufferPointer(rebasing: bytes))
                    return hasher.finalize()
                }
                if places == nil {
                    var all: [Int: Int] = [:]
                    for number in next..<torrent.entryCount where torrent.kind(number) == .file {
                        unsafe all[hash(known[torrent.columns.range(number)])] = number
                    }
                    places = all
                }
                let entry = unsafe bytes[entry]
                guard let number = unsafe places?[hash(entry)], number >= next,
                    unsafe known[torrent.columns.range(number)].elementsEqual(entry)
                else { return nil }
                return number
            }
        }
        if let found { note(found..<(found + 1), at: place) }
    }
}

extension TorrentParser {
    /// Takes entries over that stand at this place in the torrent that was read before. Returns whether there was any.
    mutating func sharedEntries(_ reader: inout BencodeReader) -> Bool {
        guard let known = sharing?.torrent, let first = sharing?.found(reader),
            let last = sharing?.end(of: first, reader), last.entry > first, fits(known.columns, first..<last.entry)
        else {
            sharing?.noteMiss()
            return false
        }
        sharing?.note(first..<last.entry, at: columns.count)
        columns.append(first..<last.entry, of: known.columns, at: reader.offset)
        reader.offset = last.offset
        return true
    }

    /// Whether the limits hold with these entries of another torrent.
    private func fits(_ known: EntryColumns, _ entries: Range<Int>) -> Bool {
        let paths = Int(known.pathStarts[entries.upperBound] - known.pathStarts[entries.lowerBound])
        return columns.count + entries.count <= limits.entries
            && known.contentLength(entries) <= limits.content - columns.contentLength
            && columns.pathBytes.count + paths <= Int(UInt32.max)
    }
}

extension Torrent {
    /// Whether a name may be there twice, or below a file or a link, when those of the entries in `shared` do not conflict
    /// with each other: what may be in conflict is told by a hash, and nothing that is is overlooked.
    func mayHaveConflicts(besideShared shared: [SharedEntries]) -> Bool {
        var names = links.map { Array($0.path.utf8) } + emptyDirectories.map { Array($0.utf8) }
        names += files(outside: shared.map(\.secondRange)).map { Array(pathUTF8($0)) }
        names.sort { TreePath.precedes($0, $1) }
        if Self.conflict(names) != nil { return true }
        var new = HashFilter()
        var above = HashFilter()
        for name in names {
            var hash = PathHash()
            for byte in name {
                if byte == UInt8(ascii: "/") { above.insert(hash.value) }
                hash.add(byte)
            }
            new.insert(hash.value)
        }
        // unsafe: the bytes of paths are read while the closure runs.
        return unsafe columns.pathBytes.withUnsafeBufferPointer { bytes in
            for stretch in shared {
                for entry in stretch.secondRange where kind(entry) == .file {
                    var hash = PathHash()
                    for place in columns.pathRange(entry) {
                        let byte = unsafe bytes[place]
                        if byte == UInt8(ascii: "/"), new.contains(hash.value) { return true }
                        hash.add(byte)
                    }
                    if new.contains(hash.value) || above.contains(hash.value) { return true }
                }
            }
            return false
        }
    }
}

/// FNV-1a with 64 bits (RFC 9923): of a path it passes that of each directory above.
private struct PathHash {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
}

/// Hashes, most of those that are not among them told by a look at one bit.
private struct HashFilter {
    private var bits = [UInt64](repeating: 0, count: 1 << 12)
    private var hashes: Set<UInt64> = []

    mutating func insert(_ hash: UInt64) {
        bits[Self.word(hash)] |= Self.bit(hash)
        hashes.insert(hash)
    }

    func contains(_ hash: UInt64) -> Bool { bits[Self.word(hash)] & Self.bit(hash) != 0 && hashes.contains(hash) }

    private static func word(_ hash: UInt64) -> Int { Int(hash >> 52) }
    private static func bit(_ hash: UInt64) -> UInt64 { 1 << (hash >> 46 & 63) }
}
