/// SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of short inputs that nobody can predict without the key.
///
/// The standard library has it too, but neither with a key of one's own nor with this number of rounds.
public struct SipHash: Sendable {
    private let key: (UInt64, UInt64)

    /// With a secret key of 128 bits.
    public init(key: (UInt64, UInt64)) { self.key = key }

    /// With a key out of `generator`.
    public init(using generator: inout some RandomNumberGenerator) {
        key = (generator.next(), generator.next())
    }

    /// The hash of words, each taken as eight little-endian bytes.
    public func hash(_ first: UInt64, _ second: UInt64, _ third: UInt64, _ fourth: UInt64 = 0) -> UInt64 {
        var state = State(key)
        state.add(first)
        state.add(second)
        state.add(third)
        state.add(fourth)
        return state.finish(tail: 32 << 56)
    }

    /// The hash of bytes.
    public func hash(_ bytes: [UInt8]) -> UInt64 {
        var state = State(key)
        var word: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            word |= UInt64(byte) << UInt64(index % 8 * 8)
            guard index % 8 == 7 else { continue }
            state.add(word)
            word = 0
        }
        return state.finish(tail: word | UInt64(truncatingIfNeeded: bytes.count) << 56)
    }

    private struct State {
        var v0, v1, v2, v3: UInt64

        init(_ key: (UInt64, UInt64)) {
            v0 = key.0 ^ 0x736f_6d65_7073_6575
            v1 = key.1 ^ 0x646f_7261_6e64_6f6d
            v2 = key.0 ^ 0x6c79_6765_6e65_7261
            v3 = key.1 ^ 0x7465_6462_7974_6573
        }

        mutating func add(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }

        mutating func finish(tail: UInt64) -> UInt64 {
            add(tail)
            v2 ^= 0xff
            for _ in 0..<4 { round() }
            return v0 ^ v1 ^ v2 ^ v3
        }

        private mutating func round() {
            v0 &+= v1
            v1 = Self.rotate(v1, 13) ^ v0
            v0 = Self.rotate(v0, 32)
            v2 &+= v3
            v3 = Self.rotate(v3, 16) ^ v2
            v0 &+= v3
            v3 = Self.rotate(v3, 21) ^ v0
            v2 &+= v1
            v1 = Self.rotate(v1, 17) ^ v2
            v2 = Self.rotate(v2, 32)
        }

        private static func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 { word << count | word >> (64 - count) }
    }
}
