import Testing

@testable import ConfigurationFile

struct KeyLocatorTests {
    @Test("every kind of key has its line")
    func lines() {
        let locator = KeyLocator(
            """
            # comment = 1
            a = 1
            b.c.d = "x" # e = 2
            "quoted key" = 'y'
            'dotted.key'."q\\"" = true
            text = \"\"\"
            inside = 1
            \\\"\"\" still = 2 \"\"\"\"
            raw = '''
            no = "escape\\'''
            list = [ 1, # one
              "two", ']',
              [ 3, 4 ],
              { x = 5, y = [6,
                7] },
            ]
            when = 1979-05-27 07:32:00Z

            [table.sub]
              key = { in.line = "}" }
            [ spaced . "name" ]
            k=1
            [[array]]
            k = 1
            [array.sub]
            k = 2
            [[array]]
            k = 3
            [[array.inner]]
            [[array.inner]]
            z = 1
            """)
        let expected: [(String, Int?)] = [
            ("comment", nil), ("a", 2), ("b", 3), ("b.c", 3), ("b.c.d", 3), ("e", nil), ("\"quoted key\"", 4),
            ("\"dotted.key\".\"q\\\"\"", 5), ("text", 6), ("inside", nil), ("still", nil), ("raw", 9), ("no", nil),
            ("list", 11), ("list[0]", 11), ("list[1]", 12), ("list[2]", 12), ("list[3]", 13), ("list[3][1]", 13),
            ("list[4]", 14), ("list[4].y", 14), ("list[4].y[1]", 15), ("list[5]", nil), ("when", 17),
            ("table", 19), ("table.sub", 19), ("table.sub.key", 20), ("table.sub.key.in.line", 20), ("spaced.name", 21),
            ("spaced.name.k", 22), ("array", 23), ("array[0]", 23), ("array[0].k", 24), ("array[0].sub", 25),
            ("array[0].sub.k", 26), ("array[1]", 27), ("array[1].k", 28), ("array[1].inner[0]", 29),
            ("array[1].inner[1]", 30), ("array[1].inner[1].z", 31), ("array[2]", nil),
        ]
        for (path, line) in expected { #expect(locator.line(of: path) == line, "\(path)") }
    }

    @Test("lines that end in CR LF, and a byte order mark, do not disturb")
    func lineEnds() {
        let locator = KeyLocator("\u{feff}a = 1\r\n[b]\r\nc = [\r\n1]\r\n")
        #expect(locator.line(of: "a") == 1)
        #expect(locator.line(of: "b.c") == 3)
        #expect(locator.line(of: "b.c[0]") == 4)
    }

    @Test(
        "what is not TOML ends all the same", .timeLimit(.minutes(1)),
        arguments: [
            "=", "[", "[[", "a", "a =", "a = [", "a = {", "a = [[[{", "\"", "'''", "a = \"\\", "]]", "a..b = 1", "{}",
        ])
    func garbage(text: String) {
        _ = KeyLocator(text)
        _ = KeyLocator(text + "\nb = 1\n")
    }

    @Test("the nearest key takes few changes")
    func nearest() {
        let known = ["upstream", "include", "exclude", "port", "set"]
        #expect(ConfigurationTable.nearest(to: "upstram", among: known) == "upstream")
        #expect(ConfigurationTable.nearest(to: "psot", among: known) == "port")
        #expect(ConfigurationTable.nearest(to: "Include", among: known) == "include")
        #expect(ConfigurationTable.nearest(to: "sets", among: known) == "set")
        #expect(ConfigurationTable.nearest(to: "colour", among: known) == nil)
        #expect(ConfigurationTable.nearest(to: "x", among: ["a", "b"]) == nil)
        #expect(ConfigurationTable.distance("", "abc") == 3)
        #expect(ConfigurationTable.distance("abc", "acb") == 1)
        #expect(ConfigurationTable.distance("kitten", "sitting") == 3)
    }
}
