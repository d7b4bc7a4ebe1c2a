import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

/// btcheck is a client's hash check and nothing else: an old one, which knows neither pads nor anything of ours.
@Suite("Torrents in the eyes of btcheck")
struct TorrentCheckTests {
    @Test("every piece of every torrent is in the tree that it was published from")
    func wholeTrees() async throws {
        let directory = try TemporaryDirectory("btcheck")
        let tree = try await PublishedTree(in: directory.path) { try PublishedTree.sample($0) }
        var random = SeededRandom(seed: 80)
        for round in 0..<4 {
            // Packed files come and go, which leaves pads among them; large ones change.
            for number in 0..<6 { try tree.source.remove("pool/s/small \(round * 8 + number).deb") }
            for number in 0..<9 { try tree.source.write("pool/n/\(round)-\(number)", random.bytes(300 * number + 1)) }
            try tree.source.write("pool/b/big0.deb", random.bytes(900_000 + round))
            try await tree.publish()
        }
        let swarm = "\(tree.store)/.swarm"
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(swarm)/torrents")
        let snapshots = try FileManager.default.contentsOfDirectory(atPath: "\(swarm)/manifests")
        var checked = 0
        for manifest in snapshots {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(swarm)/manifests/\(manifest)"))
            let shards = Set(
                try Documents.decode(Manifest.self, from: Array(bytes)).shards.map { "\($0.infoHash).torrent" })
            for name in names where shards.contains(name) {
                let snapshot = "\(tree.store)/trees/\(manifest.dropLast(5))"
                try await check("\(swarm)/torrents/\(name)", in: snapshot, directory["\(manifest)-\(name)"])
                checked += 1
            }
        }
        #expect(checked >= 2)
    }

    private func check(_ torrent: String, in snapshot: String, _ scratch: String) async throws {
        let content = try Torrent(parsing: Array(Data(contentsOf: URL(fileURLWithPath: torrent))))
        let copy = try FileTreeWriter(scratch)
        try FileManager.default.copyItem(atPath: "\(snapshot)/demo", toPath: copy.location("demo"))
        // What libtorrent knows to be zeros has to lie there for a client that does not.
        var pads: Set<Int64> = []
        for entry in 0..<content.entryCount where content.kind(entry) == .pad { pads.insert(content.length(entry)) }
        for length in pads { try copy.write("demo/.pad/\(length)", [UInt8](repeating: 0, count: Int(length))) }
        #expect(!pads.isEmpty)
        let intact = try await btcheck(torrent, copy.root)
        #expect(intact.status == 0 && intact.text.contains("all is ok"), "\(intact.text.suffix(400))")
        // It does look: one wrong bit is one bad piece.
        try copy.damage("demo/pool/b/big1.deb", at: 500_000, [0, 1, 2, 3])
        let damaged = try await btcheck(torrent, copy.root)
        #expect(damaged.status != 0 && damaged.text.contains("1 errors found"), "\(damaged.text.suffix(400))")
    }

    private func btcheck(_ torrent: String, _ directory: String) async throws -> (status: Int32, text: String) {
        let process = try LoggedProcess("env", ["--chdir=\(directory)", "btcheck", torrent])
        let status = await process.exit()
        return (status, try await process.output())
    }
}
