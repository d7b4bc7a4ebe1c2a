import Foundation
import SwarmCore
import Testing

@testable import TorrentEngine

extension TestTorrent {
    /// What a reader would have made of it.
    var outline: TorrentOutline {
        var starts: [UInt32] = [0]
        var paths: [UInt8] = []
        for file in files {
            paths += file.path.utf8
            starts.append(UInt32(paths.count))
        }
        return TorrentOutline(
            infoHash: infoHash, name: name, pieceLength: pieceLength, isPrivate: false, pieces: pieceHashes[...],
            lengths: files.map { Int64($0.content.count) }, isFile: files.map { !$0.isPadding }, paths: paths,
            pathStarts: starts)
    }
}

@Suite(.timeLimit(.minutes(1)))
struct TorrentOutlineTests {
    let temporary: TemporaryDirectory

    init() throws { temporary = try TemporaryDirectory() }

    @Test(arguments: [false, true]) func `a torrent that somebody else has read is fetched like any other`(
        aligned: Bool
    ) async throws {
        let torrent = try TestTorrent(
            files: [
                ("empty", []), ("a/one", noise(70_000)), ("a/two", noise(5_000, seed: 2)),
                ("b", noise(400_000, seed: 3)),
            ], aligned: aligned)
        let source = try temporary.directory("source")
        let target = try temporary.directory("target")
        try torrent.write(under: source)
        let seed = try TorrentEngine.local(.master, "127.0.0.1")
        let node = try TorrentEngine.local(.node, "127.0.0.2")
        try await withEngines(seed, node) {
            // One that read the bytes, one that did not: what they know of the pieces is the same.
            try await seed.add(torrent.spec(at: source, have: torrent.all))
            var spec = torrent.spec(at: target)
            spec.torrent = []
            spec.peers = [try await seed.endpoint()]
            try await node.add(spec, try TorrentEngine.read(torrent.outline))
            try await node.finished()
            await node.flush(torrent.infoHash)
            // Empty files are made by whoever makes the tree.
            #expect(torrent.differences(under: target) == ["empty"])
        }
    }

    @Test func `what cannot be a torrent is refused`() throws {
        func code(_ change: (inout TorrentOutline) -> Void) throws -> EngineError.Code? {
            var outline = try TestTorrent(files: [("a", noise(100_000)), ("b", noise(10))]).outline
            change(&outline)
            return (#expect(throws: EngineError.self) { _ = try TorrentEngine.read(outline) })?.code
        }
        #expect(try code { $0.name = ".." } == .hostileNames)
        #expect(try code { $0.name = "a/b" } == .hostileNames)
        #expect(try code { $0.pieces = $0.pieces.dropLast(20) } == .badTorrent)
        #expect(try code { $0.pieceLength = 1000 } == .badTorrent)
        #expect(try code { $0.lengths[1] = -1 } == .badTorrent)
        #expect(try code { $0.lengths[1] = 1 << 60 } == .badTorrent)
        #expect(try code { $0.lengths = [0, 0] } == .badTorrent)
        #expect(try code { $0.lengths.append(1) } == .badTorrent)
        #expect(try code { $0.isFile = [] } == .badTorrent)
        #expect(try code { $0.pathStarts = [0, 1] } == .badTorrent)
        #expect(try code { $0.pathStarts = [0, 100_000, 2] } == .badTorrent)
        #expect(try code { $0.pathStarts = [1, 0, 2] } == .badTorrent)
        #expect(try code { $0.pathStarts = [0, 1, 100_000] } == .badTorrent)
    }

    @Test func `it is added under its own info-hash alone`() async throws {
        let torrent = try TestTorrent(files: [("a", noise(1000))])
        let engine = try TorrentEngine.local()
        try await withEngines(engine) {
            var other = torrent.outline
            other.infoHash = try #require(InfoHash(bytes: noise(20)))
            let error = await #expect(throws: EngineError.self) {
                try await engine.add(torrent.spec(at: temporary.url), try TorrentEngine.read(other))
            }
            #expect(error?.code == .infoHashMismatch)
        }
    }
}
