internal import ConfigurationFile
internal import FileTree
internal import Metainfo
internal import SwarmCore
internal import TorrentEngine

extension NodeConfiguration {
    /// Reads a configuration file. The error, a `ConfigurationError`, lists everything that is wrong in it, with lines.
    public init(text: String, file: String) throws {
        let reader = try ConfigurationReader(text: text, file: file)
        // A second reader of the same text, whose problems nobody sees: it tells a string from an array.
        let probe = try ConfigurationReader(text: text, file: file)
        let root = OneOrMany(table: reader.root, probe: probe.root)
        self.init(sets: [])
        readListeners(root)
        uploadLimit = Self.rate(root.table, "upload-limit")
        downloadLimit = Self.rate(root.table, "download-limit")
        connections = root.table.int("connections", in: 1...60_000, default: connections)
        logLevel = root.table.oneOf("log-level", default: LogLevel.info).rawValue
        reporting = Self.reporting(root)
        peers = Self.peers(root)
        let tables = zip(root.table.tables("set"), probe.root.tables("set")).map { OneOrMany(table: $0, probe: $1) }
        if tables.isEmpty { root.table.reject("set", "expected at least one [[set]]") }
        sets = tables.map { Self.set($0) }
        Self.checkNames(zip(sets, tables))
        Self.checkRoots(zip(sets, tables))
        try reader.finish()
    }

    private enum LogLevel: String, CaseIterable { case trace, debug, info, notice, warning, error }

    private mutating func readListeners(_ root: OneOrMany) {
        peerListen = root.values("peer-listen", expected: Self.endpointRule) { Endpoint($0) } ?? peerListen
        httpListen = root.values("http-listen", expected: Self.endpointRule) { Endpoint($0) } ?? httpListen
        for http in httpListen {
            guard let peer = peerListen.first(where: { Self.clash($0, http) }) else { continue }
            root.table.reject("http-listen", "\(http) is taken by peer-listen = \(peer); use another port")
        }
    }

    private static let endpointRule = "HOST:PORT, [IPV6]:PORT or :PORT"

    /// Whether two listeners cannot be had at once.
    private static func clash(_ left: Endpoint, _ right: Endpoint) -> Bool {
        left.port == right.port && left.port != 0
            && (left.host == right.host || left.isUnspecified || right.isUnspecified)
    }

    /// A rate limit. A plain number is in bytes, which is easily forgotten, so that a tiny one is a mistake.
    static func rate(_ table: ConfigurationTable, _ key: String) -> Int64 {
        let rate = table.byteRate(key, in: 0...Int64(Int32.max), default: 0)
        if (1..<1000).contains(rate) {
            table.reject(
                key, "\(rate) bytes per second would stop all; give a unit, as in \"\(rate)MB\", or 0 for no limit")
        }
        return rate
    }

    private static func reporting(_ root: OneOrMany) -> Reporting? {
        guard let table = root.table.table("report"), let probe = root.probe.table("report") else { return nil }
        let tracker = table.requiredParsed("tracker", expected: MirroredSet.upstreamRule) { MirroredSet.upstream($0) }
        let node = table.requiredParsed("node", expected: "a node's name: \(NodeName.rule)") { NodeName($0) }
        let token = token(table)
        let lists = OneOrMany(table: table, probe: probe)
        let urls = lists.values("url", expected: MirroredSet.upstreamRule) { MirroredSet.upstream($0) }
        let announce = lists.values("announce", expected: "HOST:PORT or [IPV6]:PORT") { peer($0) }
        guard let tracker, let node, let token else { return nil }
        return Reporting(
            tracker: tracker, node: node, token: token, urls: urls ?? [],
            announce: announce ?? MirroredSet.endpoint(upstream: tracker).map { [$0] } ?? [])
    }

