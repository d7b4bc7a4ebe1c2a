internal import ConfigurationFile
public import Metainfo
public import PlaceDatabases
public import SwarmCore
public import TrackerCore

/// What a tracker does: the configuration file of `swarm-tracker run`.
public struct TrackerConfiguration: Sendable {
    /// A set whose feed is followed.
    public struct FollowedSet: Sendable, Hashable {
        /// Its name.
        public var name: SetName
        /// Base URL of the master, or of a node; without a slash at the end.
        public var upstream: String
        /// A feed is believed when this key signed it.
        public var key: VerifyingKey
        /// Whether only registered nodes may announce its torrents.
        public var isPrivate: Bool
    }

    /// Where HTTP is served, and UDP at the same port number.
    public var listen = [Endpoint(host: "", port: 6969)]
    /// The database, an absolute path.
    public var store: String
    /// Whether any torrent may be announced.
    public var isOpen = false
    /// Who hears of whom.
    public var choice = PeerChoicePolicy()
    /// How often clients announce, and how much is kept.
    public var limits = SwarmTable.Limits()
    /// Requests that one address may send in a second; 0 for any number.
    public var requestsPerSecond = 200
    /// How old a report may be to say something.
    public var freshness: Duration = .seconds(180)
    /// The lowest level of what is logged.
    public var logLevel = "info"
    /// How the nodes' claims are checked.
    public var probes = ProbeConfiguration()
    /// The sets.
    public var sets: [FollowedSet] = []
    /// Places by address.
    public var places: [(prefix: IPPrefix, place: Place)] = []
    /// Databases of places; nil for none.
    public var placeDatabases: PlaceDatabases.Files?

    /// Reads a configuration file. The error, a `ConfigurationError`, lists everything that is wrong in it, with lines.
    public init(text: String, file: String) throws {
        let reader = try ConfigurationReader(text: text, file: file)
        let root = reader.root
        let path = root.requiredParsed(
            "store", expected: "an absolute path such as /var/lib/swarm-tracker/tracker.sqlite"
        ) { $0.hasPrefix("/") && !$0.hasSuffix("/") ? $0 : nil }
        store = path ?? ""
        listen = root.endpoints("listen", default: listen)
        isOpen = root.bool("open", default: isOpen)
        choice.isNearFirst = root.bool("near-first", default: choice.isNearFirst)
        limits.interval = Self.seconds(root, "interval", 30...7200, limits.interval)
        limits.minInterval = Self.seconds(root, "min-interval", 1...7200, limits.minInterval)
        if limits.minInterval > limits.interval {
            root.reject("min-interval", "it is longer than the interval, which is \(limits.interval)s")
        }
        requestsPerSecond = root.int("requests-per-second", in: 0...1_000_000, default: requestsPerSecond)
        freshness = root.duration("report-freshness", in: .seconds(15) ... .seconds(86_400), default: freshness)
        logLevel = root.oneOf("log-level", default: LogLevel.info).rawValue
        probes = ProbeConfiguration(root)
        sets = root.tables("set").compactMap { Self.set($0) }
        places = root.tables("place").compactMap { Self.place($0) }
        placeDatabases = root.table("places").map { table in
            func path(_ key: String) -> String? {
                table.parsed(key, expected: "an absolute path such as /var/lib/GeoIP/GeoLite2-City.mmdb") {
                    $0.hasPrefix("/") && !$0.hasSuffix("/") ? $0 : nil
                }
            }
            return PlaceDatabases.Files(city: path("city"), asn: path("asn"))
        }
        if Set(sets.map(\.name)).count < sets.count { root.reject("set", "two sets have the same name") }
        try reader.finish()
    }

    private enum LogLevel: String, CaseIterable { case trace, debug, info, notice, warning, error }

    private static func seconds(
        _ table: ConfigurationTable, _ key: String, _ range: ClosedRange<Int>, _ fallback: Int
    ) -> Int {
        let bounds: ClosedRange<Duration> = .seconds(range.lowerBound) ... .seconds(range.upperBound)
        return Int(table.duration(key, in: bounds, default: .seconds(fallback)).components.seconds)
    }

    private static func set(_ table: ConfigurationTable) -> FollowedSet? {
        let name = table.requiredParsed("name", expected: "a set's name: \(SetName.rule)") { SetName($0) }
        let upstream = table.requiredParsed("upstream", expected: "a URL such as https://master.example.org") { text in
            let isURL = ["http://", "https://"].contains { text.hasPrefix($0) && text.count > $0.count }
            return isURL && !text.contains { $0.isWhitespace || "?#".contains($0) } ? text : nil
        }
        let key = table.requiredParsed("key", expected: "a public key, the line that `swarm-publish key` prints") {
            try? VerifyingKey($0)
        }
        let isPrivate = table.bool("private", default: false)
        guard let name, var upstream, let key else { return nil }
        while upstream.hasSuffix("/") { upstream.removeLast() }
        return FollowedSet(name: name, upstream: upstream, key: key, isPrivate: isPrivate)
    }

    private static func place(_ table: ConfigurationTable) -> (prefix: IPPrefix, place: Place)? {
        let prefix = table.requiredParsed("prefix", expected: IPPrefix.rule) { IPPrefix($0) }
        let place = Place(
            region: table.string("region"), group: table.string("group"),
            networks: Set(table.stringArray("networks")),
            asn: table.int("asn", in: 0...Int(UInt32.max)).map { UInt32($0) },
            country: table.parsed("country", expected: "two letters such as DE") { letters($0) },
            continent: table.parsed("continent", expected: "two letters such as EU") { letters($0) })
        return prefix.map { ($0, place) }
    }

    private static func letters(_ text: String) -> String? {
        let upper = text.uppercased()
        return upper.utf8.count == 2 && upper.utf8.allSatisfy { (0x41...0x5a).contains($0) } ? upper : nil
    }
}
