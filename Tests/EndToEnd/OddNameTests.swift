import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

extension EndToEnd {
    /// Names that no sane archive has, and that are legitimate all the same: a mirror takes names for bytes.
    @Suite("Odd names")
    struct OddNameTests {
        /// Paths that libtorrent, a shell, a URL or a terminal would each like to read in its own way.
        static let paths: [String] = {
            var paths = [
                String(repeating: "a", count: 255), String(repeating: "é", count: 127) + "x",
                String(repeating: "c", count: 240) + "/" + String(repeating: "d", count: 255) + "/x",
                "back\\slash", "back\\", "dir\\x/y", "\\", "rtl\u{202e}gnp.exe", "\u{200e}", "\u{202a}\u{202c}",
                "zero\u{200b}width", "\u{feff}bom", "x\u{2066}y\u{2069}", "\"double\"", "'single'", "`tick`", "$HOME",
                "a;b", "a&b", "<tag>", "a|b", "*", "?", "[x]", "{a,b}", "~", "!", "-", "--help", " lead", "trail ", " ",
                "dir /x", "dot.", "dir./x", "...", "..a", "a..", "100%", "%2e%2e", "%41", "what?q=1", "frag#ment",
                "co:lon", "at@x", "pl+us", "new\nline", "tab\tx", "bell\u{7}", "cr\r", "crlf\r\nx", "esc\u{1b}[31m",
                "del\u{7f}", "c1\u{85}x", "ls\u{2028}x", "README", "readme", "ReadMe", "Dir/x", "dir/X", "DIR/y",
                ".hidden", ".hdir/x", ".swarm/x", "a/.pad/5", "a/.pad/x", "b/.swarm/y", ".PAD/7", ".pad2", "pad/.pad",
                "😀/👨‍👩‍👧", "nfc/\u{e9}", "nfd/e\u{301}", "\u{301}mark", "dir/\u{301}mark", "ligature\u{fb01}", "CON",
                "nul", "com1.txt", "\u{a0}nbsp", "\u{3000}", "surplus\u{10ffff}", "nonchar\u{fffe}", "\u{fffd}",
                "private\u{e000}",
            ]
            paths.append((0..<99).map { "d\($0)" }.joined(separator: "/") + "/f")
            return paths
        }()

        /// Writes all of them: most are packed, some begin on a piece of their own.
        private func fill(_ tree: FileTreeWriter) throws {
            var random = SeededRandom(seed: 70)
            for (number, path) in Self.paths.enumerated() {
                let size = number.isMultiple(of: 7) ? 140_000 + number : 20 + number
                try tree.create(path, random.bytes(size), mtime: 1_600_000_000 + number)
            }
        }

        /// A mirror is equal to the source in the eyes of diff and rsync.
        private func expectEqual(_ node: Node, _ master: Master) async throws {
            #expect(try await TreeComparison.differences(node.current, from: master.source.root) == "")
        }

        @Test("travel through libtorrent byte for byte, and move to other odd names without being fetched")
        func bittorrent() async throws {
            try await TestBench.run { bench in
                let master = try await Master(bench, preset: "plain", fill: fill)
                _ = try await master.snapshot()
                let server = try await master.serve()
                let node = Node(master)
                let first = try await node.synced(server.url, "--http-after", "10m")
                #expect(first.bytesFromHTTP == 0)
                try await expectEqual(node, master)
                #expect(try await TreeComparison.differences("\(master.store)/current", from: master.source.root) == "")

                for round in 0..<3 {
                    let forms = ["nfc/\u{e9}", "nfc/e\u{301}"]
                    try master.source.move(forms[round % 2], to: forms[(round + 1) % 2])
                    for (one, other) in [("back\\slash", "%41"), ("README", "readme"), ("\u{202a}\u{202c}", " ")] {
                        try master.source.move(one, to: "swap")
                        try master.source.move(other, to: one)
                        try master.source.move("swap", to: other)
                    }
                    _ = try await master.snapshot()
                    let next = try await node.synced(server.url, "--http-after", "10m")
                    #expect(next.bytesFetched == 0)
                    try await expectEqual(node, master)
                }
            }
        }

        @Test("travel by HTTP ranges where BitTorrent does not deliver, and every one is served under its URL")
        func http() async throws {
            try await TestBench.run { bench in
                let master = try await Master(bench, preset: "plain", fill: fill)
                _ = try await master.snapshot()
                let unpeered = try master.signed { feed in
                    feed.version += 1
                    feed.peers = []
                }
                let node = Node(master)
                try await UpstreamServer.run(master, unpeered) { upstream in
                    let snapshot = try await node.synced(upstream.url, "--http-after", "0s")
                    #expect(snapshot.bytesFromHTTP == snapshot.bytesWanted && snapshot.bytesFromPeers == 0)
                    try await expectEqual(node, master)
                    try await expectServed(upstream.url, bench, master)
                }
            }
        }