    /// A node's token, from the file itself or from one that it names. No message shows it.
    private static func token(_ table: ConfigurationTable) -> String? {
        let rule = "the token that `swarm-tracker node add` prints"
        // A header, or a path, must not end early.
        func parse(_ text: String) -> String? {
            let isPlain = text.utf8.allSatisfy { (0x21...0x7e).contains($0) && !"/?#%".utf8.contains($0) }
            return !text.isEmpty && isPlain ? text : nil
        }
        guard table.has("token-file") else { return table.requiredParsed("token", expected: rule, parse) }
        if table.has("token") { table.reject("token-file", "there is a token already; give one of the two") }
        let path = table.parsed("token-file", expected: "an absolute path") { $0.hasPrefix("/") ? $0 : nil }
        guard let path else { return nil }
        do {
            guard let bytes = try FileSystem.contents(path) else {
                table.reject("token-file", "\(path) is missing; it should hold \(rule)")
                return nil
            }
            let text = String(decoding: bytes.prefix(1000), as: UTF8.self).split(whereSeparator: \.isNewline)
            if text.count == 1, let token = parse(String(text[0])) { return token }
            table.reject("token-file", "\(path) should hold one line, \(rule)")
        } catch {
            table.reject("token-file", "\(error)")
        }
        return nil
    }

    private static func set(_ source: OneOrMany) -> MirroredSet {
        let table = source.table
        let name = table.requiredParsed("name", expected: "a set's name: \(SetName.rule)") { SetName($0) }
        let root = table.requiredParsed("root", expected: MirroredSet.rootRule) { MirroredSet.root($0) }
        let upstreams = source.required("upstream", expected: MirroredSet.upstreamRule) { MirroredSet.upstream($0) }
        var set = MirroredSet(name: name, root: root ?? "", upstreams: upstreams, keys: keys(source))
        set.filter = PathFilter(include: globs(source, "include"), exclude: globs(source, "exclude"))
        set.peers = source.values("peers", expected: "HOST:PORT or [IPV6]:PORT") { peer($0) } ?? []
        set.keep = table.int("keep", in: 0...1000, default: set.keep)
        let never = "\(Quantities.durationRule), or \"never\""
        let httpAfter = table.parsed("http-after", expected: never) { text -> Duration?? in
            text == "never" ? .some(nil) : Quantities.duration(text).map { .some($0) }
        }
        set.httpAfter = httpAfter ?? set.httpAfter
        set.pollInterval = table.duration(
            "poll-interval", in: .seconds(1) ... .seconds(86_400), default: set.pollInterval)
        return set
    }

    /// A peer, which has a host and a port to be dialled at.
    private static func peer(_ text: String) -> Endpoint? {
        Endpoint(text).flatMap { $0.isUnspecified || $0.port == 0 ? nil : $0 }
    }

    private static func keys(_ source: OneOrMany) -> [VerifyingKey] {
        let texts = source.required("key", expected: keyRule) { $0 }
        var keys: [VerifyingKey] = []
        for (index, text) in texts.enumerated() {
            // No message shows the text: it could be a secret.
            let which = texts.count == 1 ? "" : "key \(index + 1) of \(texts.count): "
            if text.contains("PRIVATE+KEY+") {
                source.table.reject(
                    "key", "\(which)this is a private key, which must not leave the master; expected \(keyRule)")
                continue
            }
            do throws(SignedNoteError) {
                keys.append(try VerifyingKey(text))
            } catch {
                source.table.reject("key", "\(which)\(error); expected \(keyRule)")
            }
        }
        return keys
    }

    private static let keyRule = "a public key NAME+HASH+BASE64, the line that `swarm-publish key` prints on the master"

    private static func globs(_ source: OneOrMany, _ key: String) -> [String] {
        let patterns = source.values(key, expected: "a pattern") { $0 } ?? []
        for pattern in patterns {
            do throws(GlobError) { _ = try Glob(pattern) } catch { source.table.reject(key, "\(error)") }
        }
        return patterns
    }

    private static func checkNames(_ sets: some Sequence<(MirroredSet, OneOrMany)>) {
        var first: [SetName: String] = [:]
        for (set, source) in sets {
            guard let name = set.name else { continue }
            if let other = first[name] {
                source.table.reject("name", "\(name) is the name of \(other) already; each set can be mirrored once")
            } else {
                first[name] = source.table.path
            }
        }
    }

