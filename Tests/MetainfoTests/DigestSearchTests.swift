import Metainfo
import SwarmCore
import Testing

@Suite("The search for contents in torrents")
struct DigestSearchTests {
    private let contents = (0..<50).map { Digest.sha256([UInt8($0)]) }

    /// What a torrent's entries look like, with digests among bytes of which some begin like the key.
    private func entries(_ digests: some Sequence<SHA256Digest>) -> [UInt8] {
        digests.flatMap { Array("d6:lengthi1e4:pathl6:sha256:sha25e6:sha25632:".utf8) + $0.bytes + Array("e".utf8) }
    }

    @Test("It finds each of the contents, wherever it stands")
    func finds() {
        let bytes = entries(contents)
        for digest in contents { #expect(DigestSearch([digest]).found(in: bytes.span) == [digest]) }
        #expect(DigestSearch(contents.suffix(3)).found(in: bytes.span) == Array(contents.suffix(3)))
    }

    @Test("It tells which contents are there, once for each file")
    func counts() {
        let bytes = entries(contents + [contents[7], contents[3], contents[7]])
        let found = DigestSearch([contents[3], contents[7], Digest.sha256([99])]).found(in: bytes.span)
        #expect(found == [3, 7, 7, 3, 7].map { contents[$0] })
    }

    @Test("In blocks that overlap it finds the same, and nothing twice", arguments: 43...300)
    func blocks(_ length: Int) {
        let bytes = entries(contents)
        var found: [SHA256Digest] = []
        for start in stride(from: 0, to: bytes.count, by: length - DigestSearch.overlap) {
            found += DigestSearch(contents).found(in: bytes.span.extracting(start..<min(start + length, bytes.count)))
        }
        #expect(found == contents)
    }

    @Test("It does not find what is not there, nor anything in bytes that end too early")
    func absent() {
        let bytes = entries(contents.dropFirst())
        #expect(DigestSearch([contents[0]]).found(in: bytes.span).isEmpty)
        #expect(DigestSearch([SHA256Digest]()).found(in: bytes.span).isEmpty)
        #expect(DigestSearch(contents).found(in: [UInt8]().span).isEmpty)
        let one = entries([contents[0]])
        for length in 0..<(one.count - 1) {
            #expect(DigestSearch([contents[0]]).found(in: one.span.extracting(0..<length)).isEmpty)
        }
    }

    @Test("A digest elsewhere than under its key does not count")
    func elsewhere() {
        let bytes = Array("6:sha25532:".utf8) + contents[0].bytes + [0x65]
        #expect(DigestSearch([contents[0]]).found(in: bytes.span).isEmpty)
    }
}
