import SwarmCore
import Testing

@Suite("The cheapest way to a torrent")
struct DeltaPathTests {
    private func hash(_ number: UInt8) throws -> InfoHash {
        try #require(InfoHash(bytes: [UInt8](repeating: number, count: InfoHash.byteCount)))
    }

    private func delta(_ from: UInt8, _ to: UInt8, _ size: Int) throws -> Manifest.Delta {
        let digest = try #require(SHA256Digest(bytes: [UInt8](repeating: to, count: SHA256Digest.byteCount)))
        return Manifest.Delta(
            from: try hash(from), to: try hash(to), size: size, torrent: Pinned(size: 100, sha256: digest))
    }

    @Test("One patch, a chain, or a skip: whatever is shorter")
    func cheapest() throws {
        let deltas = [try delta(2, 3, 10), try delta(1, 2, 10), try delta(1, 3, 15), try delta(0, 1, 1)]
        func sizes(_ bases: UInt8...) throws -> [Int]? {
            DeltaPath.cheapest(to: try hash(3), from: Set(try bases.map { try hash($0) }), deltas)?.deltas.map(\.size)
        }
        #expect(try sizes(2) == [10])
        #expect(try sizes(1) == [15])
        #expect(try sizes(0) == [1, 15])
        #expect(try sizes(0, 2) == [10])
        #expect(try sizes(9) == nil)
        #expect(try sizes() == nil)
        #expect(try sizes(3) == [])
    }

    @Test("Patches in a circle lead nowhere")
    func circle() throws {
        let deltas = [try delta(1, 2, 1), try delta(2, 1, 1)]
        #expect(DeltaPath.cheapest(to: try hash(3), from: [try hash(1)], deltas) == nil)
    }
}