    private static func checkRoots(_ sets: some Sequence<(MirroredSet, OneOrMany)>) {
        var earlier: [(root: String, path: String)] = []
        for (set, source) in sets where !set.root.isEmpty {
            for other in earlier {
                let relation: String
                if set.root == other.root {
                    relation = "is the root"
                } else if set.root.hasPrefix(other.root + "/") {
                    relation = "lies in the root \(other.root)"
                } else if other.root.hasPrefix(set.root + "/") {
                    relation = "holds the root \(other.root)"
                } else {
                    continue
                }
                source.table.reject(
                    "root", "\(set.root) \(relation) of \(other.path); each set needs a directory of its own")
                break
            }
            earlier.append((set.root, source.table.path))
        }
    }
}

extension NodeConfiguration.MirroredSet {
    /// What `root(_:)` takes, for error messages.
    public static let rootRule = "an absolute path without . and .., such as /srv/mirror/debian"

    /// The path of a root in its plain form, without doubled slashes and slashes at the end; nil when it is not
    /// absolute, has a segment `.` or `..`, or is the file system's root.
    public static func root(_ text: String) -> String? {
        // By bytes, as the kernel splits it: a character can hold a slash and what follows.
        let segments = text.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }
        guard text.utf8.first == UInt8(ascii: "/"), !segments.isEmpty, !segments.contains("."),
            !segments.contains(".."), !text.utf8.contains(0)
        else { return nil }
        return "/" + segments.joined(separator: "/")
    }

    /// What `upstream(_:)` takes, for error messages.
    public static let upstreamRule = "a URL such as https://master.example.org, without user name, query and fragment"

    /// A base URL without slashes at the end; nil for anything else than `http://` or `https://` with a host, and where
    /// there are a port or a path, with proper ones.
    public static func upstream(_ text: String) -> String? {
        let scheme = ["http://", "https://"].first { text.lowercased().hasPrefix($0) }
        guard let scheme else { return nil }
        let rest = text.dropFirst(scheme.count)
        let isPlain = rest.utf8.allSatisfy { (0x21...0x7e).contains($0) && !"?#@\\\"<>^`{|}".utf8.contains($0) }
        let authority = rest.prefix { $0 != "/" }
        // A port that is left out needs one to make an endpoint of it.
        let hasPort = authority.last != "]" && authority.contains(":")
        guard isPlain, let endpoint = Endpoint(hasPort ? String(authority) : "\(authority):80"),
            !endpoint.host.isEmpty, endpoint.port != 0
        else { return nil }
        var path = rest.dropFirst(authority.count)
        while path.last == "/" { path.removeLast() }
        return scheme + authority + path
    }

    /// The host and the port of a base URL that `upstream(_:)` gave.
    static func endpoint(upstream url: String) -> Endpoint? {
        let authority = url.drop { $0 != "/" }.dropFirst(2).prefix { $0 != "/" }
        let hasPort = authority.last != "]" && authority.contains(":")
        return Endpoint(hasPort ? String(authority) : "\(authority):\(url.hasPrefix("https:") ? 443 : 80)")
    }
}

/// A table with lists that can be written as a string where they have one element.
struct OneOrMany {
    let table: ConfigurationTable
    /// The same table of another reader, which is never finished.
    let probe: ConfigurationTable

    /// The values of a string or an array of strings; nil when the key is missing.
    func values<Value>(_ key: String, expected: String, _ parse: (String) -> Value?) -> [Value]? {
        guard table.has(key) else { return nil }
        let noArray = ["\0"]
        if probe.stringArray(key, default: noArray) == noArray {
            return table.parsed(key, expected: expected, parse).map { [$0] } ?? []
        }
        return table.parsedArray(key, expected: expected, parse)
    }

    /// The same for a key that must have a value.
    func required<Value>(_ key: String, expected: String, _ parse: (String) -> Value?) -> [Value] {
        guard let values = values(key, expected: expected, parse) else {
            table.reject(key, "missing; expected \(expected)")
            return []
        }
        if probe.stringArray(key, default: ["\0"]).isEmpty { table.reject(key, "expected \(expected); there is none") }
        return values
    }
}
