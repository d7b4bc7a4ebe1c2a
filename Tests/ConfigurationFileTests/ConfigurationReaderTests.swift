import ConfigurationFile
import SwarmCore
import Testing

private enum Mode: String, CaseIterable { case seed, fetch }

struct ConfigurationReaderTests {
    /// The lines of the error that reading gives; none when it succeeds.
    private func problems(_ text: String, _ read: (ConfigurationTable) -> Void) -> [String] {
        do {
            let reader = try ConfigurationReader(text: text, file: "node.toml")
            read(reader.root)
            try reader.finish()
            return []
        } catch {
            return error.description.split(separator: "\n").map { String($0) }
        }
    }

    @Test("values of every type are read")
    func allTypes() throws {
        let text = """
            # A comment.
            name = "mirror"
            count = 1_000
            flag = true
            paths = ["a", "b"]
            interval = "1h 30m"
            limit = "512KiB"
            plain = 4096
            rate = "10MB/s"
            listen = "[::]:8080"
            peers = ["a.example:1", ":2"]
            mode = "fetch"
            snapshot = "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"
            sets = ["debian"]

            [store]
            root = "/srv"

            [[set]]
            name = "one"
            [set.filter]
            include = ["*.deb"]

            [[set]]
            name = "two"
            """
        let reader = try ConfigurationReader(text: text, file: "node.toml")
        let root = reader.root
        #expect(root.string("name") == "mirror")
        #expect(root.requiredString("name") == "mirror")
        #expect(root.int("count", in: 0...2000) == 1000)
        #expect(root.requiredInt("count") == 1000)
        #expect(root.bool("flag", default: false))
        #expect(root.stringArray("paths") == ["a", "b"])
        #expect(root.duration("interval", default: .zero) == .seconds(5400))
        #expect(root.byteCount("limit") == 524_288)
        #expect(root.byteCount("plain", default: 0) == 4096)
        #expect(root.byteRate("rate") == 10_000_000)
        #expect(root.endpoint("listen") == Endpoint(host: "::", port: 8080))
        #expect(root.endpoints("peers").map(\.port) == [1, 2])
        #expect(root.oneOf("mode", default: Mode.seed) == .fetch)
        #expect(root.requiredParsed("snapshot", expected: "a UUID") { SnapshotID($0) } != nil)
        #expect(root.parsedArray("sets", expected: SetName.rule) { SetName($0) } == [SetName("debian")])
        #expect(root.table("store")?.requiredString("root") == "/srv")
        #expect(root.tables("set").map { $0.requiredString("name") } == ["one", "two"])
        #expect(root.tables("set").map(\.path) == ["set[0]", "set[1]"])
        #expect(root.tables("set").first?.table("filter")?.stringArray("include") == ["*.deb"])
        #expect(root.has("flag") && !root.has("flags"))
        try reader.finish()
    }

    @Test("what is missing gives its default, or nil")
    func defaults() throws {
        let reader = try ConfigurationReader(text: "", file: "empty.toml")
        let root = reader.root
        #expect(root.string("a") == nil && root.string("a", default: "x") == "x")
        #expect(root.int("a") == nil && root.int("a", in: 1...2, default: 9) == 9)
        #expect(root.bool("a") == nil && root.bool("a", default: true))
        #expect(root.stringArray("a", default: ["x"]) == ["x"])
        #expect(root.duration("a") == nil && root.duration("a", default: .seconds(1)) == .seconds(1))
        #expect(root.byteCount("a") == nil && root.byteCount("a", default: 7) == 7)
        #expect(root.byteRate("a") == nil && root.byteRate("a", default: 7) == 7)
        let endpoint = Endpoint(host: "", port: 1)
        #expect(root.endpoint("a") == nil && root.endpoint("a", default: endpoint) == endpoint)
        #expect(root.endpoints("a", default: [endpoint]) == [endpoint])
        #expect(root.oneOf("a", as: Mode.self) == nil && root.oneOf("a", default: Mode.seed) == .seed)
        #expect(root.table("a") == nil && root.tables("a").isEmpty)
        #expect(root.keys.isEmpty)
        try reader.finish()
    }

