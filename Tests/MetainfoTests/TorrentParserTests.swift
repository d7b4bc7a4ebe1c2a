import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

/// Torrents that a node must not believe.
struct TorrentParserTests {
    /// A torrent from parts, good unless told otherwise.
    private struct Draft {
        var name = "set"
        var pieceLength = 16384
        /// The bencoded entries, one after the other.
        var files = Draft.file(["a"])
        var pieces: Int? = 1
        var swarm = "d7:versioni1ee"
        var infoTail = ""
        var tail = ""

        /// An entry; `length` is bencoded as it stands.
        static func file(_ path: [String], length: String = "5", keys: String = "", priority: String = "") -> String {
            let components = path.map { "\($0.utf8.count):\($0)" }.joined()
            return
                "d\(keys)6:lengthi\(length)e5:mtimei1e4:pathl\(components)e\(priority)6:sha25632:\(String(repeating: "s", count: 32))e"
        }

        static func link(_ path: [String], to target: [String]) -> String {
            func list(_ parts: [String]) -> String { "l" + parts.map { "\($0.utf8.count):\($0)" }.joined() + "e" }
            return "d4:attr1:l6:lengthi0e4:path\(list(path))12:symlink path\(list(target))e"
        }

        var text: String {
            let hashes = pieces.map { "6:pieces\($0 * 20):\(String(repeating: "h", count: $0 * 20))" } ?? ""
            return "d4:infod5:filesl\(files)e4:name\(name.utf8.count):\(name)12:piece lengthi\(pieceLength)e\(hashes)"
                + "\(infoTail)5:swarm\(swarm)ee\(tail)"
        }

        func parse() throws -> Torrent { try Torrent(parsing: Array(text.utf8)) }

        var failure: MetainfoError.Code? {
            do {
                _ = try parse()
                return nil
            } catch {
                return (error as? MetainfoError)?.code
            }
        }
    }

    @Test("a plain draft is good")
    func good() throws {
        let torrent = try Draft().parse()
        #expect(torrent.path(0) == "a" && torrent.length(0) == 5 && torrent.pieceCount == 1)
    }

