public import SwarmCore

/// Looks for contents in torrents without parsing them: of many torrents, few hold what is looked for.
public struct DigestSearch: Sendable {
    /// How the digest of a file stands in a torrent.
    private static let key = Array("6:sha25632:".utf8)
    /// How far to go on from a byte that stands at the end of where the key might (Horspool's algorithm, 1980).
    private static let steps: [Int] = {
        var steps = [Int](repeating: key.count, count: 256)
        for (index, byte) in key.dropLast().enumerated() { steps[Int(byte)] = key.count - 1 - index }
        return steps
    }()

    /// The first eight bytes of each digest: enough to tell that a torrent is worth parsing.
    private let beginnings: Set<UInt64>

    /// A search for any of these contents.
    public init(_ digests: some Sequence<SHA256Digest>) { beginnings = Set(digests.map(\.words.0)) }

    /// Whether a torrent may hold one of the contents. It says no only when it holds none.
    public func finds(in torrent: [UInt8]) -> Bool {
        guard !beginnings.isEmpty else { return false }
        let (key, steps) = (Self.key, Self.steps)
        let last = key.count - 1
        var end = last
        while end < torrent.count {
            guard torrent[end] == key[last], key.indices.allSatisfy({ torrent[end - last + $0] == key[$0] }) else {
                end += steps[Int(torrent[end])]
                continue
            }
            guard end + SHA256Digest.byteCount < torrent.count else { return false }
            if beginnings.contains(SHA256Digest(torrent, at: end + 1).words.0) { return true }
            end += SHA256Digest.byteCount + key.count
        }
        return false
    }
}
