import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing
import TorrentEngine

/// A peer that claims to have everything and sends something else.
@Suite("Hostile peer", .serialized)
struct HostilePeerTests {
    @Test("a poisoned peer is banned and the sync completes with what was signed")
    func poison() async throws {
        let directory = try TemporaryDirectory("poison")
        let tree = try await PublishedTree(in: directory.path) { try PublishedTree.sample($0) }
        let (master, url, _) = try await tree.serve("--upload-limit", "1MB")
        let torrents = "\(tree.store)/.swarm/torrents"
        let frame = try #require(
            try FileManager.default.contentsOfDirectory(atPath: torrents).first { $0.hasSuffix(".torrent") })
        let torrent = try Torrent(parsing: Array(Data(contentsOf: URL(fileURLWithPath: "\(torrents)/\(frame)"))))
        let wrong = try FileTreeWriter(directory["wrong/demo"])
        for entry in torrent.files {
            try wrong.write(torrent.path(entry), [UInt8](repeating: 0xee, count: Int(torrent.length(entry))))
        }
        let engine = try TorrentEngine(
            settings: EngineSettings(role: .node, listen: [Endpoint(host: "127.0.0.1", port: 0)]))
        let all = PieceSet(pieceCount: torrent.pieceCount, full: true)
        try await engine.add(
            TorrentSpec(
                infoHash: torrent.infoHash, torrent: torrent.bytes, savePath: directory["wrong"], have: all, wanted: all
            ))
        let poisoner = try #require(await engine.listenEndpoints().first)

        let root = directory["root"]
        let log = try await LoggedProcess.run(
            own: "swarm-node", tree.sync(root, from: url, "--peer", "\(poisoner)", "--json"))
        #expect(await engine.totalTraffic().uploaded > 0)
        #expect(log.contains("a piece was refused"))
        #expect(log.contains("banned"))
        #expect(try TreeState("\(root)/current").nodes == TreeState(tree.source.root).nodes)
        await engine.stop()
        await master.stop()
    }
}
