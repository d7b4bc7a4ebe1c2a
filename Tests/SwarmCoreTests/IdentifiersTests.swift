import FoundationEssentials
import SwarmCore
import Testing

/// Gives the bytes of a counter, so that what is random is known.
private struct CountingGenerator: RandomNumberGenerator {
    var value: UInt64 = 0
    mutating func next() -> UInt64 {
        value &+= 0x0101_0101_0101_0101
        return value
    }
}

struct IdentifiersTests {
    @Test(
        "names of sets", arguments: ["debian", "fedora-enchilada", "9", "A_b.c-d", String(repeating: "x", count: 64)])
    func setNames(text: String) throws {
        let name = try #require(SetName(text))
        #expect(name.description == text)
        #expect(try Documents.decode(SetName.self, from: Documents.encode(name)) == name)
    }

    @Test(
        "what is no name of a set",
        arguments: ["", ".", "..", ".swarm", "-a", "_a", "a/b", "a b", "é", "a\0", String(repeating: "x", count: 65)])
    func notSetNames(text: String) {
        #expect(SetName(text) == nil)
        #expect(throws: DecodingError.self) { try Documents.decode(SetName.self, from: Documents.encode(text)) }
    }

    @Test("a UUID is read in either case and written in lower case")
    func snapshotIDs() throws {
        let id = try #require(SnapshotID("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"))
        #expect(id.description == "f81d4fae-7dec-11d0-a765-00a0c91e6bf6")
        #expect(try Documents.decode(SnapshotID.self, from: Documents.encode(id)) == id)
        for text in ["", "f81d4fae7dec11d0a76500a0c91e6bf6", "f81d4fae-7dec-11d0-a765-00a0c91e6bfg", "../../../x"] {
            #expect(SnapshotID(text) == nil)
        }
    }

    @Test("a random UUID has RFC 9562's version and variant, and is another each time")
    func randomSnapshotIDs() {
        var generator = CountingGenerator()
        let first = SnapshotID.random(using: &generator)
        let second = SnapshotID.random(using: &generator)
        #expect(first != second)
        for id in [first, second] {
            let characters = Array(id.description)
            #expect(characters[14] == "4")
            #expect("89ab".contains(characters[19]))
            #expect(SnapshotID(id.description) == id)
        }
    }

    @Test("priorities are 1 to 7")
    func priorities() {
        #expect((0...8).map { Priority($0) != nil } == [false, true, true, true, true, true, true, true, false])
        #expect(Priority.entryPoint < .metadata && Priority.metadata < .payload)
        #expect(throws: DecodingError.self) { try Documents.decode(Priority.self, from: Array("8".utf8)) }
    }

    @Test(
        "endpoints come back from their text",
        arguments: [
            ("mirror.example:6881", "mirror.example", 6881), ("192.0.2.1:1", "192.0.2.1", 1),
            ("[2001:db8::1]:65535", "2001:db8::1", 65535), (":80", "", 80),
        ])
    func endpoints(text: String, host: String, port: Int) throws {
        let endpoint = try #require(Endpoint(text))
        #expect(endpoint.host == host)
        #expect(Int(endpoint.port) == port)
        #expect(endpoint.description == text)
        #expect(try Documents.decode(Endpoint.self, from: Documents.encode(endpoint)) == endpoint)
    }

    @Test("what is no endpoint", arguments: ["", "host", "host:", "host:65536", "host:-1", "::1:80", "a b:1", "a/b:1"])
    func notEndpoints(text: String) { #expect(Endpoint(text) == nil) }

    @Test("an endpoint for every interface cannot be dialled")
    func unspecified() {
        for text in [":1", "0.0.0.0:1", "[::]:1", "*:1"] { #expect(Endpoint(text)?.isUnspecified == true) }
        #expect(Endpoint("127.0.0.1:1")?.isUnspecified == false)
    }

    @Test("digests come back from hexadecimal, and are ordered as their bytes")
    func digests() throws {
        let text = "a9993e364706816aba3e25717850c26c9cd0d89d"
        let hash = try #require(InfoHash(hex: text.uppercased()))
        #expect(hash.description == text)
        #expect(InfoHash(bytes: hash.bytes) == hash)
        #expect(InfoHash(hex: text.dropLast()) == nil && InfoHash(hex: text + "00") == nil)
        #expect(InfoHash(hex: text.replacing("a", with: "g")) == nil)
        let bytes = (0..<32).map { UInt8($0 * 8) }
        let digest = try #require(SHA256Digest(bytes: bytes))
        #expect(digest.bytes == bytes)
        #expect(SHA256Digest(bytes: bytes.dropLast()) == nil)
        let larger = try #require(SHA256Digest(bytes: bytes.dropLast() + [0xff]))
        #expect(digest < larger && digest != larger)
        #expect(try Documents.decode(SHA256Digest.self, from: Documents.encode(digest)) == digest)
    }

    @Test("where things lie below a root")
    func rootLayout() throws {
        let set = try #require(SetName("debian"))
        let id = try #require(SnapshotID("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"))
        let layout = RootLayout(root: "/srv/mirror//", set: set)
        #expect(layout.root == "/srv/mirror")
        #expect(RootLayout(root: "/", set: set).root == "/")
        #expect(layout.files(of: id) == "/srv/mirror/trees/\(id)/debian")
        #expect(layout.tree(id) == "/srv/mirror/trees/\(id)")
        #expect(layout.manifest(id) == "/srv/mirror/.swarm/manifests/\(id).json")
        #expect(layout.snapshotLink(id) == "/srv/mirror/snap/\(id)")
        #expect(layout.snapshot(currentTarget: layout.currentTarget(id)) == id)
        for target in ["trees/\(id)/fedora", "snap/\(id)/debian", "trees/\(id)", "trees/x/debian", ""] {
            #expect(layout.snapshot(currentTarget: target) == nil)
        }
    }
}
