import Foundation
import SwarmCore
import Testing
import TorrentEngine

@Suite(.timeLimit(.minutes(1)))
struct RefusalTests {
    let temporary: TemporaryDirectory

    init() throws { temporary = try TemporaryDirectory() }

    /// The code of the engine's error that `body` throws; nil when it throws none.
    func code(_ body: () async throws -> Void) async -> EngineError.Code? {
        do {
            try await body()
            return nil
        } catch {
            let refusal = error as? EngineError
            #expect(refusal?.message.isEmpty == false, "\(error)")
            return refusal?.code
        }
    }

    @Test func `bytes that are no torrent are refused`() async throws {
        let files = [("a", noise(100_000))]
        let sound = try TestTorrent(files: files).bytes
        var refused = [
            [], noise(1_000), Array(sound.dropLast(40)), Array(sound.dropLast()), sound + [0],
            Bencode.dictionary(["info": 1]).bytes,
        ]
        let entries: [[String: Bencode]] = [
            ["length": -1, "path": .list(["a"])], ["path": .list(["a"])], ["length": "5", "path": .list(["a"])],
            ["length": 100_000], ["length": 100_000, "path": .list([])], ["length": 100_000, "path": "a"],
            ["length": .integer(1 << 60), "path": .list(["a"])],
        ]
        for info: [String: Bencode] in [
            ["pieces": .string(noise(79))], ["pieces": .string(noise(100))], ["piece length": 0],
            ["piece length": 1_000],
            ["name": 1], ["files": "a"], ["files": .list([])],
        ] + entries.map({ ["files": .list([.dictionary($0)])] }) {
            refused.append(try TestTorrent(files: files, info: info).bytes)
        }
        for bytes in refused {
            #expect(await code { _ = try await TorrentEngine.read(bytes) } == .badTorrent)
        }
    }

    @Test func `features that do harm are refused`() async throws {
        let files = [("a", noise(1_000))]
        let others: Bencode = .list([.string(noise(20))])
        for torrent in try [
            TestTorrent(files: files, info: ["similar": others]), TestTorrent(files: files, top: ["similar": others]),
            TestTorrent(files: files, info: ["collections": .list(["x"])]),
            TestTorrent(files: files, top: ["collections": .list(["x"])]),
            TestTorrent(files: files, info: ["ssl-cert": "x"]), TestTorrent(files: files, info: ["meta version": 2]),
        ] {
            #expect(await code { _ = try await TorrentEngine.read(torrent.bytes) } == .unsupportedTorrent)
        }
    }

    @Test(
        arguments: [
            .list(["..", "a"]), .list(["."]), .list([""]), .list(["d", "", "a"]), .list(["d/a"]), .list(["/etc"]),
            .list(["a\0b"]),
        ] as [Bencode])
    func `names that would land elsewhere are refused`(path: Bencode) async throws {
        let entries = Bencode.list([.dictionary(["length": 1_000, "path": path])])
        let hostile = try TestTorrent(files: [("a", noise(1_000))], info: ["files": entries])
        #expect(await code { _ = try await TorrentEngine.read(hostile.bytes) } == .hostileNames)
        let torrent = try TestTorrent(name: "..", files: [("a", noise(1_000))])
        #expect(await code { _ = try await TorrentEngine.read(torrent.bytes) } == .hostileNames)
    }

    // Several of these libtorrent would change, take for padding or number.
    @Test func `every name is kept as it is, and each file can be put elsewhere`() async throws {
        let paths = [
            "dev\\x2ddisk", "README", "readme", "_____padding_file_0", "d/e/\u{202e}x", "d/e ", "d.", "empty",
            String(repeating: "n", count: 255),
        ]
        let files = paths.enumerated().map { ($1, noise($1 == "empty" ? 0 : 20_000, seed: UInt64($0))) }
        // A directory of such a name libtorrent takes for padding with all that is in it.
        let torrent = try TestTorrent(name: "a_____padding_file_b", files: files + [("other", noise(70_000))])
        let (target, elsewhere) = (try temporary.directory("target"), try temporary.directory("elsewhere"))
        let engine = try TorrentEngine.local()
        try await withEngines(engine) {
            var spec = torrent.spec(at: target)
            spec.renamed = [files.count: elsewhere.appendingPathComponent("deep/er").path]
            try await engine.add(spec)
            for index in 0..<torrent.pieceCount {
                try await engine.addPiece(torrent.infoHash, PieceIndex(index), torrent.piece(index))
            }
            try await engine.finished()
            await engine.flush(torrent.infoHash)
            // The engine makes no empty files.
            #expect(torrent.differences(under: target) == ["empty", "other"])
            #expect(try Data(contentsOf: elsewhere.appendingPathComponent("deep/er")) == Data(noise(70_000)))
        }
    }

    @Test func `a symbolic link in a file's place is not followed`() async throws {
        let torrent = try TestTorrent(files: [("a", noise(20_000))])
        let victim = temporary.url.appendingPathComponent("victim")
        try Data("as it was".utf8).write(to: victim)
        let place = torrent.location(of: "a", under: temporary.url)
        try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(at: place, withDestinationURL: victim)
        let engine = try TorrentEngine.local()
        try await withEngines(engine) {
            try await engine.add(torrent.spec(at: temporary.url))
            try await engine.addPiece(torrent.infoHash, PieceIndex(0), torrent.piece(0))
            try await engine.eventsUntil { event in
                guard case .fileError(torrent.infoHash, place.path, _, ELOOP) = event else { return false }
                return true
            }
        }
        #expect(try Data(contentsOf: victim) == Data("as it was".utf8))
    }

    @Test func `what does not fit together is refused`() async throws {
        let torrent = try TestTorrent(files: [("a", noise(100_000))])
        let engine = try TorrentEngine.local()
        try await withEngines(engine) {
            var spec = torrent.spec(at: temporary.url)
            spec.infoHash = try #require(InfoHash(bytes: noise(20)))
            #expect(await code { try await engine.add(spec) } == .infoHashMismatch)
            #expect(await code { try await engine.setWanted(torrent.infoHash, torrent.all) } == .unknownTorrent)

            spec = torrent.spec(at: temporary.url, have: PieceSet(pieceCount: torrent.pieceCount + 1))
            #expect(await code { try await engine.add(spec) } == .pieceMismatch)
            spec = torrent.spec(at: temporary.url)
            spec.preferred = PieceSet(pieceCount: torrent.pieceCount + 1)
            #expect(await code { try await engine.add(spec) } == .pieceMismatch)
            spec = torrent.spec(at: temporary.url, wanted: PieceSet(pieceCount: torrent.pieceCount - 1))
            #expect(await code { try await engine.add(spec) } == .pieceMismatch)

            try await engine.add(torrent.spec(at: temporary.url))
            #expect(await code { try await engine.add(torrent.spec(at: temporary.url)) } == .alreadyAdded)
            #expect(
                await code { try await engine.setWanted(torrent.infoHash, PieceSet(pieceCount: 1)) }
                    == .pieceMismatch)
            for (piece, data) in [(0, noise(10)), (9, torrent.piece(0)), (-1, torrent.piece(0))] {
                let given = await code { try await engine.addPiece(torrent.infoHash, PieceIndex(piece), data) }
                #expect(given == .pieceMismatch)
            }
            for peer in [Endpoint(host: "127.0.0.1", port: 0), Endpoint(host: "no.such.host.invalid", port: 1)] {
                #expect(await code { try await engine.connect(torrent.infoHash, to: peer) } == .badAddress)
            }
        }
        #expect(await code { try await engine.add(torrent.spec(at: temporary.url)) } == .session)
    }
}
