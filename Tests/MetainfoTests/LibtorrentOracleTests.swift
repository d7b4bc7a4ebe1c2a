import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing
import TorrentEngine

/// What is written here, read by libtorrent.
struct LibtorrentOracleTests {
    @Test("libtorrent sees the same info-hash, paths, sizes, offsets and pads")
    func inspect() throws {
        let torrent = try SampleTorrent.mixed()
        let layout = try TorrentEngine.inspect(torrent: torrent.bytes)
        #expect(layout.infoHash == torrent.infoHash)
        #expect(layout.pieceLength == torrent.pieceLength && layout.pieceCount == torrent.pieceCount)
        #expect(layout.sizes == (0..<torrent.entryCount).map { torrent.length($0) })
        #expect(layout.offsets == (0..<torrent.entryCount).map { torrent.offset($0) })
        #expect(layout.padding == (0..<torrent.entryCount).map { torrent.kind($0) == .pad })
        for entry in torrent.files {
            let own = "debian/\(torrent.path(entry))"
            // Of two that collide when case is ignored, libtorrent numbers the second.
            if own.lowercased() != "debian/pool/case" { #expect(layout.paths[entry] == own) }
        }
        #expect(layout.paths.contains("debian/pool/日本語/ö ü"))
    }

    @Test("libtorrent's check of a tree on disk finds every piece, and misses the one that is damaged")
    func hashCheck() async throws {
        let torrent = try SampleTorrent.mixed()
        let directory = try TemporaryDirectory("oracle")
        let writer = try FileTreeWriter(directory["debian"])
        for (path, content) in SampleTorrent.contents() { try writer.write(path, content) }
        for link in torrent.links { try writer.symbolicLink(link.path, to: link.target) }
        #expect(try await TorrentEngine.hashCheck(torrent: torrent.bytes, savePath: directory.path).isFull)
        try writer.write("pool/tiny", [0x55, 0x55])
        let have = try await TorrentEngine.hashCheck(torrent: torrent.bytes, savePath: directory.path)
        #expect(have.count == have.pieceCount - 1)
    }

    @Test("a torrent that grew over many snapshots is still what libtorrent reads")
    func history() async throws {
        var random = SeededRandom(seed: 21)
        var contents: [String: [UInt8]] = [:]
        var torrent: Torrent?
        for round in 0..<12 {
            var change = ShardLayout.Change()
            for _ in 0..<10 {
                let path = "f\(Int.random(in: 0...30, using: &random))"
                guard !change.removed.contains(path), !change.added.contains(where: { $0.path == path }) else {
                    continue
                }
                if contents[path] != nil { change.removed.insert(path) }
                contents[path] = nil
                if round.isMultiple(of: 3), Bool.random(using: &random) { continue }
                let content = random.bytes([10, 5000, 20_000, 70_000].randomElement(using: &random) ?? 0)
                contents[path] = content
                change.added.append(SampleTorrent.entry(path, content))
            }
            var layout =
                torrent.map { ShardLayout($0, policy: SampleTorrent.policy) }
                ?? ShardLayout(policy: SampleTorrent.policy)
            layout.apply(change, largeFileHashes: [:]) { _ in false }
            SampleTorrent.complete(
                &layout,
                Dictionary(contents.values.map { (Digest.sha256($0), $0) }, uniquingKeysWith: { first, _ in first }))
            torrent = try Torrent(parsing: layout.encode(name: "set"))
        }
        let final = try #require(torrent)
        let directory = try TemporaryDirectory("oracle")
        let writer = try FileTreeWriter(directory["set"])
        for (path, content) in contents { try writer.write(path, content) }
        #expect(try TorrentEngine.inspect(torrent: final.bytes).infoHash == final.infoHash)
        #expect(try await TorrentEngine.hashCheck(torrent: final.bytes, savePath: directory.path).isFull)
    }
}
