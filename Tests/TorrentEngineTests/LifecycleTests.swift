import Foundation
import SwarmCore
import Testing

@testable import TorrentEngine

@Suite(.timeLimit(.minutes(1)))
struct LifecycleTests {
    let temporary: TemporaryDirectory

    init() throws { temporary = try TemporaryDirectory() }

    @Test func `the shim is compiled as the library is`() { #expect(ShimABI.hasherSize == 96) }

    @Test func `a file error stops a torrent until it is added again`() async throws {
        let torrent = try TestTorrent(files: [("a", noise(100_000))])
        let (source, target) = (try temporary.directory("source"), try temporary.directory("target"))
        try torrent.write(under: source)
        // A file where the torrent's directory belongs: an obstacle for root too.
        let obstacle = target.appendingPathComponent(torrent.name)
        try Data().write(to: obstacle)
        let seed = try TorrentEngine.local(.master, "127.0.0.1")
        let node = try TorrentEngine.local(.node, "127.0.0.2")
        try await withEngines(seed, node) {
            try await seed.add(torrent.spec(at: source, have: torrent.all))
            try await node.add(torrent.spec(at: target))
            try await node.connect(torrent.infoHash, to: seed.endpoint())
            try await node.eventsUntil { event in
                guard case .fileError(torrent.infoHash, let path, let message, let errno) = event else { return false }
                #expect(path == obstacle.appendingPathComponent("a").path && !message.isEmpty && errno == ENOTDIR)
                return true
            }
            #expect(await node.status(torrent.infoHash)?.error != nil)
            await node.remove(torrent.infoHash)
            try FileManager.default.removeItem(at: obstacle)
            // What was reported may have gone nowhere: only the disk tells.
            try await node.add(torrent.spec(at: target, have: torrent.found(under: target)))
            try await node.connect(torrent.infoHash, to: seed.endpoint())
            repeat { try await node.finished() } while await node.status(torrent.infoHash)?.have != torrent.all
            await node.flush(torrent.infoHash)
            #expect(torrent.differences(under: target) == [])
            #expect(await node.status(torrent.infoHash)?.error == nil)
        }
    }

    @Test func `a torrent that was read is added once`() async throws {
        let torrent = try TestTorrent(files: [("a", noise(1_000))])
        let engine = try TorrentEngine.local()
        try await withEngines(engine) {
            let (read, spec) = (try await TorrentEngine.read(torrent.bytes), torrent.spec(at: temporary.url))
            try await engine.add(spec, read)
            await engine.remove(torrent.infoHash)
            let error = await #expect(throws: EngineError.self) { try await engine.add(spec, read) }
            #expect(error?.code == .badTorrent)
            try await engine.add(spec)
        }
    }

    @Test func `a taken port is reported`() async throws {
        let first = try TorrentEngine.local()
        try await withEngines(first) {
            let endpoint = try await first.endpoint()
            let second = try TorrentEngine(settings: EngineSettings(role: .node, listen: [endpoint]))
            try await withEngines(second) {
                #expect(await second.listenEndpoints() == [])
                try await second.eventsUntil { if case .listenFailed(endpoint, _) = $0 { true } else { false } }
            }
        }
    }

    @Test func `events end with an engine that nobody holds`() async throws {
        for await _ in try TorrentEngine.local().events {}
    }

    @Test func `nothing is reported twice after lost notices`() async throws {
        let torrent = try TestTorrent(files: [("a", noise(100_000))])
        let node = try TorrentEngine.local()
        try await withEngines(node) {
            try await node.add(torrent.spec(at: temporary.url))
            try await node.addPiece(torrent.infoHash, PieceIndex(0), torrent.piece(0))
            try await node.eventsUntil { if case .pieces = $0 { true } else { false } }
            await node.resynchronize()
            for index in 1..<torrent.pieceCount {
                try await node.addPiece(torrent.infoHash, PieceIndex(index), torrent.piece(index))
            }
            let events = try await node.finished()
            guard case .resynchronized? = events.first else {
                Issue.record("\(events)")
                return
            }
            #expect(events.pieces.sorted() == Array(1..<torrent.pieceCount))
        }
    }

    @Test func `pieces of padding alone count as had`() async throws {
        var files: [(String, [UInt8])] = [("a", noise(32_768))]
        files.append(("b", noise(10)))
        let hole = Bencode.list([
            .dictionary(["length": 32_768, "path": .list(["a"])]),
            .dictionary(["length": 40_000, "path": .list([".pad", "40000"]), "attr": "p"]),
            .dictionary(["length": 30_000, "path": .list([".pad", "30000"]), "attr": "p"]),
            .dictionary(["length": 10, "path": .list(["b"])]),
        ])
        let content = files[0].1 + [UInt8](repeating: 0, count: 70_000) + files[1].1
        let hashes = stride(from: 0, to: content.count, by: 32_768).flatMap {
            sha1(content[$0..<min($0 + 32_768, content.count)])
        }
        let torrent = try TestTorrent(files: files, info: ["files": hole, "pieces": .string(hashes)])
        let node = try TorrentEngine.local()
        try await withEngines(node) {
            var spec = torrent.spec(at: temporary.url)
            spec.have = PieceSet(pieceCount: 4)
            spec.wanted = PieceSet(pieceCount: 4, full: true)
            try await node.add(spec)
            #expect(await node.status(torrent.infoHash)?.have.indices == [1, 2])
        }
    }

    @Test func `adding, removing and stopping leave nothing open`() async {
        await #expect(processExitsWith: .success) {
            let temporary = try TemporaryDirectory()
            let torrent = try TestTorrent(files: [("a", noise(100_000)), ("b", noise(10_000, seed: 2))])
            func openFiles() throws -> Int {
                try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
            }

            // The first engine opens what the process keeps: random numbers, time zones.
            try await TorrentEngine.local().stop()
            let before = try openFiles()
            let node = try TorrentEngine.local()
            _ = await node.listenEndpoints()
            let running = try openFiles()
            for round in 0..<20 {
                try await node.add(torrent.spec(at: temporary.url))
                for index in 0..<torrent.pieceCount {
                    try await node.addPiece(torrent.infoHash, PieceIndex(index), torrent.piece(index))
                }
                try await node.finished()
                async let twice: Void = node.remove(torrent.infoHash)
                await node.remove(torrent.infoHash)
                await twice
                #expect(torrent.differences(under: temporary.url) == [], "round \(round)")
                #expect(try openFiles() <= running)
            }
            await node.stop()
            #expect(try openFiles() <= before)
            var rest = 0
            for await event in node.events { if case .pieces = event { rest += 1 } }
            #expect(rest == 0)
        }
    }
}
