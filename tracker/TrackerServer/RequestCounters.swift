internal import Synchronization

/// How many requests of each kind there were since the start.
final class RequestCounters: Sendable {
    enum Kind: Int, CaseIterable, Sendable {
        case connect, udpAnnounce, httpAnnounce, scrape, refused, report

        var name: String {
            switch self {
            case .connect: "udp_connect"
            case .udpAnnounce: "udp_announce"
            case .httpAnnounce: "http_announce"
            case .scrape: "scrape"
            case .refused: "refused"
            case .report: "report"
            }
        }
    }

    private let counts = Mutex([Int](repeating: 0, count: Kind.allCases.count))

    func count(_ kind: Kind) { counts.withLock { $0[kind.rawValue] += 1 } }

    func value(_ kind: Kind) -> Int { counts.withLock { $0[kind.rawValue] } }
}
