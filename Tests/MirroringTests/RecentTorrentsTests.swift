import FileTree
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

@testable import Mirroring

@Suite("Torrents that an update has opened")
struct RecentTorrentsTests {
    private let directory: TemporaryDirectory
    private let recent = RecentTorrents(limit: 0)

    init() throws { directory = try TemporaryDirectory("recent-torrents") }

    /// A torrent with a file and a link.
    private func torrent(_ number: Int) throws -> (torrent: Torrent, shard: Manifest.Shard) {
        var layout = ShardLayout(policy: .init(pieceLength: 16 << 10, alignFrom: 32 << 10))
        var change = ShardLayout.Change()
        change.added = [
            FileEntry(
                path: "d/f\(number)", length: 7, mtime: 1, executable: false, priority: .payload,
                sha256: Digest.sha256([UInt8(number)]))
        ]
        change.addedLinks = [LinkEntry(path: "d/link", target: "f\(number)")]
        layout.apply(change, largeFileHashes: [:]) { _ in false }
        layout.complete([PieceIndex(0): Digest.sha1([])])
        let bytes = layout.encode(name: "demo")
        let torrent = try Torrent(parsing: bytes)
        let shard = Manifest.Shard(
            start: "", priority: nil, infoHash: torrent.infoHash,
            torrent: Pinned(size: bytes.count, sha256: Digest.sha256(bytes)), compressedSize: 1, classes: [:])
        return (torrent, shard)
    }

    @Test("What was read of those that do not stay is put aside, for as many updates as there is room for")
    func putAside() throws {
        let opened = try (0..<6).map { try torrent($0) }
        var shelf = TorrentShelf { shard in
            opened.first { $0.shard.infoHash == shard.infoHash }?.torrent.bytes ?? []
        }
        shelf.recent = recent
        for (torrent, shard) in opened {
            recent.add(torrent, of: shard, isTarget: true)
            #expect(recent[shard] === torrent)
            recent.settle(in: directory.path)
            // Nothing was opened since.
            recent.settle(in: directory.path)
            #expect(recent[shard] == nil)
        }
        for (number, (torrent, shard)) in opened.enumerated() {
            #expect(recent.columns(of: shard) == (number < 2 ? nil : torrent.encodedColumns))
            let again = try shelf.torrent(shard)
            #expect(again.encodedColumns == torrent.encodedColumns && again.links == torrent.links)
        }
        #expect(try FileSystem.names(in: directory.path).isEmpty)
    }

    @Test("Where nothing can be put aside, torrents are read again")
    func noPlace() throws {
        let (torrent, shard) = try torrent(0)
        var shelf = TorrentShelf { _ in torrent.bytes }
        shelf.recent = recent
        recent.add(torrent, of: shard, isTarget: true)
        recent.settle(in: directory["missing"])
        #expect(recent.columns(of: shard) == nil)
        #expect(try shelf.torrent(shard).encodedColumns == torrent.encodedColumns)
    }
}
