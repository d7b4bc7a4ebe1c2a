/// A set of pieces of one torrent, as the wire's bitfield (BEP 3): the first piece is the highest bit of the first byte.
public struct PieceSet: Hashable, Sendable {
    /// How many pieces the torrent has.
    public let pieceCount: Int
    /// The bitfield; bits past `pieceCount` are zero.
    public private(set) var bytes: [UInt8]

    /// No piece, or with `full` every piece, of a torrent with `pieceCount` pieces.
    public init(pieceCount: Int, full: Bool = false) {
        precondition(pieceCount >= 0, "a torrent has no negative number of pieces")
        self.pieceCount = pieceCount
        bytes = Array(repeating: full ? 0xff : 0, count: (pieceCount + 7) / 8)
        clearTail()
    }

    /// From a bitfield; nil when its length does not fit `pieceCount`.
    public init?(pieceCount: Int, bytes: [UInt8]) {
        guard bytes.count == (pieceCount + 7) / 8 else { return nil }
        self.pieceCount = pieceCount
        self.bytes = bytes
        clearTail()
    }

    /// Whether the piece is in the set. The index must be below `pieceCount`.
    public subscript(piece: PieceIndex) -> Bool {
        get { self[piece.rawValue] }
        set { self[piece.rawValue] = newValue }
    }

    /// The same by plain index.
    public subscript(index: Int) -> Bool {
        get { bytes[index >> 3] & (0x80 >> UInt8(index & 7)) != 0 }
        set {
            precondition(index >= 0 && index < pieceCount, "piece index out of range")
            if newValue {
                bytes[index >> 3] |= 0x80 >> UInt8(index & 7)
            } else {
                bytes[index >> 3] &= ~(0x80 >> UInt8(index & 7))
            }
        }
    }

    /// How many pieces are in the set.
    public var count: Int { bytes.reduce(0) { $0 + $1.nonzeroBitCount } }
    /// True also for a torrent without pieces.
    public var isEmpty: Bool { bytes.allSatisfy { $0 == 0 } }
    /// True also for a torrent without pieces.
    public var isFull: Bool { count == pieceCount }

    /// The members in ascending order.
    public var indices: [Int] {
        var result: [Int] = []
        for (position, byte) in bytes.enumerated() where byte != 0 {
            for bit in 0..<8 where byte & (0x80 >> UInt8(bit)) != 0 { result.append(position * 8 + bit) }
        }
        return result
    }

    /// Adds every member of `other`, which must have the same `pieceCount`.
    public mutating func formUnion(_ other: PieceSet) {
        precondition(other.pieceCount == pieceCount, "sets of different torrents")
        for index in bytes.indices { bytes[index] |= other.bytes[index] }
    }

    /// The members of both; `other` must have the same `pieceCount`.
    public func union(_ other: PieceSet) -> PieceSet {
        var both = self
        both.formUnion(other)
        return both
    }

    /// Takes every member of `other` out; it must have the same `pieceCount`.
    public mutating func subtract(_ other: PieceSet) {
        precondition(other.pieceCount == pieceCount, "sets of different torrents")
        for index in bytes.indices { bytes[index] &= ~other.bytes[index] }
    }

    /// The members that are in `other` as well, which must have the same `pieceCount`.
    public func intersection(_ other: PieceSet) -> PieceSet {
        precondition(other.pieceCount == pieceCount, "sets of different torrents")
        var both = self
        for index in bytes.indices { both.bytes[index] &= other.bytes[index] }
        return both
    }

    /// Whether every member of `other` is in this set.
    public func isSuperset(of other: PieceSet) -> Bool {
        precondition(other.pieceCount == pieceCount, "sets of different torrents")
        return zip(bytes, other.bytes).allSatisfy { $1 & ~$0 == 0 }
    }

    private mutating func clearTail() {
        let used = pieceCount & 7
        if used != 0, !bytes.isEmpty { bytes[bytes.count - 1] &= 0xff << UInt8(8 - used) }
    }
}