    @Test("entries of the usual form and others are read alike")
    func forms() throws {
        let names = ["a", "..x", "d", "ä", "with space", "x y", "plain.txt", "~", "0", "tab\tx"]
        let priorities = ["", "8:priorityi1e", "8:priorityi7e"]
        var (usual, unusual) = (Draft(), Draft())
        (usual.files, unusual.files) = ("", "")
        for number in 0..<300 {
            let path = [names[number % 10], "\(number)", names[number / 10 % 10]]
            let keys = number % 3 == 0 ? "4:attr1:x" : ""
            let file = Draft.file(path, length: "\(number)", keys: keys, priority: priorities[number % 3])
            usual.files += file
            // A key that nobody knows.
            unusual.files += file.dropLast() + "1:z1:ye"
            if number % 7 == 0 {
                let pad = "d4:attr1:p6:lengthi9e4:pathl4:.pad\("\(number)".count):\(number)ee"
                usual.files += pad
                unusual.files += pad.dropLast() + "1:z1:ye"
            }
        }
        usual.pieces = 3
        unusual.pieces = 3
        let (one, two) = (try usual.parse(), try unusual.parse())
        try #require(one.entryCount == 343 && two.entryCount == 343)
        for entry in 0..<one.entryCount {
            #expect(one.kind(entry) == two.kind(entry) && one.path(entry) == two.path(entry))
            #expect(one.offset(entry) == two.offset(entry) && one.length(entry) == two.length(entry))
            if one.kind(entry) == .file { #expect(one.file(entry) == two.file(entry)) }
        }
    }

    @Test(
        "a number that is not in its shortest form, negative or too large is refused",
        arguments: ["05", "-0", "-5", "", "99999999999999999999", "999999999999999999", "5x", "+5"])
    func badLength(_ length: String) {
        var draft = Draft()
        draft.files = Draft.file(["a"], length: length)
        #expect(draft.failure == (["-5", "999999999999999999"].contains(length) ? .tooLarge : .malformed))
    }

    @Test(
        "an unsafe path is refused",
        arguments: [
            ["..", "x"], ["a", ".."], ["."], [""], ["a", "", "b"], ["/etc/passwd"], ["a/b"], ["nul\0"], [],
            [String(repeating: "x", count: 256)], Array(repeating: "d", count: 101),
            Array(repeating: String(repeating: "x", count: 250), count: 17),
        ] as [[String]])
    func unsafePath(_ path: [String]) {
        var draft = Draft()
        draft.files = Draft.file(path)
        #expect(draft.failure == (path.isEmpty ? .invalid : .unsafePath))
    }

    @Test("a name that is not UTF-8 is refused, in paths, links and directories")
    func badUTF8() throws {
        var draft = Draft()
        draft.files = Draft.file(["aXb"])
        draft.swarm = "d11:directoriesl3:dYde5:linksll3:lZl1:aee7:versioni1ee"
        let good = Array(draft.text.utf8)
        #expect(throws: Never.self) { try Torrent(parsing: good) }
        for letter in "XYZ".utf8 {
            var bytes = good
            bytes[try #require(bytes.lastIndex(of: letter))] = 0xff
            let error = #expect(throws: MetainfoError.self) { try Torrent(parsing: bytes) }
            #expect(error?.code == .unsafePath)
        }
    }

    @Test("no path twice, and nothing below what is no directory")
    func overlaps() {
        let entries = [
            Draft.file(["a"]) + Draft.file(["a"]), Draft.file(["a"]) + Draft.file(["a", "b"]),
            Draft.file(["a", "b"]) + Draft.file(["a-b"]) + Draft.file(["a"]),
            Draft.link(["l"], to: ["a"]) + Draft.file(["l", "x"]), Draft.file(["l"]) + Draft.link(["l"], to: ["a"]),
        ]
        for files in entries {
            var draft = Draft()
            draft.files = files
            #expect(draft.failure == .unsafePath)
        }
        for swarm in [
            "d11:directoriesl1:aee", "d11:directoriesl3:a/bee", "d11:directoriesl1:d1:dee",
            "d11:directoriesl1:d3:d/eee",
        ] {
            var draft = Draft()
            draft.swarm = swarm
            #expect(draft.failure == .unsafePath)
        }
    }

    @Test(
        "a link that leaves the tree is refused",
        arguments: ["..", "../x", "/x", "a/../../x", "x/\0", "", "../\u{301}b/..", "/\u{301}x/.."])
    func links(_ target: String) {
        var draft = Draft()
        draft.swarm = "d5:linksll1:l\(target.utf8.count):\(target)ee7:versioni1ee"
        #expect(draft.failure == .unsafeLink)
        draft.swarm = "d5:linksll4:../l1:aee7:versioni1ee"
        #expect(draft.failure == .unsafePath)
        draft.swarm = "d11:directoriesl4:../de7:versioni1ee"
        #expect(draft.failure == .unsafePath)
        draft.swarm = "d7:versioni1ee"
        draft.files = Draft.link(["l"], to: ["..", "x"])
        #expect(draft.failure == .unsafePath)
    }

    @Test(
        "lengths that are negative, huge, or add up to too much are refused",
        arguments: ["-1", "9223372036854775807", "140737488355329"])
    func lengths(_ length: String) {
        var draft = Draft()
        draft.files = Draft.file(["a"], length: length)
        #expect(draft.failure == .tooLarge)
        draft.files = Draft.file(["a"], length: "140737488355328") + Draft.file(["b"])
        #expect(draft.failure == .tooLarge)
    }

    @Test("hashes must be as many as the content has pieces", arguments: [0, 2, 3, nil])
    func pieceCount(_ count: Int?) {
        var draft = Draft()
        draft.pieces = count
        #expect(draft.failure == .invalid)
    }

    @Test("the length of a piece is a power of two in bounds", arguments: [0, -16384, 8192, 16385, 1 << 27])
    func pieceLength(_ length: Int) {
        var draft = Draft()
        draft.pieceLength = length
        #expect(draft.failure == .invalid)
    }

    @Test("BEP 38's keys are refused, inside and outside")
    func similar() {
        var draft = Draft()
        draft.infoTail = "7:similarle"
        #expect(draft.failure == .refused)
        let text = Draft().text
        for key in ["7:similarle", "11:collectionsle"] {
            let outside = key.hasPrefix("11") ? "d\(key)\(text.dropFirst())" : "\(text.dropLast())\(key)e"
            let error = #expect(throws: MetainfoError.self) { try Torrent(parsing: Array(outside.utf8)) }
            #expect(error?.code == .refused)
        }
        let inside = text.replacing("4:infod", with: "4:infod11:collectionsle")
        #expect((#expect(throws: MetainfoError.self) { try Torrent(parsing: Array(inside.utf8)) })?.code == .refused)
    }

    @Test(
        "what is not a plain torrent of version 1 is refused",
        arguments: ["12:meta versioni2e", "9:file treede", "8:ssl-cert1:x"])
    func otherKinds(_ key: String) throws {
        let place = key.hasPrefix("12") ? "4:name" : key.hasPrefix("9") ? "5:files" : "5:swarm"
        let text = Draft().text
        try #require(text.contains(place))
        let other = text.replacing(place, with: key + place, maxReplacements: 1)
        #expect((#expect(throws: MetainfoError.self) { try Torrent(parsing: Array(other.utf8)) })?.code == .refused)
    }

    @Test(
        "other faults",
        arguments: [
            ("d7:versioni2ee", MetainfoError.Code.invalid), ("i1e", .malformed), ("d7:versioni1e", .malformed),
            ("d5:linksll1:leee", .invalid),
            ("d3:xyz" + String(repeating: "l", count: 40) + String(repeating: "e", count: 41), .malformed),
        ])
    func swarmKey(_ swarm: String, _ code: MetainfoError.Code) {
        var draft = Draft()
        draft.swarm = swarm
        #expect(draft.failure == code)
    }

    @Test("entries need a digest and a class in bounds")
    func entries() {
        var draft = Draft()
        draft.files = Draft.file(["a"]).replacing("sha25632:", with: "sha25731:s")
        #expect(draft.failure != nil)
        draft.files = Draft.file(["a"], priority: "8:priorityi8e")
        #expect(draft.failure == .invalid)
        draft.files = Draft.file(["a"], priority: "8:priorityi9223372036854775807e")
        #expect(draft.failure == .invalid)
        draft.tail = "x"
        #expect(draft.failure != nil)
        draft = Draft()
        draft.name = "../set"
        #expect(draft.failure == .unsafePath)
    }

    @Test("limits hold before memory is taken")
    func limits() {
        var limits = Torrent.Limits()
        limits.entries = 1
        var draft = Draft()
        draft.files = Draft.file(["a"]) + Draft.file(["b"])
        #expect(throws: MetainfoError.self) { try Torrent(parsing: Array(draft.text.utf8), limits: limits) }
        limits = Torrent.Limits()
        limits.size = 10
        #expect(throws: MetainfoError.self) { try Torrent(parsing: Array(draft.text.utf8), limits: limits) }
        limits = Torrent.Limits()
        limits.pieces = 0
        #expect(throws: MetainfoError.self) { try Torrent(parsing: Array(draft.text.utf8), limits: limits) }
    }

    @Test("trackers are added without touching the info-hash")
    func trackers() throws {
        let torrent = try SampleTorrent.mixed()
        let encoded = ShardLayout(torrent, policy: SampleTorrent.policy).encoded(name: torrent.name)
        #expect(encoded.bytes == torrent.bytes)
        #expect(encoded.infoHash == torrent.infoHash)
        let other = try Torrent(parsing: encoded.withTrackers(["http://a/announce", "udp://b:1"]))
        #expect(other.infoHash == torrent.infoHash)
        #expect(encoded.withTrackers([]) == torrent.bytes)
        #expect(EncodedShard.withoutTrackers(other.bytes, size: torrent.bytes.count) == torrent.bytes)
        #expect(EncodedShard.withoutTrackers(torrent.bytes, size: torrent.bytes.count) == torrent.bytes)
        #expect(EncodedShard.withoutTrackers(Array("de".utf8), size: torrent.bytes.count) == nil)
        for bytes in [torrent.bytes, other.bytes] {
            let compressed = try EncodedShard.compressed(bytes, torrent.infoHash)
            let forms: [(TorrentForm, [UInt8])] = [(.compressed, compressed), (.plain, bytes)]
            for (form, offered) in forms {
                #expect(try form.content(of: offered, size: torrent.bytes.count) == torrent.bytes)
                #expect(offered.count <= form.limit(size: torrent.bytes.count))
            }
            #expect(throws: ZstdError.self) {
                try TorrentForm.compressed.content(of: bytes, size: torrent.bytes.count)
            }
            #expect(throws: MetainfoError.self) {
                try TorrentForm.plain.content(of: compressed, size: torrent.bytes.count)
            }
        }
        let damaged = torrent.bytes.dropLast(2) + [torrent.bytes[torrent.bytes.count - 2] ^ 1, UInt8(ascii: "e")]
        for bytes in [Array(damaged), Array("de".utf8), []] {
            #expect(throws: MetainfoError.self) { try EncodedShard.compressed(bytes, torrent.infoHash) }
        }
    }
}
