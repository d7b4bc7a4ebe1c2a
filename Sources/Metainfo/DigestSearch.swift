public import SwarmCore

/// Looks for contents in torrents without parsing them: of many torrents, few hold what is looked for.
public struct DigestSearch: Sendable {
    /// How the digest of a file stands in a torrent.
    private static let key = Array("6:sha25632:".utf8)
    /// The first eight bytes of the key as they lie in memory; the last eight.
    private static let (head, tail) = (Self.word(key.prefix(8)), Self.word(key.suffix(8)))

    private static func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        UInt64(bigEndian: bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }
    /// How far to go on from a byte that stands at the end of where the key might (Horspool's algorithm, 1980).
    private static let steps: [Int] = {
        var steps = [Int](repeating: key.count, count: 256)
        for (index, byte) in key.dropLast().enumerated() { steps[Int(byte)] = key.count - 1 - index }
        return steps
    }()
    /// How many bytes of a torrent that is looked through in blocks must stand in two of them, so that each digest with its
    /// key is whole in one: it is in no more than one then.
    public static let overlap = key.count + SHA256Digest.byteCount - 1
    /// The least that stands between a digest and the next key: the shortest entry is `d6:lengthi0e4:pathl1:ae…`.
    private static let gap = "ed6:lengthi0e4:pathl1:ae".utf8.count

    /// By their first eight bytes: enough to tell that a torrent is worth parsing.
    private let digests: [UInt64: SHA256Digest]
    /// A bit for each number of `filterBits` bits: whether a digest begins with it. Of the files of a large torrent, few get past
    /// this even where ten thousand digests are looked for.
    private let filter: [UInt64]
    private static let filterBits: UInt64 = 20

    /// A search for any of these contents.
    public init(_ digests: some Sequence<SHA256Digest>) {
        self.digests = Dictionary(digests.map { ($0.words.0, $0) }, uniquingKeysWith: { first, _ in first })
        var filter = [UInt64](repeating: 0, count: 1 << (Self.filterBits - 6))
        for beginning in self.digests.keys { filter[Self.word(of: beginning)] |= Self.bit(of: beginning) }
        self.filter = filter
    }

    /// Where the filter has the bit for a digest, and which one of that word it is.
    private static func word(of beginning: UInt64) -> Int { Int(beginning >> (70 - filterBits)) }
    private static func bit(of beginning: UInt64) -> UInt64 { 1 << (beginning >> (64 - filterBits) & 63) }

    /// The contents that the files of a torrent may have: each as often as it does, and by chance one that is not there.
    public func found(in torrent: Span<UInt8>) -> [SHA256Digest] {
        guard !digests.isEmpty else { return [] }
        var found: [SHA256Digest] = []
        // unsafe: the pointer stays inside the closure, and each place that is read is compared with the length.
        unsafe torrent.withUnsafeBytes { bytes in
            let (head, tail, steps, length) = (Self.head, Self.tail, Self.steps, Self.key.count)
            var end = length - 1
            while end < bytes.count {
                let back = unsafe bytes.loadUnaligned(fromByteOffset: end - 7, as: UInt64.self)
                guard
                    unsafe back == tail
                        && bytes.loadUnaligned(fromByteOffset: end + 1 - length, as: UInt64.self) == head
                else {
                    end += unsafe steps[Int(bytes[end])]
                    continue
                }
                guard end + SHA256Digest.byteCount < bytes.count else { return }
                let beginning = unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: end + 1, as: UInt64.self))
                if filter[Self.word(of: beginning)] & Self.bit(of: beginning) != 0, let digest = digests[beginning] {
                    found.append(digest)
                }
                end += SHA256Digest.byteCount + Self.gap + length
            }
        }
        return found
    }
}
