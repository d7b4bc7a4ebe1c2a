import Foundation
import Glibc
import Synchronization

/// A BitTorrent tracker (BEP 3, compact answers of BEP 23): whoever announces is told to the others.
public final class AnnounceBoard: Sendable {
    private struct Peer: Hashable {
        let host: String
        let port: UInt16
    }

    private final class Board: Sendable {
        let peers = Mutex<[[UInt8]: Set<Peer>]>([:])
    }

    private let server: SmallHTTPServer

    /// Announces may be sent from now on.
    public init() throws {
        let board = Board()
        server = try SmallHTTPServer { request in
            guard request.path == "/announce", let torrent = request.parameter("info_hash"),
                let port = request.parameter("port").flatMap({ UInt16(String(decoding: $0, as: UTF8.self)) })
            else { return .missing }
            let asker = Peer(host: request.client, port: port)
            let others = board.peers.withLock { peers in
                if request.parameter("event") == Array("stopped".utf8) {
                    peers[torrent]?.remove(asker)
                } else {
                    peers[torrent, default: []].insert(asker)
                }
                return peers[torrent, default: []].subtracting([asker])
            }
            var compact: [UInt8] = []
            for peer in others {
                compact += peer.host.split(separator: ".").compactMap { UInt8($0) }
                compact += [UInt8(peer.port >> 8), UInt8(peer.port & 0xff)]
            }
            return .ok(
                Array("d8:intervali2e12:min intervali1e5:peers\(compact.count):".utf8) + compact + Array("e".utf8))
        }
    }

    /// The announce URL.
    public var url: String { "\(server.url)/announce" }

    /// Answers nobody any more.
    public func stop() { server.stop() }
}
