import SwarmTestSupport
import Testing
import TrackerCore

struct SipHashTests {
    /// The vectors of the reference implementation.
    @Test func agreesWithTheReference() {
        #expect(paperHash.hash([]) == 0x726f_db47_dd0e_0e31)
        #expect(paperHash.hash(Array(0..<15)) == 0xa129_ca61_49be_45e5)
        #expect(paperHash.hash([0]) == 0x74f8_39c5_93dc_67fd)
    }

    @Test func wordsAreBytes() {
        let words: [UInt64] = [1, 0x8000_0000_0000_0002, 3, 0xffff_ffff_ffff_fff4]
        let bytes = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) } }
        #expect(paperHash.hash(words[0], words[1], words[2], words[3]) == paperHash.hash(bytes))
    }
}

struct ConnectionIDTests {
    private let ids = ConnectionIDs(hash: paperHash)

    @Test func isValidInItsWindowAndTheNext() {
        let id = ids.id(of: ip("192.0.2.1"), now: 1000)
        for now in [1000, 1079, 1080, 1199] { #expect(ids.isValid(id, of: ip("192.0.2.1"), now: now)) }
        for now in [1200, 959, 5000] { #expect(!ids.isValid(id, of: ip("192.0.2.1"), now: now)) }
    }

    @Test func isOfOneAddress() {
        let id = ids.id(of: ip("192.0.2.1"), now: 1000)
        #expect(!ids.isValid(id, of: ip("192.0.2.2"), now: 1000))
        #expect(!ids.isValid(id ^ 1, of: ip("192.0.2.1"), now: 1000))
        #expect(id != ConnectionIDs(hash: SipHash(key: (1, 2))).id(of: ip("192.0.2.1"), now: 1000))
    }
}
