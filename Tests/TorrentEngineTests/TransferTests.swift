import Foundation
import SwarmCore
import func SwarmTestSupport.eventually
import Testing
import TorrentEngine

@Suite(.timeLimit(.minutes(1)))
struct TransferTests {
    let temporary: TemporaryDirectory

    init() throws { temporary = try TemporaryDirectory() }

    @Test(arguments: [false, true]) func `a tree arrives byte for byte`(aligned: Bool) async throws {
        let torrent = try TestTorrent(
            files: [
                ("README", noise(70_000)), ("dir/readme", noise(5_000, seed: 2)), ("readme", noise(40_000, seed: 3)),
                ("dir/sub/large", noise(400_000, seed: 4)),
            ], aligned: aligned)
        let source = try temporary.directory("source")
        let target = try temporary.directory("target")
        try torrent.write(under: source)
        let seed = try TorrentEngine.local(.master, "127.0.0.1")
        let node = try TorrentEngine.local(.node, "127.0.0.2")
        try await withEngines(seed, node) {
            try await seed.add(torrent.spec(at: source, have: torrent.all))
            try await node.add(torrent.spec(at: target))
            try await node.connect(torrent.infoHash, to: seed.endpoint())
            let events = try await node.finished()
            #expect(events.pieces.sorted() == Array(0..<torrent.pieceCount))
            await node.flush(torrent.infoHash)
            #expect(torrent.differences(under: target) == [])

            let status = try #require(await node.status(torrent.infoHash))
            #expect(status.isFinished && status.have.isFull && status.error == nil)
            #expect(await node.statuses().map(\.infoHash) == [torrent.infoHash])
            let peer = try #require(await node.peers(torrent.infoHash).first)
            #expect(peer.isMaster && peer.isSeed && peer.client.hasPrefix("swarm-mirror"))
            let other = try #require(await seed.peers(torrent.infoHash).first)
            #expect(!other.isMaster && other.endpoint.host == "127.0.0.2")
        }
    }

    @Test func `seeds let one another go`() async throws {
        let torrent = try TestTorrent(files: [("a", noise(327_680))])
        let source = try temporary.directory("source")
        try torrent.write(under: source)
        let seed = try TorrentEngine.local(.master, "127.0.0.1")
        let node = try TorrentEngine.local(.node, "127.0.0.2")
        try await withEngines(seed, node) {
            try await seed.add(torrent.spec(at: source, have: torrent.all))
            try await node.add(torrent.spec(at: try temporary.directory("target")))
            try await node.connect(torrent.infoHash, to: seed.endpoint())
            try await node.finished()
            _ = try await eventually("no peer is left", within: .seconds(40)) {
                let peers = await seed.peers(torrent.infoHash).count + node.peers(torrent.infoHash).count
                return peers == 0 ? true : nil
            }
        }
    }

    @Test func `a later phase waits until it is wanted`() async throws {
        let torrent = try TestTorrent(files: [("first", noise(327_680)), ("second", noise(327_680, seed: 2))])
        let source = try temporary.directory("source")
        let target = try temporary.directory("target")
        try torrent.write(under: source)
        let seed = try TorrentEngine.local(.master, "127.0.0.1")
        let node = try TorrentEngine.local(.node, "127.0.0.2")
        try await withEngines(seed, node) {
            try await seed.add(torrent.spec(at: source, have: torrent.all))
            try await node.add(torrent.spec(at: target, wanted: torrent.pieces(0..<10)))
            try await node.connect(torrent.infoHash, to: seed.endpoint())
            #expect(try await node.finished().pieces.sorted() == Array(0..<10))
            await node.flush(torrent.infoHash)
            #expect(await node.status(torrent.infoHash)?.have == torrent.pieces(0..<10))
            let second = torrent.location(of: "second", under: target)
            #expect(!FileManager.default.fileExists(atPath: second.path))

            try await node.setWanted(torrent.infoHash, torrent.all)
            #expect(try await node.finished().pieces.sorted() == Array(10..<20))
            await node.flush(torrent.infoHash)
            #expect(torrent.differences(under: target) == [])
            // Nothing is missing any more, and that is said once for each call.
            try await node.setWanted(torrent.infoHash, torrent.pieces([3]))
            #expect(try await node.finished().count == 1)
        }
    }