    @Test("a wrong type names the line, the path, what is expected and what was found")
    func wrongTypes() {
        let text = """
            name = 1
            port = "abc"
            high = 70000
            flag = "yes"
            paths = ["a", 2, "c",
              true]
            list = "a"
            interval = 15
            long = "3d"
            limit = "10M"
            rate = -1
            listen = "localhost"
            mode = "push"
            store = [1]
            when = 2024-01-02
            half = 0.5
            inline = { port = "x" }
            """
        let lines = problems(text) { root in
            _ = root.string("name")
            _ = root.int("port", in: 1...65535)
            _ = root.int("high", in: 1...65535)
            _ = root.bool("flag")
            _ = root.stringArray("paths")
            _ = root.stringArray("list")
            _ = root.duration("interval")
            _ = root.duration("long", in: .seconds(1) ... .seconds(86400))
            _ = root.byteCount("limit", in: 1000...1_000_000)
            _ = root.byteRate("rate")
            _ = root.endpoint("listen")
            _ = root.oneOf("mode", as: Mode.self)
            _ = root.table("store")
            _ = root.string("when")
            _ = root.int("half", in: 0 ... .max)
            _ = root.table("inline")?.int("port")
        }
        #expect(
            lines == [
                "node.toml:1: name: expected a string, found an integer 1",
                "node.toml:2: port: expected an integer from 1 to 65535, found a string \"abc\"",
                "node.toml:3: high: expected an integer from 1 to 65535, found an integer 70000",
                "node.toml:4: flag: expected true or false, found a string \"yes\"",
                "node.toml:5: paths[1]: expected a string, found an integer 2",
                "node.toml:6: paths[3]: expected a string, found a boolean true",
                "node.toml:7: list: expected an array, found a string \"a\"",
                "node.toml:8: interval: expected a duration such as 30s, 15m, 1h30m or 2d, found an integer 15",
                "node.toml:9: long: expected a duration such as 30s, 15m, 1h30m or 2d from 1s to 1d, found a string \"3d\"",
                "node.toml:10: limit: expected a number of bytes such as 512KiB, 10MB or 1.5GB, at least 1.0 kB, "
                    + "at most 1.0 MB, found a string \"10M\"",
                "node.toml:11: rate: expected bytes per second such as 512KiB/s or 10MB/s, found an integer -1",
                "node.toml:12: listen: expected HOST:PORT, [IPV6]:PORT or :PORT, found a string \"localhost\"",
                "node.toml:13: mode: expected one of \"seed\", \"fetch\", found a string \"push\"",
                "node.toml:14: store: expected a table, found an array",
                "node.toml:15: when: expected a string, found a date",
                "node.toml:16: half: expected an integer of 0 or more, found a fraction 0.5",
                "node.toml:17: inline.port: expected an integer, found a string \"x\"",
            ])
    }

    @Test("unknown keys are reported wherever they are, with the nearest known one")
    func unknownKeys() {
        let text = """
            verison = 1
            colour = "red"

            [listen]
            port = 1
            "odd key" = 2

            [[set]]
            upstream = "a"

            [[set]]
            upstram = "b"
            filter.inclde = []

            [forgotten]
            x = 1
            """
        let lines = problems(text) { root in
            _ = root.int("version")
            _ = root.table("listen")?.int("port")
            for set in root.tables("set") {
                _ = set.string("upstream")
                _ = set.table("filter")?.stringArray("include")
            }
        }
        #expect(
            lines == [
                "node.toml:1: verison: unknown key; did you mean “version”?",
                "node.toml:2: colour: unknown key",
                "node.toml:6: listen.\"odd key\": unknown key",
                "node.toml:12: set[1].upstram: unknown key; did you mean “upstream”?",
                "node.toml:13: set[1].filter.inclde: unknown key; did you mean “include”?",
                "node.toml:15: forgotten: unknown key",
            ])
    }

    @Test("required keys that are missing are reported in the line of their table")
    func missingKeys() {
        let lines = problems("a = \"\"\n[[set]]\nname = \"x\"\n[[set]]\nport = 0\n") { root in
            _ = root.requiredString("a")
            _ = root.requiredString("root")
            for set in root.tables("set") {
                _ = set.requiredParsed("name", expected: "a set's name") { SetName($0) }
                _ = set.requiredInt("port", in: 1...9)
            }
        }
        #expect(
            lines == [
                "node.toml: root: missing; expected a string",
                "node.toml:1: a: expected a string that is not empty, found a string \"\"",
                "node.toml:2: set[0].port: missing; expected an integer from 1 to 9",
                "node.toml:4: set[1].name: missing; expected a set's name",
                "node.toml:5: set[1].port: expected an integer from 1 to 9, found an integer 0",
            ])
    }

    @Test("the caller's own problems stand among the others, each once")
    func ownProblems() {
        let lines = problems("from = 5\nto = 4\n") { root in
            let from = root.int("from", default: 0)
            if root.int("to", default: 0) < from { root.reject("to", "lies before “from”") }
            root.reject("to", "lies before “from”")
            root.reject("set", "missing; at least one is needed")
        }
        #expect(lines == ["node.toml: set: missing; at least one is needed", "node.toml:2: to: lies before “from”"])
    }

    @Test("errors of syntax and keys that are set twice name line and column")
    func syntax() throws {
        func error(_ text: String) -> ConfigurationError? {
            #expect(throws: ConfigurationError.self) { try ConfigurationReader(text: text, file: "a.toml") }
        }
        let broken = try #require(error("a = 1\nb = = 2\n"))
        #expect(broken.problems.first?.line == 2)
        #expect(broken.description.hasPrefix("a.toml:2:5: "))
        let twice = try #require(error("a = 1\n\na = 2\n"))
        #expect(twice.problems.first?.line == 3)
        #expect(twice.problems.first?.column != nil)
        #expect(error("[t]\na = 1\n[t]\n")?.problems.first?.line == 3)
        #expect(error("a = 1\n\0b = 2")?.description == "a.toml:2: the file holds a zero byte")
    }

    @Test("strings come through as they were written")
    func strings() throws {
        let text = "a = \"ü \\u20ac \\\"q\\\"\"\nb = '''\nx\ny'''\n\"dotted.key\" = 1\n"
        let reader = try ConfigurationReader(text: text, file: "a.toml")
        #expect(reader.root.string("a") == "ü € \"q\"")
        #expect(reader.root.string("b") == "x\ny")
        #expect(reader.root.int("dotted.key") == 1)
        #expect(reader.root.keys == ["a", "b", "dotted.key"])
        try reader.finish()
    }
}
