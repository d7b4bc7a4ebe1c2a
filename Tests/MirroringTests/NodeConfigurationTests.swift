import ConfigurationFile
import FoundationEssentials
import Metainfo
import Mirroring
import SwarmCore
import SwarmTestSupport
import Testing

private let fedoraKey = "fedora-archive+37dde77e+AeWUM2Y9jmo7guj2xO21Rn7aZLLCHq2FTgaGgsrvvNvK"

struct NodeConfigurationTests: ConfigurationTests {
    /// The problems of a set that has all that it needs, and these lines from line 6 on.
    private func problems(ofSetWith lines: String) -> [String] { problems(goodSet + lines) }

    @Test("a file with the least that is needed has the defaults for the rest")
    func defaults() throws {
        let configuration = try configuration(goodSet)
        let key = try VerifyingKey(debianKey)
        let set = try #require(configuration.sets.first)
        #expect(configuration.sets.count == 1)
        #expect(set.name == SetName("debian"))
        #expect(set.root == "/srv/debian")
        #expect(set.upstreams == ["https://master.example.org"])
        #expect(set.keys == [key])
        #expect(set.filter.isEverything)
        #expect(set.peers.isEmpty)
        #expect(set.keep == 1)
        #expect(set.httpAfter == .seconds(30))
        #expect(set.pollInterval == .seconds(60))
        #expect(configuration.peerListen == [Endpoint(host: "0.0.0.0", port: 6881)])
        #expect(configuration.httpListen.isEmpty)
        #expect(configuration.uploadLimit == 0 && configuration.downloadLimit == 0)
        #expect(configuration.connections == 1000)
        #expect(configuration.logLevel == "info")
        #expect(configuration == NodeConfiguration(sets: [set]))
        let name = SetName("debian")
        #expect(
            set == .init(name: name, root: "/srv/debian", upstreams: ["https://master.example.org"], keys: [key]))
    }

    @Test("every key is read")
    func everyKey() throws {
        let configuration = try configuration(
            """
            peer-listen = ["192.0.2.1:6881", "[2001:db8::1]:6881"]
            http-listen = ":8080"
            upload-limit = "10MB"
            download-limit = "512KiB/s"
            connections = 50
            log-level = "debug"

            [[set]]
            name = "debian"
            root = "/srv//mirror/debian/"
            upstream = ["HTTPS://Master.example.org:8443/mirror//", "http://[2001:db8::2]/"]
            key = ["\(debianKey)", "  \(fedoraKey)\\n"]
            include = ["/dists/", "/pool/main/"]
            exclude = "*_source.*"
            peers = ["a.example:1", "[2001:db8::3]:2"]
            keep = 0
            http-after = "0s"
            poll-interval = "5m"

            [[set]]
            name = "fedora"
            root = "/srv/mirror/debian-fedora"
            upstream = "http://master.example.org"
            key = "\(fedoraKey)"
            http-after = "never"
            """)
        #expect(configuration.peerListen.map(\.description) == ["192.0.2.1:6881", "[2001:db8::1]:6881"])
        #expect(configuration.httpListen == [Endpoint(host: "", port: 8080)])
        #expect(configuration.uploadLimit == 10_000_000)
        #expect(configuration.downloadLimit == 524_288)
        #expect(configuration.connections == 50)
        #expect(configuration.logLevel == "debug")
        #expect(configuration.sets.map { $0.name?.rawValue } == ["debian", "fedora"])
        let debian = configuration.sets[0]
        #expect(debian.root == "/srv/mirror/debian")
        #expect(debian.upstreams == ["https://Master.example.org:8443/mirror", "http://[2001:db8::2]"])
        #expect(debian.keys.map(\.name) == ["debian-archive", "fedora-archive"])
        #expect(debian.filter == PathFilter(include: ["/dists/", "/pool/main/"], exclude: ["*_source.*"]))
        #expect(debian.peers.map(\.description) == ["a.example:1", "[2001:db8::3]:2"])
        #expect(debian.keep == 0)
        #expect(debian.httpAfter == .zero)
        #expect(debian.pollInterval == .seconds(300))
        #expect(configuration.sets[1].httpAfter == nil)
        #expect(configuration.sets[1].keep == 1)
    }

    @Test("an empty list of listeners is taken as it is")
    func noListeners() throws {
        let configuration = try configuration("peer-listen = []\nhttp-listen = []\n" + goodSet)
        #expect(configuration.peerListen.isEmpty && configuration.httpListen.isEmpty)
    }

    @Test("the example is read, and the packaged file is the same")
    func example() throws {
        let configuration = try configuration(NodeConfiguration.example)
        let plain = try self.configuration(
            goodSet.replacing("/srv/debian", with: "/srv/mirror/debian").replacing(
                "\"https://master.example.org\"",
                with: "[\"https://master.example.org\", \"https://mirror.example.net\"]"))
        #expect(configuration == plain)
        let packaged = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let data = try Data(contentsOf: URL(filePath: "/\(packaged)/packaging/swarm-node.toml"))
        #expect(String(decoding: data, as: UTF8.self) == NodeConfiguration.example)
    }

    @Test("what the example shows in comments is right too")
    func exampleComments() throws {
        let lines = NodeConfiguration.example.split(separator: "\n", omittingEmptySubsequences: false)
        let shown = lines.map { line in
            let text = line.dropFirst(2)
            let isSetting = text.contains(" = ") && !text.hasPrefix(" ") || ["[report]", "[peers]"].contains(text)
            return line.hasPrefix("# ") && isSetting ? text : line
        }
        let configuration = try configuration(shown.joined(separator: "\n"))
        let set = try #require(configuration.sets.first)
        #expect(configuration.httpListen == [Endpoint(host: "", port: 8080)])
        #expect(set.peers == [Endpoint(host: "neighbour.example.net", port: 6881)])
        #expect(configuration.reporting?.node.rawValue == "mirror.example.org")
        #expect(configuration.reporting?.announce == [Endpoint(host: "tracker.example.org", port: 6969)])
        #expect(try set.filter.includes("pool/main/a/apt/apt_2.6.1_amd64.deb"))
        #expect(try !set.filter.includes("pool/contrib/a/a.deb"))
        #expect(try !set.filter.includes("pool/main/a/apt/apt-dbgsym_2.6.1_amd64.deb"))
        #expect(try !set.filter.includes("pool/main/a/apt/apt_2.6.1_source.changes"))
    }

    /// A configuration that reports to a tracker.
    private func reporting(_ lines: String, tracker: String = "http://tracker.example.org:6969") -> String {
        "[report]\ntracker = \"\(tracker)\"\nnode = \"a\"\n\(lines)\n\(goodSet)"
    }

    @Test("a token can be in a file of its own, and announces to the same place show it")
    func tokenFile() throws {
        let directory = try TemporaryDirectory("token")
        let file = directory["token"]
        try "0123abcd\n".write(toFile: file, atomically: true, encoding: .utf8)
        let found = try #require(try configuration(reporting("token-file = \"\(file)\"")).reporting)
        #expect(found.token == "0123abcd")
        #expect(
            found.login
                == TrackerLogin(
                    endpoints: [Endpoint(host: "tracker.example.org", port: 6969)], token: "0123abcd"))
        for (tracker, port) in [("https://t.example/base", 443), ("http://t.example", 80)] {
            let found = try configuration(reporting("token = \"x\"", tracker: tracker)).reporting
            #expect(found?.announce == [Endpoint(host: "t.example", port: UInt16(port))])
        }
        let elsewhere = try configuration(reporting("token = \"x\"\nannounce = \"u.example:1\"")).reporting
        #expect(elsewhere?.announce == [Endpoint(host: "u.example", port: 1)])
    }

    @Test("what is wrong with a token is said without the token")
    func badToken() throws {
        let directory = try TemporaryDirectory("token")
        let file = directory["token"]
        for secret in ["two lines\nsecret", "", "secret word", "secret/../x", "secret\u{e9}"] {
            try secret.write(toFile: file, atomically: true, encoding: .utf8)
            let problem = problems(reporting("token-file = \"\(file)\"")).joined()
            #expect(problem.contains("node.toml:4: report.token-file: \(file) should hold one line"), "\(problem)")
            #expect(!problem.contains("secret"))
        }
        #expect(
            problems(reporting("token-file = \"\(file).gone\"")).joined().contains("\(file).gone is missing"))
        #expect(problems(reporting("token-file = \"token\"")).joined().contains("expected an absolute path"))
        #expect(problems(reporting("")).joined().contains("report.token: missing"))
        #expect(
            problems(reporting("token = \"x\"\ntoken-file = \"\(file)\"")).joined().contains("one of the two"))
        #expect(problems(reporting("token = \"x\"\nannounce = \":1\"")).joined().contains("report.announce"))
    }

    @Test("the error is a ConfigurationError")
    func errorType() {
        #expect(throws: ConfigurationError.self) { try configuration("a = = 1") }
        #expect(throws: ConfigurationError.self) { try configuration("") }
    }

    @Test("a file without a set says so")
    func noSet() {
        #expect(problems("") == ["node.toml: set: expected at least one [[set]]"])
        #expect(
            problems("set = []") == ["node.toml:1: set: expected at least one [[set]]"])
        #expect(
            problems("[set]\nname = \"debian\"") == [
                "node.toml:1: set: expected an array, found a table",
                "node.toml:1: set: expected at least one [[set]]",
            ])
    }

    @Test("every key that a set needs is asked for")
    func missing() {
        #expect(
            problems("log-level = \"info\"\n[[set]]\n") == [
                "node.toml:2: set[0].name: missing; expected a set's name: 1 to 64 characters out of "
                    + "A-Z a-z 0-9 . _ -, beginning with a letter or digit",
                "node.toml:2: set[0].root: missing; expected an absolute path without . and .., "
                    + "such as /srv/mirror/debian",
                "node.toml:2: set[0].upstream: missing; expected a URL such as https://master.example.org, "
                    + "without user name, query and fragment",
                "node.toml:2: set[0].key: missing; expected a public key NAME+HASH+BASE64, the line that "
                    + "`swarm-publish key` prints on the master",
            ])
        #expect(
            problems("[[set]]\nname = \"debian\"\nroot = \"/srv\"\nupstream = []\nkey = []\n") == [
                "node.toml:4: set[0].upstream: expected a URL such as https://master.example.org, "
                    + "without user name, query and fragment; there is none",
                "node.toml:5: set[0].key: expected a public key NAME+HASH+BASE64, the line that "
                    + "`swarm-publish key` prints on the master; there is none",
            ])
    }

    @Test("unknown keys are named with the nearest known one, everywhere")
    func unknownKeys() {
        #expect(
            problems("http-listn = \":80\"\nmirror = 1\n" + goodSet + "exclud = \"*.iso\"\n[set.keys]\nname = 1\n") == [
                "node.toml:1: http-listn: unknown key; did you mean “http-listen”?",
                "node.toml:2: mirror: unknown key",
                "node.toml:8: set[0].exclud: unknown key; did you mean “exclude”?",
                "node.toml:9: set[0].keys: unknown key; did you mean “key”?",
            ])
    }

    @Test("wrong values at the top level name what is expected")
    func topLevel() {
        #expect(
            problems(
                """
                peer-listen = ["localhost", ":1", 2]
                http-listen = "8080"
                upload-limit = "10M"
                download-limit = "3GB"
                connections = 0
                log-level = "verbose"

                """ + goodSet) == [
                    "node.toml:1: peer-listen[0]: expected HOST:PORT, [IPV6]:PORT or :PORT, "
                        + "found a string \"localhost\"",
                    "node.toml:1: peer-listen[2]: expected HOST:PORT, [IPV6]:PORT or :PORT, found an integer 2",
                    "node.toml:2: http-listen: expected HOST:PORT, [IPV6]:PORT or :PORT, found a string \"8080\"",
                    "node.toml:3: upload-limit: expected bytes per second such as 512KiB/s or 10MB/s, at most 2.1 GB, "
                        + "found a string \"10M\"",
                    "node.toml:4: download-limit: expected bytes per second such as 512KiB/s or 10MB/s, "
                        + "at most 2.1 GB, found a string \"3GB\"",
                    "node.toml:5: connections: expected an integer from 1 to 60000, found an integer 0",
                    "node.toml:6: log-level: expected one of \"trace\", \"debug\", \"info\", \"notice\", \"warning\", "
                        + "\"error\", found a string \"verbose\"",
                ])
        #expect(
            problems("upload-limit = 10\n" + goodSet) == [
                "node.toml:1: upload-limit: 10 bytes per second would stop all; give a unit, as in \"10MB\", "
                    + "or 0 for no limit"
            ])
    }

    @Test(
        "two listeners cannot share a port",
        arguments: [
            ("0.0.0.0:80", "127.0.0.1:80", true), ("127.0.0.1:80", ":80", true), ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.2:80", false), ("0.0.0.0:80", "0.0.0.0:81", false), (":0", ":0", false),
        ])
    func listeners(peer: String, http: String, clash: Bool) {
        let expected = "node.toml:2: http-listen: \(http) is taken by peer-listen = \(peer); use another port"
        #expect(
            problems("peer-listen = \"\(peer)\"\nhttp-listen = \"\(http)\"\n" + goodSet) == (clash ? [expected] : []))
    }

    @Test("wrong values of a set name what is expected")
    func setValues() {
        #expect(
            problems(
                ofSetWith: """
                    include = ["/ok/", "[a-"]
                    exclude = ""
                    peers = ["peer.example", ":6881", "peer.example:0", "0.0.0.0:1"]
                    keep = -1
                    http-after = "soon"
                    poll-interval = "10ms"
                    """) == [
                    "node.toml:6: set[0].include: pattern “[a-”: a class has no closing bracket",
                    "node.toml:7: set[0].exclude: pattern “”: it is empty",
                    "node.toml:8: set[0].peers[0]: expected HOST:PORT or [IPV6]:PORT, found a string \"peer.example\"",
                    "node.toml:8: set[0].peers[1]: expected HOST:PORT or [IPV6]:PORT, found a string \":6881\"",
                    "node.toml:8: set[0].peers[2]: expected HOST:PORT or [IPV6]:PORT, "
                        + "found a string \"peer.example:0\"",
                    "node.toml:8: set[0].peers[3]: expected HOST:PORT or [IPV6]:PORT, found a string \"0.0.0.0:1\"",
                    "node.toml:9: set[0].keep: expected an integer from 0 to 1000, found an integer -1",
                    "node.toml:10: set[0].http-after: expected a duration such as 30s, 15m, 1h30m or 2d, or \"never\", "
                        + "found a string \"soon\"",
                    "node.toml:11: set[0].poll-interval: expected a duration such as 30s, 15m, 1h30m or 2d "
                        + "from 1s to 1d, found a string \"10ms\"",
                ])
    }

    @Test("a value of another type is compared with one element, not with a list")
    func wrongTypes() {
        #expect(
            problems(
                """
                [[set]]
                name = ["debian"]
                root = 1
                upstream = 2
                key = [3]
                include = true
                """) == [
                    "node.toml:2: set[0].name: expected a set's name: 1 to 64 characters out of A-Z a-z 0-9 . _ -, "
                        + "beginning with a letter or digit, found an array",
                    "node.toml:3: set[0].root: expected an absolute path without . and .., such as /srv/mirror/debian, "
                        + "found an integer 1",
                    "node.toml:4: set[0].upstream: expected a URL such as https://master.example.org, "
                        + "without user name, query and fragment, found an integer 2",
                    "node.toml:5: set[0].key[0]: expected a public key NAME+HASH+BASE64, the line that "
                        + "`swarm-publish key` prints on the master, found an integer 3",
                    "node.toml:5: set[0].key: expected a public key NAME+HASH+BASE64, the line that "
                        + "`swarm-publish key` prints on the master; there is none",
                    "node.toml:6: set[0].include: expected a pattern, found a boolean true",
                ])
    }

    @Test(
        "a URL that is none is refused",
        arguments: [
            "", "master.example.org", "ftp://a.example", "https://", "https:///x", "https://a b", "https://a/?x",
            "https://a/#x", "https://user@a", "https://a:port", "https://a:0", "https://a:70000", "https://::1/",
            "https://[::1", "https://ü.example", "https://a/\u{1b}", "rsync://a::b",
        ])
    func upstreams(text: String) {
        #expect(NodeConfiguration.MirroredSet.upstream(text) == nil)
    }

    @Test("a wrong URL in a list is named by its place")
    func upstreamInList() {
        #expect(
            problems(goodSet.replacing("\"https://master.example.org\"", with: "[\"http://a\", \"b.example\"]")) == [
                "node.toml:4: set[0].upstream[1]: expected a URL such as https://master.example.org, "
                    + "without user name, query and fragment, found a string \"b.example\""
            ])
    }

    @Test("a root is absolute and plain", arguments: ["", "/", "//", "srv", "./srv", "/srv/../etc", "/srv/./a", "~/a"])
    func roots(text: String) {
        #expect(
            problems(goodSet.replacing("/srv/debian", with: text)) == [
                "node.toml:3: set[0].root: expected an absolute path without . and .., such as /srv/mirror/debian, "
                    + "found a string \"\(text)\""
            ])
    }

    @Test("what is wrong with a key is told, and no key is shown")
    func keys() throws {
        func problem(_ value: String) -> [String] {
            problems(goodSet.replacing("\"\(debianKey)\"", with: value))
        }
        let advice = "expected a public key NAME+HASH+BASE64, the line that `swarm-publish key` prints on the master"
        #expect(
            problem("\"abc\"") == ["node.toml:5: set[0].key: a public key is NAME+HASH+BASE64, in one line; \(advice)"])
        let renamed = debianKey.replacing("debian-archive", with: "other")
        #expect(
            problem("[\"\(fedoraKey)\", \"\(renamed)\"]") == [
                "node.toml:5: set[0].key: key 2 of 2: the public key other does not have the hash that it states; "
                    + advice
            ])
        let secret = try SigningKey.generate(name: "master").secretText
        #expect(
            problem("\"\(secret)\"") == [
                "node.toml:5: set[0].key: this is a private key, which must not leave the master; \(advice)"
            ])
    }

    @Test("two sets have neither a name nor a directory in common")
    func distinct() {
        func text(_ sets: [(name: String, root: String)]) -> String {
            sets.map { goodSet.replacing("\"debian\"", with: "\"\($0.name)\"").replacing("/srv/debian", with: $0.root) }
                .joined()
        }
        #expect(problems(text([("a", "/srv/a"), ("b", "/srv/ab"), ("c", "/srv/b")])).isEmpty)
        #expect(
            problems(text([("a", "/srv/a"), ("a", "/srv/a/"), ("b", "/srv/a/b"), ("c", "/srv")])) == [
                "node.toml:7: set[1].name: a is the name of set[0] already; each set can be mirrored once",
                "node.toml:8: set[1].root: /srv/a is the root of set[0]; each set needs a directory of its own",
                "node.toml:13: set[2].root: /srv/a/b lies in the root /srv/a of set[0]; "
                    + "each set needs a directory of its own",
                "node.toml:18: set[3].root: /srv holds the root /srv/a of set[0]; "
                    + "each set needs a directory of its own",
            ])
    }

    @Test("all problems are told at once, by their lines")
    func allAtOnce() {
        #expect(problems("keep = 1\nconnections = \"x\"\n[[set]]\nname = \"debian\"\nroot = \"srv\"\n").count == 5)
    }
}
