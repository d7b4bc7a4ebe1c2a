import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

struct BencodeTests {
    private func skip(_ text: String) throws {
        var reader = BencodeReader(Array(text.utf8))
        try reader.skip()
        try reader.finish()
    }

    @Test(
        "canonical values are read",
        arguments: [
            "i0e", "i-1e", "i9223372036854775807e", "0:", "3:abc", "le", "li1e1:ae", "de", "d1:ai1e1:bi2ee",
            "d0:i1e1:a0:e", "lllleeee",
        ])
    func canonical(_ text: String) throws { try skip(text) }

    @Test(
        "anything else is refused",
        arguments: [
            "", "i", "ie", "i-e", "i-0e", "i00e", "i01e", "i1", "i 1e", "i+1e", "i1.0e", "i9223372036854775808e",
            "i-9223372036854775809e", "i99999999999999999999999e", "1", "1:", "01:a", "-1:a", "2:a", "a", "l", "li1e",
            "d", "d1:a",
            "d1:ae", "di1ei2ee", "d1:bi1e1:ai1ee", "d1:ai1e1:ai2ee", "9223372036854775807:a", "18446744073709551616:a",
            "i1ei2e",
            "e", "d1:al", String(repeating: "l", count: 17) + String(repeating: "e", count: 17),
            String(repeating: "l", count: 1_000_000),
        ])
    func refused(_ text: String) {
        #expect(throws: BencodeError.self) { try skip(text) }
    }

    @Test("numbers are written in decimal", arguments: [0, 7, 10, -1, 1_234_567_890, Int64.max, Int64.min])
    func numbers(_ number: Int64) {
        var writer = BencodeWriter()
        writer.integer(number)
        #expect(writer.bytes == Array("i\(number)e".utf8))
        writer.string([UInt8](repeating: 1, count: Int(number.magnitude % 1000)))
        #expect(writer.bytes.starts(with: Array("i\(number)e\(number.magnitude % 1000):".utf8)))
    }

    @Test("what is written is read, in order")
    func roundTrip() throws {
        var writer = BencodeWriter()
        writer.dictionary { writer in
            writer.key("a")
            writer.integer(-5)
            writer.key("b")
            writer.list { writer in
                writer.string("é")
                writer.string([0, 255])
            }
        }
        #expect(writer.bytes == Array("d1:ai-5e1:bl2:é2:".utf8) + [0, 255] + Array("ee".utf8))
        var reader = BencodeReader(writer.bytes)
        var keys: [String] = []
        try reader.dictionary(mapping: { $0 }) { (reader, key) throws(BencodeError) in
            keys.append(String(decoding: reader.bytes[key], as: UTF8.self))
            try reader.skip()
        }
        try reader.finish()
        #expect(keys == ["a", "b"])
    }

    @Test("random mutations of a torrent never crash the parser, and never yield an unsafe path")
    func fuzz() throws {
        var random = SampleTorrent.random(seed: 99)
        let original = try SampleTorrent.mixed().bytes
        var survivors = 0
        for _ in 0..<20_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                let position = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes[position] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[position] = Array("0123456789:ilde./-".utf8).randomElement(using: &random) ?? 0
                case 2: bytes.remove(at: position)
                case 3: bytes.insert(UInt8.random(in: 0...255, using: &random), at: position)
                default:
                    let end = min(bytes.count, position + Int.random(in: 1...40, using: &random))
                    let part = bytes[position..<end]
                    bytes.insert(contentsOf: part, at: Int.random(in: 0...bytes.count, using: &random))
                }
            }
            guard let torrent = try? Torrent(parsing: bytes) else { continue }
            survivors += 1
            for entry in torrent.files { #expect(TreePath.fault(in: torrent.path(entry)) == nil) }
            for link in torrent.links {
                #expect(TreePath.fault(in: link.path) == nil)
                #expect(TreePath.resolve(link: link.path, target: link.target) != nil)
            }
            for directory in torrent.emptyDirectories { #expect(TreePath.fault(in: directory) == nil) }
            #expect(torrent.contentLength >= 0)
            for piece in 0..<torrent.pieceCount {
                #expect(torrent.pieceHash(piece).count == 20 && torrent.length(ofPiece: piece) > 0)
                #expect(!torrent.entries(inPiece: piece).isEmpty)
            }
        }
        // Bytes of digests and names may change without harm.
        #expect(survivors > 100)
    }

    @Test("A short string is a number of its own; one that begins with a zero, or is long, is none")
    func words() throws {
        func word(_ text: String) throws -> UInt64? {
            var reader = BencodeReader(Array("\(text.utf8.count):\(text)".utf8))
            return reader.word(try reader.string())
        }
        #expect(try word("path") == 0x7061_7468)
        #expect(try word("priority") == 0x7072_696f_7269_7479)
        #expect(try word("\0path") == nil)
        #expect(try word("") == nil)
        #expect(try word("prioritys") == nil)
    }
}
