import Metainfo
import SwarmTestSupport
import Testing

struct ZstdTests {
    /// 10,000 times `mirror` and a newline, by the zstd command, which read a pipe and so could not state the size.
    static let unsized: [UInt8] = [
        0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x7d, 0x00, 0x00, 0x38, 0x6d, 0x69, 0x72, 0x72, 0x6f, 0x72, 0x0a, 0x01,
        0x00, 0x66, 0x11, 0xca, 0x8b, 0x11,
    ]

    static let text = Array("the quick brown fox jumps over the lazy dog\n".utf8)

    @Test("what was compressed comes back", arguments: [0, 1, 44, 100_000])
    func roundTrip(count: Int) throws {
        let bytes = (0..<count).map { Self.text[$0 % Self.text.count] }
        for level: Int32 in [-1, 1, 3, 19] {
            let frame = try Zstd.compress(bytes, level: level)
            #expect(try Zstd.decompress(frame, size: count) == bytes)
        }
    }

    @Test("a level that zstd does not have is an error")
    func level() {
        #expect(throws: ZstdError.self) { try Zstd.compress(Self.text, level: 23) }
    }

    @Test("a frame that does not state its size is taken when the size is right")
    func frameWithoutSize() throws {
        let content = try Zstd.decompress(Self.unsized, size: 70_000)
        #expect(content.count == 70_000)
        #expect(content.starts(with: Array("mirror\nmirror\n".utf8)))
        #expect(throws: ZstdError.wrongSize(expected: 69_999, found: nil)) {
            try Zstd.decompress(Self.unsized, size: 69_999)
        }
        #expect(throws: ZstdError.wrongSize(expected: 70_001, found: 70_000)) {
            try Zstd.decompress(Self.unsized, size: 70_001)
        }
    }

    @Test("a bomb is refused by its header, and takes no memory")
    func bomb() throws {
        let frame = try Zstd.compress(Array(repeating: 0, count: 50_000_000), level: 1)
        #expect(frame.count < 10_000)
        #expect(throws: ZstdError.wrongSize(expected: 10, found: 50_000_000)) { try Zstd.decompress(frame, size: 10) }
    }

    @Test("another size than the header's is refused before memory is taken", arguments: [-1, 0, 43, 45, Int.max])
    func wrongSize(size: Int) throws {
        let frame = try Zstd.compress(Self.text)
        #expect(throws: ZstdError.wrongSize(expected: size, found: size < 0 ? nil : UInt64(Self.text.count))) {
            try Zstd.decompress(frame, size: size)
        }
    }

    @Test("every truncation is an error")
    func truncated() throws {
        let frame = try Zstd.compress(Self.text)
        for length in frame.indices {
            #expect(throws: ZstdError.truncated) { try Zstd.decompress(Array(frame[..<length]), size: Self.text.count) }
        }
    }

    @Test("bytes after the frame are an error, a second frame too")
    func trailingBytes() throws {
        let frame = try Zstd.compress(Self.text)
        #expect(throws: ZstdError.trailingBytes(1)) { try Zstd.decompress(frame + [0], size: Self.text.count) }
        #expect(throws: ZstdError.trailingBytes(frame.count)) {
            try Zstd.decompress(frame + frame, size: Self.text.count)
        }
    }

    @Test("other data is an error")
    func otherData() {
        #expect(throws: ZstdError.notZstd) { try Zstd.decompress(Self.text, size: 44) }
        // A skippable frame (RFC 8878, section 3.1.2) holds no content.
        #expect(throws: ZstdError.notZstd) { try Zstd.decompress([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0], size: 0) }
    }

    @Test("a changed byte never gives more than the expected size, and never crashes")
    func corrupted() throws {
        let bytes = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) }
        let frame = try Zstd.compress(bytes)
        for index in stride(from: 0, to: frame.count, by: 7) {
            var changed = frame
            changed[index] ^= 0x41
            if let content = try? Zstd.decompress(changed, size: bytes.count) { #expect(content.count == bytes.count) }
        }
    }
}

struct ZstdPatchTests {
    @Test("a patch makes the new bytes from the base, and is as small as the difference", arguments: [0, 1, 3_000_000])
    func patch(_ length: Int) throws {
        var random = SeededRandom(seed: 5)
        let base = random.bytes(length)
        var new = base
        for place in stride(from: 10_000, to: length, by: 500_000) {
            new.replaceSubrange(place..<(place + 32), with: random.bytes(40))
        }
        new += Array("the end".utf8)
        let patch = try Zstd.patch(from: base, to: new)
        #expect(patch.count < 800)
        #expect(try Zstd.apply(patch, to: base, size: new.count) == new)
    }

    @Test("a patch on another base, with another size, or cut off is refused or makes other bytes")
    func wrong() throws {
        var random = SeededRandom(seed: 6)
        let base = random.bytes(100_000)
        let new = base + [1, 2, 3]
        let patch = try Zstd.patch(from: base, to: new)
        #expect(throws: ZstdError.self) { try Zstd.apply(patch, to: base, size: new.count - 1) }
        #expect(throws: ZstdError.self) { try Zstd.apply(Array(patch.dropLast()), to: base, size: new.count) }
        #expect(throws: ZstdError.self) { try Zstd.apply(patch + [0], to: base, size: new.count) }
        #expect((try? Zstd.apply(patch, to: random.bytes(100_000), size: new.count)) != new)
        #expect(throws: ZstdError.self) { try Zstd.apply(patch, to: [], size: new.count) }
    }
}
