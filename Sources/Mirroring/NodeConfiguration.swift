public import Metainfo
public import SwarmCore
public import TorrentEngine

/// What a node mirrors, where it listens and how much it may take: the configuration file of `swarm-node run`, or the
/// arguments of `swarm-node sync`.
public struct NodeConfiguration: Sendable, Hashable {
    /// One set that is mirrored.
    public struct MirroredSet: Sendable, Hashable {
        /// The set's name; nil for whichever the feed is of. A file always gives it.
        public var name: SetName?
        /// The directory that holds `current`; absolute, without a slash at the end.
        public var root: String
        /// Base URLs of the master or of other nodes, tried in order; without a slash at the end.
        public var upstreams: [String]
        /// A feed is believed when one of them signed it; at least one.
        public var keys: [VerifyingKey]
        /// Which paths of the set are mirrored.
        public var filter = PathFilter.everything
        /// Peers beside those of the feed and the trackers.
        public var peers: [Endpoint] = []
        /// Snapshots that are retained beside the current one.
        public var keep = 1
        /// For how long the peers may bring nothing before HTTP is used; nil for never using it.
        public var httpAfter: Duration? = .seconds(30)
        /// From one look at the feed to the next, when the upstream does not hold its answer back until there is news.
        public var pollInterval: Duration = .seconds(60)

        /// A set with defaults for all that is not given.
        public init(name: SetName?, root: String, upstreams: [String], keys: [VerifyingKey]) {
            self.name = name
            self.root = root
            self.upstreams = upstreams
            self.keys = keys
        }
    }

    /// Whom the node tells how far it is.
    public struct Reporting: Sendable, Hashable {
        /// Base URL of the tracker, without a slash at the end.
        public var tracker: String
        /// The name that the node has there.
        public var node: NodeName
        /// What proves that it is this node; `swarm-tracker node add` prints it.
        public var token: String
        /// Base URLs where readers find the node's sets.
        public var urls: [String]
        /// Where the tracker takes announces, which are to show the token.
        public var announce: [Endpoint]

        /// What the announces show.
        public var login: TrackerLogin { TrackerLogin(endpoints: announce, token: token) }
    }

    /// Nil for nobody.
    public var reporting: Reporting?
    /// At least one; no two have the same name, and no root lies in another.
    public var sets: [MirroredSet]
    /// Where peers may connect; empty for nowhere.
    public var peerListen = [Endpoint(host: "0.0.0.0", port: 6881)]
    /// Where the trees are served over HTTP; empty for nowhere.
    public var httpListen: [Endpoint] = []
    /// Bytes per second that are sent to peers; 0 for no limit.
    public var uploadLimit: Int64 = 0
    /// Bytes per second that are taken from peers; 0 for no limit.
    public var downloadLimit: Int64 = 0
    /// How many peers may be connected.
    public var connections = 1000
    /// Which peers are near, far, or not dealt with.
    public var peers = PeerRules()
    /// The least severe messages that are logged: `trace`, `debug`, `info`, `notice`, `warning` or `error`.
    public var logLevel = "info"

    /// A configuration with defaults for all but the sets.
    public init(sets: [MirroredSet]) { self.sets = sets }

    /// A configuration file that shows every key, with a comment on each.
    public static let example = """
        # What this node mirrors. `swarm-node check-config FILE` checks this file; after a change, SIGHUP
        # (`systemctl reload swarm-node`) makes the daemon read it again.
        # Durations are written like "30s", "15m" or "1h30m", bytes per second like "512KiB" or "10MB". A list of one can
        # be written without its brackets.

        # Where peers may connect (BitTorrent over TCP). An empty list is for a site that forbids it: everything then
        # comes over connections that this node opens, or over HTTP.
        peer-listen = "0.0.0.0:6881"

        # Where the mirrored trees are served over HTTP, for users and for nodes that have this one as their upstream.
        # Without it, let another server serve ROOT/current.
        # http-listen = [":8080"]

        # Upper bounds of what peers get and give, in bytes per second; 0 for none.
        upload-limit = 0
        download-limit = 0

        # How many peers may be connected.
        connections = 1000

        # What is logged: "trace", "debug", "info", "notice", "warning" or "error".
        log-level = "info"

        # The tracker that is told how far this node is. `swarm-tracker node add NAME` prints the token; token-file names
        # a file that holds it instead. The announces to this tracker show it as well, which private sets require; where
        # it takes them at another host or port than its reports, `announce` says so.
        # [report]
        # tracker = "http://tracker.example.org:6969"
        # node = "mirror.example.org"
        # token = "..."
        # url = ["https://mirror.example.org"]
        # announce = ["tracker.example.org:6969"]

        # Peers by their addresses. Far ones have limits of their own; near ones are preferred when upload-limit is reached
        # (by so many times, 1 to 255). Of near and far, the longest prefix that holds an address decides. Blocked peers
        # are not connected; where `allow` is given, neither are all that it does not hold. A list also takes autonomous
        # systems and countries ("AS64500", "country:DE"), with `databases` that know them: a list of absolute paths, such as
        # /var/lib/GeoIP/GeoLite2-ASN.mmdb, which are read when this file is. A prefix decides over an AS, an AS over a
        # country, a country over all (0.0.0.0/0 and ::/0).
        # [peers]
        # near = ["192.0.2.0/24", "2001:db8::/32"]
        # far = ["0.0.0.0/0", "::/0"]
        # block = ["198.51.100.0/24"]
        # allow = []
        # near-upload-priority = 1
        # far-upload-limit = 0
        # far-download-limit = 0

        # One [[set]] for each tree.
        [[set]]
        # The name that the master gave it.
        name = "debian"

        # The directory that gets `current`, for this set alone.
        root = "/srv/mirror/debian"

        # Where the feed and the torrents come from: the master or another node, the first that answers.
        upstream = ["https://master.example.org", "https://mirror.example.net"]

        # The line that `swarm-publish key` prints on the master. Nothing is believed that this key did not sign.
        key = "debian-archive+614c1832+ASKZDIwtVCV3Are+WQlDBZaCTzS02GgDs203lqniJwyC"

        # A partial mirror: only what is included and not excluded. A pattern without a slash is for names in any
        # directory; a slash in front is the top of the set, one at the end all that is below.
        # include = ["/dists/", "/pool/main/"]
        # exclude = ["*_source.*", "/pool/**/*-dbgsym_*"]

        # Peers beside those that the master and the trackers name.
        # peers = ["neighbour.example.net:6881"]

        # Snapshots that are retained beside the current one.
        keep = 1

        # For how long peers may bring nothing before the rest is fetched over HTTP; "0s" for at once, or "never".
        http-after = "30s"

        # How often the feed is asked for where the upstream cannot tell of news by itself.
        poll-interval = "60s"

        """
}
