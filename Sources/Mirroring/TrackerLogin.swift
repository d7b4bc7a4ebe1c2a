public import SwarmCore
internal import TorrentEngine

/// What a node shows a tracker that admits registered nodes only: its token, in the path of the announce URL
/// (`/announce/TOKEN`). Over HTTP and UDP alike; whoever can read the traffic can read it, as with the reports.
public struct TrackerLogin: Sendable, Hashable {
    /// Where the tracker takes announces. The token is shown nowhere else, whatever URLs a feed names.
    public var endpoints: [Endpoint]
    /// The secret.
    public var token: String

    /// Both parts given.
    public init(endpoints: [Endpoint], token: String) {
        self.endpoints = endpoints
        self.token = token
    }

    /// The announce URL with the token, if it is one of this tracker and has none yet; as it is otherwise.
    public func url(_ announce: String) -> String {
        guard let scheme = ["udp://", "http://", "https://"].first(where: { announce.lowercased().hasPrefix($0) })
        else { return announce }
        let rest = announce.dropFirst(scheme.count)
        let authority = rest.prefix { !"/?#".contains($0) }
        let standard = scheme == "https://" ? 443 : 80
        let hasPort = authority.last != "]" && authority.contains(":")
        guard let endpoint = Endpoint(hasPort ? String(authority) : "\(authority):\(standard)"), has(endpoint) else {
            return announce
        }
        let tail = rest.dropFirst(authority.count)
        let path = tail.prefix { $0 != "?" }
        // Without a path, UDP trackers take announces as well.
        guard path == "/announce" || (scheme == "udp://" && (path.isEmpty || path == "/")) else { return announce }
        return "\(announce.prefix(scheme.count))\(authority)/announce/\(token)\(tail.dropFirst(path.count))"
    }

    private func has(_ endpoint: Endpoint) -> Bool {
        endpoints.contains { $0.port == endpoint.port && $0.host.lowercased() == endpoint.host.lowercased() }
    }

    /// The event with the token's place shown instead of the token, for logs.
    func redacted(_ event: EngineEvent) -> EngineEvent {
        guard case .trackerError(let infoHash, let url, let message) = event else { return event }
        func plain(_ text: String) -> String { text.replacing(token, with: "TOKEN") }
        return .trackerError(infoHash, url: plain(url), message: plain(message))
    }
}