        /// Fetches every path with one curl, and every link of the page of the root.
        private func expectServed(_ url: String, _ bench: TestBench, _ master: Master) async throws {
            let fetched = try FileTreeWriter(bench["fetched"])
            var options = ["path-as-is", "fail", "silent", "show-error"]
            for (number, path) in Self.paths.enumerated() {
                options.append("url = \"\(url)/debian/\(Self.escaped(path.utf8))\"")
                options.append("output = \"\(fetched.location("\(number)"))\"")
            }
            options.append("url = \"\(url)/debian/\"")
            options.append("output = \"\(fetched.location("page"))\"")
            let file = bench["curl"]
            try options.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
            let curl = try LoggedProcess("curl", ["-K", file])
            #expect(await curl.exit() == 0, "\(curl.log)")
            for (number, path) in Self.paths.enumerated() {
                let got = FileManager.default.contents(atPath: fetched.location("\(number)"))
                #expect(got == FileManager.default.contents(atPath: master.source.location(path)), "\(path)")
            }
            let page = try String(contentsOfFile: fetched.location("page"), encoding: .utf8)
            let links = Set(page.matches(of: /href="\.\/([^"\/]*)\/?"/).map { String($0.output.1) })
            let top = Set(Self.paths.map { Self.escaped($0.utf8.prefix { $0 != UInt8(ascii: "/") }) })
            // What is harmless stands as it is in the page.
            #expect(Set(links.map { Self.escaped(SmallHTTPServer.decoded($0)) }) == top)
        }

        /// The path with everything encoded but letters, digits and slashes.
        private static func escaped(_ path: some Sequence<UInt8>) -> String {
            path.map { byte in
                let scalar = UnicodeScalar(byte)
                let isPlain = byte == UInt8(ascii: "/") || (scalar.isASCII && scalar.properties.isAlphabetic)
                return isPlain ? String(scalar) : "%" + Hex.encode([byte])
            }.joined()
        }

        @Test("two compositions of one text are refused with both, and one may become the other")
        func forms() async throws {
            try await TestBench.run { bench in
                let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
                let master = try await Master(bench, preset: "plain") { tree in
                    try tree.create(composed, Array("file".utf8))
                    try tree.create("\(composed)-dir/in", Array("directory".utf8))
                    try tree.create("deep/\(composed)/in", Array("deep".utf8))
                }
                let first = try await master.snapshot().snapshot
                let server = try await master.serve()
                let node = Node(master)
                try await node.synced(server.url)
                let list = bench["changes"]
                func snapshot(_ changes: [String]?) async throws -> ProgramOutput {
                    try (changes ?? []).joined(separator: "\n").write(toFile: list, atomically: true, encoding: .utf8)
                    return try await bench.run(
                        "swarm-publish",
                        ["snapshot", "--store", master.store] + (changes == nil ? [] : ["--changes", list]))
                }
                for twin in [decomposed, "\(decomposed)-dir/in", "deep/\(decomposed)/in"] {
                    try master.source.create(twin, Array("twin".utf8))
                    for changes in [nil, [twin], [TreePath.directory(of: twin)]] as [[String]?]
                    where changes?.first != "" {
                        let output = try await snapshot(changes)
                        #expect(output.status == 1, "\(output)")
                        #expect(output.errors.contains("caf\\u{e9}"), "\(output)")
                        #expect(output.errors.contains("cafe\\u{301}"), "\(output)")
                        #expect(output.errors.contains("rename one of them"), "\(output)")
                    }
                    let top = twin.hasPrefix("deep") ? "deep/\(decomposed)" : String(twin.prefix { $0 != "/" })
                    try master.source.remove(top)
                }
                #expect(try await snapshot(nil).text.contains("Nothing changed"))
                let current = try FileManager.default.destinationOfSymbolicLink(atPath: "\(master.store)/current")
                #expect(current == "trees/\(first)/debian")

                // From the one to the other and back, found by the paths alone and by the scan.
                for (old, new, isNamed) in [
                    (composed, decomposed, true), (decomposed, composed, false), (composed, decomposed, false),
                    (decomposed, composed, true),
                ] {
                    let names = ["", "-dir"].flatMap { [old + $0, new + $0] } + ["deep/\(old)", "deep/\(new)"]
                    for pair in stride(from: 0, to: names.count, by: 2) {
                        try master.source.move(names[pair], to: names[pair + 1])
                    }
                    let output = try await snapshot(isNamed ? names : nil)
                    #expect(output.status == 0, "\(output)")
                    let differences = try await TreeComparison.differences(
                        "\(master.store)/current", from: master.source.root)
                    #expect(differences == "")
                    try await node.synced(server.url)
                    try await expectEqual(node, master)
                    #expect(try await snapshot(nil).text.contains("Nothing changed"))
                }
            }
        }

        @Test("a name with the end of a line in it is named by a list that NUL ends")
        func listedNames() async throws {
            try await TestBench.run { bench in
                let master = try await Master(bench, preset: "plain") { try $0.create("plain", [1]) }
                _ = try await master.snapshot()
                let names = ["new\nline", "ls\u{2028}x", "c1\u{85}x", "cr\r"]
                for name in names { try master.source.create(name, Array(name.utf8)) }
                let list = bench["changes"]
                try names.joined(separator: "\0").write(toFile: list, atomically: true, encoding: .utf8)
                try await master.publish("snapshot", "--changes", list)
                for name in names.dropFirst() { try master.source.append(name, [7]) }
                try names.dropFirst().joined(separator: "\n").write(toFile: list, atomically: true, encoding: .utf8)
                try await master.publish("snapshot", "--changes", list)
                let differences = try await TreeComparison.differences(
                    "\(master.store)/current", from: master.source.root)
                #expect(differences == "")
                #expect(try await master.publish("snapshot").contains("Nothing changed"))
            }
        }
    }
}
