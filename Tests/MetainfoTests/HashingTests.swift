import Metainfo
import SwarmCore
import Testing

/// Vectors of FIPS 180-4's examples and of RFC 6234, section 8.5.
struct HashingTests {
    static let vectors: [(text: String, sha1: String, sha256: String)] = [
        (
            "", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        ),
        (
            "abc", "a9993e364706816aba3e25717850c26c9cd0d89d",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        ),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (
            String(repeating: "a", count: 1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        ),
    ]

    @Test("the digest of a whole text is the published one", arguments: vectors.indices)
    func knownDigests(index: Int) {
        let vector = Self.vectors[index]
        #expect(Digest.sha1(Array(vector.text.utf8)).description == vector.sha1)
        #expect(Digest.sha256(Array(vector.text.utf8)).description == vector.sha256)
    }

    @Test("parts of any size give the digest of the whole, and one hasher makes all of them")
    func parts() {
        var sha1 = SHA1Hasher()
        var sha256 = SHA256Hasher()
        for size in [1, 3, 63, 64, 65, 4096] {
            for vector in Self.vectors {
                let bytes = Array(vector.text.utf8)
                for start in stride(from: 0, to: bytes.count, by: size) {
                    let part = Array(bytes[start..<min(start + size, bytes.count)])
                    sha1.update(part.span)
                    sha256.update(part)
                }
                #expect(sha1.finalize().description == vector.sha1)
                #expect(sha256.finalize().description == vector.sha256)
            }
        }
    }

    @Test("reset forgets what was seen")
    func reset() {
        var sha1 = SHA1Hasher()
        sha1.update([1, 2, 3])
        sha1.reset()
        sha1.update(Array("abc".utf8))
        #expect(sha1.finalize().description == Self.vectors[1].sha1)
        var sha256 = SHA256Hasher()
        sha256.update([1, 2, 3])
        sha256.reset()
        #expect(sha256.finalize().description == Self.vectors[0].sha256)
    }

    @Test("raw memory is read as it lies, an empty buffer too")
    func rawMemory() {
        var sha1 = SHA1Hasher()
        var sha256 = SHA256Hasher()
        unsafe sha1.update(UnsafeRawBufferPointer(start: nil, count: 0))
        unsafe Array("abc".utf8).withUnsafeBytes { bytes in
            unsafe sha1.update(bytes)
            unsafe sha256.update(bytes)
        }
        var pieces: [UInt8] = [0xff]
        sha1.finalize(appendingTo: &pieces)
        #expect(Hex.encode(pieces) == "ff" + Self.vectors[1].sha1)
        #expect(sha256.finalize().description == Self.vectors[1].sha256)
    }

    @Test("one hasher per task: digests do not disturb each other")
    func concurrently() async {
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    var sha1 = SHA1Hasher()
                    var sha256 = SHA256Hasher()
                    return (0..<200).allSatisfy { _ in
                        sha1.update(Array("abc".utf8))
                        sha256.update(Array("abc".utf8))
                        return sha1.finalize().description == Self.vectors[1].sha1
                            && sha256.finalize().description == Self.vectors[1].sha256
                    }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }
}
