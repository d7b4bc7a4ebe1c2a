import AsyncHTTPClient
import Logging
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing
import TorrentEngine

@testable import Mirroring

@Suite("Requests for pieces over HTTP")
struct PieceFetcherTests {
    private static let pieceLength = 1 << 20

    /// Small files that share a piece, a large file of 10 pieces, and one of 2.
    private func torrent() throws -> Torrent {
        let large = [("a", 10), ("b", 2)].map { file($0.0, Int64($0.1 * Self.pieceLength)) }
        return try torrent(of: large + (0..<5).map { file("small\($0)", 1000) }, everyPiece: Digest.sha1([1]))
    }

    private func torrent(of files: [FileEntry], everyPiece hash: InfoHash) throws -> Torrent {
        var layout = ShardLayout(policy: ShardLayout.Policy(pieceLength: Self.pieceLength, alignFrom: 128 << 10))
        var change = ShardLayout.Change()
        change.added = files
        layout.apply(change, largeFileHashes: [:]) { _ in false }
        layout.complete(
            Dictionary(layout.missingPieces.map { ($0.piece, hash) }, uniquingKeysWith: { first, _ in first }))
        return try Torrent(parsing: layout.encode(name: "demo"))
    }

    private func file(_ path: String, _ length: Int64) -> FileEntry {
        FileEntry(
            path: path, length: length, mtime: 1, executable: false, priority: .payload,
            sha256: Digest.sha256(Array(path.utf8)))
    }

    private func runs(_ missing: PieceSet, without asked: [Int] = [], limit: Int = 100) throws -> [Range<Int>] {
        let torrent = try torrent()
        var set = PieceSet(pieceCount: torrent.pieceCount)
        for piece in asked { set[piece] = true }
        let excerpt = torrent.excerpt(of: PieceSet(pieceCount: torrent.pieceCount, full: true))
        return PieceFetcher.runs(of: [missing], without: [set], [excerpt], limit: limit).map(\.pieces)
    }

    @Test("Neighbouring pieces of one large file come in one request of bounded length; packed ones by themselves")
    func runs() throws {
        let all = PieceSet(pieceCount: try torrent().pieceCount, full: true)
        #expect(try runs(all) == [0..<1, 1..<5, 5..<9, 9..<11, 11..<13])
    }

    @Test("What was asked for is left out, and no more runs are worked out than are wanted")
    func partial() throws {
        let all = PieceSet(pieceCount: try torrent().pieceCount, full: true)
        #expect(try runs(all, without: [2, 3, 12]) == [0..<1, 1..<2, 4..<8, 8..<11, 11..<12])
        #expect(try runs(all, limit: 2) == [0..<1, 1..<5])
        #expect(try runs(PieceSet(pieceCount: all.pieceCount)).isEmpty)
    }

    @Test("No more is asked for than the engine can write: it goes on with what arrives")
    func heldBack() async throws {
        let (pieceLength, size) = (Self.pieceLength, 96 << 20)
        let zeros = Digest.sha1([UInt8](repeating: 0, count: pieceLength))
        let torrent = try torrent(of: [file("large", Int64(size))], everyPiece: zeros)
        let all = PieceSet(pieceCount: torrent.pieceCount, full: true)

        let server = try SmallHTTPServer { request in
            request.range.map { .content(status: 206, [UInt8](repeating: 0, count: $0.count)) } ?? .missing
        }
        defer { server.stop() }
        let engine = try TorrentEngine(settings: EngineSettings(role: .node, listen: []))
        let directory = try TemporaryDirectory("fetcher")
        try await engine.add(
            TorrentSpec(
                infoHash: torrent.infoHash, torrent: torrent.bytes, savePath: directory.path,
                have: PieceSet(pieceCount: torrent.pieceCount), wanted: all))
        let client = HTTPClient()
        let fetcher = PieceFetcher(
            source: HTTPSource(
                upstreams: [Upstream(base: "http://127.0.0.1:\(server.port)", client: client)],
                set: try #require(SetName("demo")),
                snapshot: try #require(SnapshotID("00000000-0000-4000-8000-000000000001")), feed: nil),
            torrents: [torrent.excerpt(of: all)], preferred: [PieceSet(pieceCount: torrent.pieceCount)], engine: engine,
            rest: .seconds(30), logger: Logger(label: "test"))
        // Nobody tells that anything arrives: as with a disk that stands still.
        await fetcher.fetch([all])
        await fetcher.settle()
        let first = await fetcher.bytesReceived
        #expect(first >= PieceFetcher.unwrittenLimit)
        #expect(first < PieceFetcher.unwrittenLimit + PieceFetcher.width * PieceFetcher.runLength)

        var arrived = 0
        while await fetcher.bytesReceived < size {
            let received = Int(await fetcher.bytesReceived) / pieceLength
            try #require(received > arrived)
            #expect(await fetcher.arrived(Array(arrived..<received), of: 0))
            arrived = received
            await fetcher.settle()
        }
        await engine.stop()
        try await client.shutdown()
    }
}
