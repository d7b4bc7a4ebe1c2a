import SwarmCore
import Testing

struct GlobTests {
    /// Pattern, paths that match, paths that do not.
    static let cases: [(pattern: String, matching: [String], other: [String])] = [
        // Without a slash: the last segment at any depth.
        ("*.deb", ["a.deb", "pool/main/a/a_1.deb", ".deb"], ["a.deb/x", "a.debx", "a.udeb/"]),
        ("Release", ["Release", "dists/sid/Release"], ["InRelease", "Release/x", "Release.gpg"]),
        ("?.txt", ["a.txt", "x/é.txt", "€.txt", "𝄞.txt"], ["ab.txt", ".txt", "a/.txt"]),
        ("**", ["a", "a/b/c"], []),
        ("*", ["a", "a/b/c", ".hidden"], []),
        // With a slash: the whole path.
        ("dists/*/Release", ["dists/sid/Release"], ["dists/Release", "dists/a/b/Release", "x/dists/sid/Release"]),
        ("/Release", ["Release"], ["dists/Release"]),
        ("/*.txt", ["a.txt"], ["a/b.txt"]),
        ("a?c/d", ["abc/d"], ["a/c/d", "ac/d"]),
        // Any number of segments.
        (
            "**/repodata/*", ["repodata/x", "a/repodata/x", "a/b/repodata/x"],
            ["repodata", "repodata/x/y", "xrepodata/x"]
        ),
        ("a/**/z", ["a/z", "a/b/z", "a/z/z", "a/b/z/c/z"], ["a", "z", "a/z/b", "b/a/z"]),
        ("a/**/b/**/c", ["a/b/c", "a/x/b/y/c", "a/b/b/c/c"], ["a/c/b", "a/b", "b/c"]),
        ("**/x/y", ["x/y", "x/x/y", "a/x/x/y"], ["x/a/y", "x/y/a"]),
        ("/**/a", ["a", "b/a"], ["b/ab"]),
        ("a**b/c", ["ab/c", "axxb/c"], ["a/b/c"]),
        // All below.
        ("dists/", ["dists/a", "dists/a/b"], ["dists", "x/dists/a", "distsx/a"]),
        ("dists/**", ["dists/a", "dists/a/b"], ["dists", "x/dists/a"]),
        ("**/debug/", ["debug/a", "x/debug/a/b"], ["debug", "x/debug"]),
        ("*/doc/**", ["a/doc/b"], ["doc/b", "a/b/doc/c", "a/doc"]),
        ("/", ["a", "a/b"], []),
        // Classes.
        ("[a-c]x", ["ax", "cx", "z/bx"], ["dx", "x", "-x"]),
        ("[!a-c]x", ["dx", "éx"], ["ax", "x"]),
        ("[^a]x", ["bx"], ["ax"]),
        ("[]x]", ["]", "x"], ["["]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[\\]]", ["]"], ["\\"]),
        ("[à-ü]", ["é"], ["e", "z"]),
        ("[{,}]", ["{", ",", "}"], ["a"]),
        // Braces.
        ("*.{deb,udeb}", ["a.deb", "a.udeb"], ["a.rpm", "a.{deb,udeb}"]),
        ("{a,b/c}", ["a", "x/a", "b/c"], ["c", "x/b/c"]),
        ("a{b,c{d,e}}f", ["abf", "acdf", "acef"], ["acf", "af"]),
        ("x{,.gz,.xz}", ["x", "x.gz", "x.xz"], ["x.bz2"]),
        ("{a,b}{c,d}", ["ac", "ad", "bc", "bd"], ["ab", "cd"]),
        ("{[,}],x}", ["}", ",", "x"], ["["]),
        // Backslash.
        ("\\*.deb", ["*.deb"], ["a.deb"]),
        ("\\{a\\,b\\}", ["{a,b}"], ["a"]),
        ("a\\?", ["a?"], ["ab"]),
        // Bytes are compared exactly: é in its two normal forms, and case.
        ("caf\u{e9}", ["caf\u{e9}"], ["cafe\u{301}", "CAF\u{c9}"]),
        ("*?", ["é", "ab"], []),
        ("*??", ["ab", "éa", "a€"], ["é", "€", "𝄞"]),
        ("*a*b*c", ["abc", "xaybzc", "aabbcc"], ["acb", "abcd"]),
    ]

    @Test("patterns match what they should and nothing else", arguments: cases.indices)
    func matching(index: Int) throws {
        let (pattern, matching, other) = Self.cases[index]
        let glob = try Glob(pattern)
        for path in matching { #expect(glob.matches(path), "\(pattern) \(path)") }
        for path in other { #expect(!glob.matches(path), "\(pattern) \(path)") }
        for path in matching { #expect(glob.matches(Array(path.utf8)), "\(pattern) \(path)") }
    }

    @Test(
        "what is not a pattern is refused, with the pattern and the reason",
        arguments: [
            "", "a//b", "//a", "[a", "[]", "[z-a]", "{a", "a}", "a\\", "./a", "a/../b", "{,a}", "a/[b/c]", "[a\\]",
            String(repeating: "a", count: 4097), String(repeating: "{a,b}", count: 9),
        ])
    func refused(pattern: String) {
        let error = #expect(throws: GlobError.self) { try Glob(pattern) }
        #expect(error?.pattern == pattern)
        #expect(error?.description.isEmpty == false)
    }

    @Test("no pattern takes exponential time", .timeLimit(.minutes(1)))
    func hostilePatterns() throws {
        let stars = try Glob("/" + String(repeating: "*a", count: 1000) + "b")
        #expect(!stars.matches(String(repeating: "a", count: 4000)))
        let depths = try Glob(String(repeating: "**/a/", count: 400) + "b")
        #expect(!depths.matches(String(repeating: "a/", count: 2000) + "c"))
    }

    @Test("names that are not UTF-8 are matched byte by byte")
    func otherEncodings() throws {
        let latin1: [UInt8] = [0x63, 0x61, 0x66, 0xe9]
        #expect(try Glob("caf?").matches(latin1))
        #expect(try Glob("c*").matches(latin1))
        #expect(try Glob("caf[!e]").matches(latin1))
        #expect(try !Glob("caf[é]").matches(latin1))
        #expect(try Glob("??").matches([0x80, 0xff]))
        #expect(try Glob("?a").matches([0xe2, 0x61]))
    }

    /// The definition, tried out in full: each `**` and `*` with each length.
    private static func isMatch(_ segments: ArraySlice<Substring>, _ path: ArraySlice<Substring>) -> Bool {
        guard let first = segments.first else { return path.isEmpty }
        if first == "**" {
            if segments.count == 1 { return !path.isEmpty }
            return (0...path.count).contains { isMatch(segments.dropFirst(), path.dropFirst($0)) }
        }
        guard let name = path.first else { return false }
        return isName(first, name) && isMatch(segments.dropFirst(), path.dropFirst())
    }

    private static func isName(_ pattern: Substring, _ name: Substring) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == "*" { return (0...name.count).contains { isName(pattern.dropFirst(), name.dropFirst($0)) } }
        guard let character = name.first, first == "?" || first == character else { return false }
        return isName(pattern.dropFirst(), name.dropFirst())
    }

    @Test("matching agrees with a matcher that tries everything")
    func againstDefinition() throws {
        var generator = SystemRandomNumberGenerator()
        func random(_ parts: [String], _ separator: String, _ count: ClosedRange<Int>) -> String {
            (0..<Int.random(in: count, using: &generator)).map { _ in
                parts.randomElement(using: &generator) ?? "a"
            }.joined(separator: separator)
        }
        var matches = 0
        for _ in 0..<2000 {
            let names = (0..<3).map { _ in random(["a", "b", "?", "*"], "", 1...4).replacing("**", with: "*") }
            let pattern = random(names + ["**", "a"], "/", 2...5)
            let glob = try Glob(pattern)
            for _ in 0..<10 {
                let path = random(["a", "b", "ab", "ba", "aab"], "/", 1...6)
                let expected = Self.isMatch(pattern.split(separator: "/")[...], path.split(separator: "/")[...])
                #expect(glob.matches(path) == expected, "\(pattern) \(path)")
                if expected { matches += 1 }
            }
        }
        #expect(matches > 100)
    }

    @Test("globs are equal when their patterns are")
    func equality() throws {
        #expect(try Glob("a*") == Glob("a*"))
        #expect(try Set([Glob("a*"), Glob("a*"), Glob("b*")]).count == 2)
        #expect(try Glob("\u{e9}") != Glob("e\u{301}"))
    }
}
