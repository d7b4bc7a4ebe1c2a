import SwarmCore
import class SwarmTestSupport.RawConnection
import func SwarmTestSupport.offload
import Testing
import TorrentEngine

@Suite(.timeLimit(.minutes(1)))
struct RequestQueueTests {
    @Test(arguments: [(1, 2000), (10, 200), (40, 96)]) func `with more torrents, a peer may ask for less ahead in each`(
        torrents: Int, requests: Int
    ) async throws {
        let directory = try TemporaryDirectory()
        let engine = try TorrentEngine.local(.master)
        try await withEngines(engine) {
            var last: InfoHash?
            for number in 0..<torrents {
                let torrent = try TestTorrent(files: [("f", noise(1000, seed: UInt64(number + 1)))])
                try await engine.add(torrent.spec(at: directory.url, have: torrent.all))
                last = torrent.infoHash
            }
            let (address, infoHash) = (try await engine.endpoint(), try #require(last))
            let allowed = try await offload {
                let peer = try RawConnection(to: address)
                // BEP 3's handshake, with the bit of the extension protocol (BEP 10), whose handshake follows.
                try peer.send(
                    [19] + Array("BitTorrent protocol".utf8) + [0, 0, 0, 0, 0, 0x10, 0, 0] + infoHash.bytes
                        + Array("-XX0000-123456789012".utf8))
                _ = try peer.take(through: "4:reqqi")
                return Int(String(decoding: try peer.take(through: "e").dropLast(), as: UTF8.self))
            }
            #expect(allowed == requests)
        }
    }
}
