import SwarmCore
import Testing

struct PieceSetTests {
    @Test("the first piece is the highest bit of the first byte")
    func bitOrder() {
        var set = PieceSet(pieceCount: 10)
        set[0] = true
        set[PieceIndex(9)] = true
        #expect(set.bytes == [0x80, 0x40])
        #expect(set[0] && set[9] && !set[1])
        #expect(set.indices == [0, 9])
        set[0] = false
        #expect(set.indices == [9])
    }

    @Test("a full set has no bit behind the last piece", arguments: [0, 1, 7, 8, 9, 64, 1001])
    func full(count: Int) {
        let set = PieceSet(pieceCount: count, full: true)
        #expect(set.count == count)
        #expect(set.isFull)
        #expect(set.isEmpty == (count == 0))
        #expect(set.indices == Array(0..<count))
        #expect(set.bytes.count == (count + 7) / 8)
        #expect(PieceSet(pieceCount: count).isEmpty)
    }

    @Test("a bitfield is taken when its length fits, without the bits behind the last piece")
    func bitfield() {
        #expect(PieceSet(pieceCount: 9, bytes: [0xff]) == nil)
        #expect(PieceSet(pieceCount: 8, bytes: [0xff, 0]) == nil)
        #expect(PieceSet(pieceCount: 9, bytes: [0xff, 0xff]) == PieceSet(pieceCount: 9, full: true))
        #expect(PieceSet(pieceCount: 0, bytes: [])?.isFull == true)
    }

    @Test("union, difference, intersection and inclusion")
    func algebra() {
        var left = PieceSet(pieceCount: 20)
        var right = PieceSet(pieceCount: 20)
        for index in [1, 5, 19] { left[index] = true }
        for index in [5, 6] { right[index] = true }
        var union = left
        union.formUnion(right)
        #expect(union.indices == [1, 5, 6, 19])
        var difference = left
        difference.subtract(right)
        #expect(difference.indices == [1, 19])
        #expect(left.intersection(right).indices == [5])
        #expect(union.isSuperset(of: left) && union.isSuperset(of: right))
        #expect(!left.isSuperset(of: right))
        #expect(left.isSuperset(of: left) && left.isSuperset(of: PieceSet(pieceCount: 20)))
    }

    @Test("an index behind the last piece cannot be set")
    func outOfRange() async {
        await #expect(processExitsWith: .failure) {
            var set = PieceSet(pieceCount: 9)
            set[9] = true
        }
    }
}
