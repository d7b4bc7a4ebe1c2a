import Metainfo
import Testing

@Suite("A feed with documents")
struct FeedBundleTests {
    @Test("It is read as it was written, in one form only")
    func encoding() throws {
        let bundle = FeedBundle(
            feed: Array("note".utf8), documents: ["manifests/x.json": [1, 2], "deltas/a-b.zst": [], "z": [0xff]])
        #expect(
            String(decoding: bundle.encoded.prefix(47), as: UTF8.self)
                == "d9:documentsd14:deltas/a-b.zst0:16:manifests/x.")
        #expect(try FeedBundle(encoded: bundle.encoded) == bundle)
        let empty = FeedBundle(feed: [], documents: [:])
        #expect(try FeedBundle(encoded: empty.encoded) == empty)
    }

    @Test(
        "What is no bundle is refused",
        arguments: [
            "", "d", "de", "4:note", "d4:feed4:notee1", "d9:documentsdee", "d4:feed9:notee", "d9:documentsle4:feed1:xe",
            "d4:feedi1ee", "d9:documentsd1:b1:x1:a1:xe4:feed1:xe",
        ])
    func refusals(text: String) { #expect(throws: BencodeError.self) { try FeedBundle(encoded: Array(text.utf8)) } }

    @Test("More than anybody needs is refused before it takes memory, and not sent")
    func limits() throws {
        func expectRefused(_ documents: [String: [UInt8]]) {
            let bundle = FeedBundle(feed: [], documents: documents)
            #expect(!bundle.isWithinLimits)
            #expect(throws: BencodeError.self) { try FeedBundle(encoded: bundle.encoded) }
        }
        expectRefused(Dictionary(uniqueKeysWithValues: (0...4096).map { ("\($0)", []) }))
        expectRefused(["a": [UInt8](repeating: 0, count: FeedBundle.limit), "b": [1]])
        expectRefused([String(repeating: "p", count: 201): []])
        expectRefused(["caf\u{e9}": []])
        expectRefused(["a b": []])
        let most = FeedBundle(feed: [1], documents: ["a": [UInt8](repeating: 0, count: FeedBundle.limit)])
        #expect(most.isWithinLimits && most.encoded.count < FeedBundle.encodedLimit)
        #expect(try FeedBundle(encoded: most.encoded) == most)
    }

    @Test("Keys of later versions are passed over")
    func otherKeys() throws {
        let text = "d9:documentsd1:a1:xe4:feed4:note5:laterli1eee"
        #expect(
            try FeedBundle(encoded: Array(text.utf8))
                == FeedBundle(feed: Array("note".utf8), documents: ["a": Array("x".utf8)]))
    }
}
