public import SwarmCore

/// How a session of libtorrent behaves; fixed when a `TorrentEngine` is made, but for the rate limits.
public struct EngineSettings: Sendable {
    /// What the session is in the swarm. Other nodes read it off the peer-id.
    public enum Role: Sendable {
        /// The origin of the content: the peer-id begins with `-SP`, and few peers are served at a time so that they
        /// exchange with each other.
        case master
        /// A mirror: the peer-id begins with `-SN`.
        case node
    }

    /// Master or node.
    public var role: Role
    /// Where to listen; port 0 lets the system choose, an unspecified host means every interface, an empty list means
    /// not to listen. A single entry with a specific address is also the address from which the session dials.
    public var listen: [Endpoint]
    /// Upper bound of all uploads together in bytes per second; 0 for none.
    public var uploadLimit: Int
    /// Upper bound of all downloads together in bytes per second; 0 for none.
    public var downloadLimit: Int
    /// How many peers may be connected, over all torrents. libtorrent lowers it to 80 % of the open files allowed.
    public var connectionsLimit: Int
    /// How many peers are served at a time for each torrent; nil for all of them as node, for 4 as master, and for 2 as a
    /// master with an upload limit: the fewer share a narrow line, the sooner each of them has pieces for the others.
    public var unchokeSlots: Int?
    /// Which peers are near or far, and which are not dealt with.
    public var peers: PeerRules

    /// Settings with the defaults that suit the role. Once a rate limit is set or the number of slots is bounded, this
    /// holds for peers on loopback and private addresses too; otherwise libtorrent exempts those.
    public init(
        role: Role, listen: [Endpoint] = [Endpoint(host: "", port: 0)], uploadLimit: Int = 0, downloadLimit: Int = 0,
        connectionsLimit: Int = 1_000, unchokeSlots: Int? = nil, peers: PeerRules = PeerRules()
    ) {
        self.role = role
        self.listen = listen
        self.uploadLimit = uploadLimit
        self.downloadLimit = downloadLimit
        self.connectionsLimit = connectionsLimit
        self.unchokeSlots = unchokeSlots
        self.peers = peers
    }
}

extension EngineSettings {
    /// The two letters by which peers know the role.
    var fingerprint: String { role == .master ? "SP" : "SN" }

    /// The slots for each torrent, as libtorrent counts them: -1 for all.
    var effectiveUnchokeSlots: Int {
        if let unchokeSlots { return unchokeSlots }
        return switch role {
        case .master: uploadLimit > 0 ? 2 : 4
        case .node: -1
        }
    }

    /// libtorrent shares its slots out among all torrents, and frees them only every 15 seconds: a session with many
    /// shards needs as many more.
    func unchokeSlots(torrents: Int) -> Int {
        effectiveUnchokeSlots < 0 ? -1 : effectiveUnchokeSlots * max(1, torrents)
    }

    /// Whether anything is bounded, so that near peers need to be bounded as well.
    var limitsLocalPeers: Bool { uploadLimit > 0 || downloadLimit > 0 || effectiveUnchokeSlots >= 0 }

    /// libtorrent's `listen_interfaces`.
    var listenInterfaces: String {
        listen.flatMap { endpoint in
            switch endpoint.host {
            case "", "*": [Endpoint(host: "0.0.0.0", port: endpoint.port), Endpoint(host: "::", port: endpoint.port)]
            default: [endpoint]
            }
        }.map(\.description).joined(separator: ",")
    }

    /// libtorrent's `outgoing_interfaces`.
    var outgoingInterfaces: String {
        guard listen.count == 1, !listen[0].isUnspecified else { return "" }
        return listen[0].host
    }
}
