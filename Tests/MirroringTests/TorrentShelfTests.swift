import FileTree
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing
import TorrentEngine

@testable import Mirroring

@Suite("Torrents as the engine takes them over", .timeLimit(.minutes(2)))
struct TorrentShelfTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory("torrent-shelf") }

    private static func engine(_ role: EngineSettings.Role, _ host: String) throws -> TorrentEngine {
        try TorrentEngine(settings: EngineSettings(role: role, listen: [Endpoint(host: host, port: 0)]))
    }

    /// A shelf that has parsed a torrent, and cannot read it again.
    private func shelf(_ torrent: Torrent) -> (TorrentShelf, Manifest.Shard) {
        let shard = Manifest.Shard(
            start: "", priority: nil, infoHash: torrent.infoHash,
            torrent: Pinned(size: torrent.bytes.count, sha256: Digest.sha256(torrent.bytes)), compressedSize: 1,
            classes: [:])
        let shelf = TorrentShelf { _ in throw MirrorError(.file, "it was to be read again") }
        shelf.recent.add(torrent, of: shard)
        return (shelf, shard)
    }

    @Test("What was parsed is the same to the engine as the bytes: with pads, links, empty files and another path")
    func same() async throws {
        let torrent = try SampleTorrent.mixed()
        let contents = SampleTorrent.contents().filter { !$0.value.isEmpty }
        let source = try FileTreeWriter(directory["source/\(torrent.name)"])
        for (path, content) in contents { try source.write(path, content) }
        let entries = (0..<torrent.entryCount)
        let last = try #require(entries.last { torrent.kind($0) == .file && torrent.length($0) > 0 })
        // Such as count, and are no files to the engine, stand before it.
        let before = entries.prefix(last)
        let (pads, empty) = (
            before.count { torrent.kind($0) == .pad },
            before.count { torrent.kind($0) == .file && torrent.length($0) == 0 }
        )
        try #require(pads > 0 && empty > 0)

        let seed = try Self.engine(.master, "127.0.0.1")
        let node = try Self.engine(.node, "127.0.0.2")
        try await seed.add(
            TorrentSpec(
                infoHash: torrent.infoHash, torrent: torrent.bytes, savePath: directory["source"], have: nil,
                wanted: nil))
        let (shelf, shard) = shelf(torrent)
        let address = try #require(await seed.listenEndpoints().first)
        let none = PieceSet(pieceCount: torrent.pieceCount)
        let spec = TorrentSpec(
            infoHash: torrent.infoHash, torrent: [], savePath: directory["target"], have: none,
            wanted: PieceSet(pieceCount: torrent.pieceCount, full: true), renamed: [last: "elsewhere"],
            peers: [address])
        try await node.add(spec, try await shelf.read(shard))
        for await event in node.events { if case .finished = event { break } }
        await node.flush(torrent.infoHash)
        for (path, content) in contents {
            let place = path == torrent.path(last) ? "elsewhere" : "\(torrent.name)/\(path)"
            #expect(try FileSystem.contents(directory["target/\(place)"]) == content, "\(path)")
        }
        await node.stop()
        await seed.stop()
    }

    @Test("An info-hash that was only claimed is computed before a torrent goes under it")
    func claimed() async throws {
        let bytes = try SampleTorrent.mixed().bytes
        let claim = Digest.sha1([1])
        let (shelf, shard) = shelf(try Torrent(parsing: bytes, infoHash: claim))
        let engine = try Self.engine(.node, "127.0.0.1")
        let read = try await shelf.read(shard)
        let error = await #expect(throws: EngineError.self) {
            let spec = TorrentSpec(
                infoHash: claim, torrent: [], savePath: directory.path, have: nil, wanted: nil)
            try await engine.add(spec, read)
        }
        #expect(error?.code == .infoHashMismatch)
        await engine.stop()
    }
}