    @Test func `preferred pieces come before the others`() async throws {
        let torrent = try TestTorrent(files: [("a", noise(200 * 32_768))])
        let source = try temporary.directory("source")
        try torrent.write(under: source)
        let seed = try TorrentEngine.local(.master, "127.0.0.1")
        let node = try TorrentEngine.local(.node, "127.0.0.2")
        try await withEngines(seed, node) {
            try await seed.add(torrent.spec(at: source, have: torrent.all))
            var spec = torrent.spec(at: try temporary.directory("target"), wanted: torrent.all)
            spec.preferred = torrent.pieces(100..<108)
            try await node.add(spec)
            try await node.setWanted(torrent.infoHash, torrent.all, first: torrent.pieces(100..<108))
            try await node.connect(torrent.infoHash, to: seed.endpoint())
            let order = try await node.finished().pieces
            #expect(order.count == 200)
            // (A piece may overtake another one on its way. By chance, it would be one time in a hundred thousand.)
            #expect(Set(order.prefix(40)).isSuperset(of: 100..<108), "\(order)")
        }
    }

    @Test func `what is had already is neither touched nor fetched`() async throws {
        let torrent = try TestTorrent(files: [("old", noise(65_536)), ("new", noise(65_536, seed: 2))])
        let source = try temporary.directory("source")
        let target = try temporary.directory("target")
        try torrent.write(under: source)
        let old = torrent.location(of: "old", under: target)
        try FileManager.default.createDirectory(at: old.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(torrent.files[0].content).write(to: old)
        let date = Date(timeIntervalSince1970: 1_000_000_000)
        try FileManager.default.setAttributes(
            [.modificationDate: date, .posixPermissions: 0o444], ofItemAtPath: old.path)
        let before = try FileManager.default.attributesOfItem(atPath: old.path)
        let seed = try TorrentEngine.local(.master, "127.0.0.1")
        let node = try TorrentEngine.local(.node, "127.0.0.2")
        try await withEngines(seed, node) {
            try await seed.add(torrent.spec(at: source, have: torrent.all))
            try await node.add(torrent.spec(at: target, have: torrent.pieces(0..<2)))
            try await node.connect(torrent.infoHash, to: seed.endpoint())
            #expect(try await node.finished().pieces.sorted() == [2, 3])
            await node.flush(torrent.infoHash)
            #expect(torrent.differences(under: target) == [])
            #expect(await node.traffic(torrent.infoHash) == Traffic(fromMaster: 65_536))
            let after = try FileManager.default.attributesOfItem(atPath: old.path)
            #expect(after[.modificationDate] as? Date == date)
            #expect(after[.systemFileNumber] as? Int == before[.systemFileNumber] as? Int)
        }
    }

    @Test func `pieces from elsewhere complete a torrent without peers`() async throws {
        let torrent = try TestTorrent(files: [("a", noise(50_000)), ("b", noise(50_000, seed: 2))])
        let target = try temporary.directory("target")
        let node = try TorrentEngine.local()
        try await withEngines(node) {
            try await node.add(torrent.spec(at: target))
            for index in 0..<torrent.pieceCount {
                try await node.addPiece(torrent.infoHash, PieceIndex(index), torrent.piece(index))
            }
            #expect(try await node.finished().pieces.sorted() == Array(0..<torrent.pieceCount))
            await node.flush(torrent.infoHash)
            #expect(torrent.differences(under: target) == [])
        }
    }

    // The last write of a refused piece may be reported late; often enough that one of fifty pieces shows it.
    @Test func `a piece that was refused is taken when it comes again`() async throws {
        let torrent = try TestTorrent(files: [("a", noise(50 * 16_384))], pieceLength: 16_384)
        let node = try TorrentEngine.local()
        try await withEngines(node) {
            try await node.add(torrent.spec(at: temporary.directory("target")))
            for index in 0..<torrent.pieceCount {
                let piece = PieceIndex(index)
                try await node.addPiece(torrent.infoHash, piece, noise(torrent.pieceLength, seed: 9))
                try await node.eventsUntil { if case .pieceRefused(_, piece) = $0 { true } else { false } }
                try await node.addPiece(torrent.infoHash, piece, torrent.piece(index))
            }
            try await node.finished()
        }
    }

    @Test func `an upload limit holds on loopback, and a peer may be named`() async throws {
        let torrent = try TestTorrent(files: [("a", noise(1_500_000))])
        let source = try temporary.directory("source")
        try torrent.write(under: source)
        let seed = try TorrentEngine(
            settings: EngineSettings(
                role: .master, listen: [Endpoint(host: "127.0.0.1", port: 0)], uploadLimit: 500_000))
        let node = try TorrentEngine.local(.node, "127.0.0.2")
        try await withEngines(seed, node) {
            try await seed.add(torrent.spec(at: source, have: torrent.all))
            try await node.add(torrent.spec(at: temporary.directory("target")))
            let began = ContinuousClock.now
            try await node.connect(
                torrent.infoHash, to: Endpoint(host: "localhost", port: seed.endpoint().port))
            try await node.finished()
            #expect(began.duration(to: .now) > .seconds(2))
        }
    }
}
