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
        let sound = try TestTorrent(files: [("a", noise(1_000))]).bytes
        for bytes in [[], noise(1_000), Array(sound.dropLast(40)), Bencode.dictionary(["info": 1]).bytes] {
            #expect(await code { _ = try TorrentEngine.inspect(torrent: bytes) } == .badTorrent)
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
            #expect(await code { _ = try TorrentEngine.inspect(torrent: torrent.bytes).paths } == .unsupportedTorrent)
        }
    }

    @Test(arguments: [["../a"], ["a\\b"], ["a", "a"], ["a", "a/b"], ["_____padding_file_0"], ["./a"]])
    func `names that would land elsewhere are refused`(paths: [String]) async throws {
        let torrent = try TestTorrent(files: paths.map { ($0, noise(1_000)) })
        let engine = try TorrentEngine.local()
        try await withEngines(engine) {
            #expect(await code { try await engine.add(torrent.spec(at: temporary.url)) } == .hostileNames)
        }
    }

    @Test(
        arguments: [
            // libtorrent makes `ab` of the first name, which the other one is.
            ["path.utf-8": .list(["a\\b"]), "path": .list(["ab"])],
            ["path": .list(["a\\b"]), "more": .dictionary(["path": .list(["ab"])])],
            ["path": .list(["a\\b"]), "more": .list([1, "ab"])],
            ["path": .list(["d", "..", "ab"]), "attr": "x"],
        ] as [[String: Bencode]])
    func `names are compared in entries of every form`(entry: [String: Bencode]) async throws {
        let engine = try TorrentEngine.local()
        try await withEngines(engine) {
            for (entry, code) in [(entry, EngineError.Code.hostileNames), (Self.harmless(entry), nil)] {
                let entries = Bencode.list([.dictionary(entry.merging(["length": 1_000]) { $1 })])
                let torrent = try TestTorrent(files: [("ab", noise(1_000))], info: ["files": entries])
                #expect(await self.code { try await engine.add(torrent.spec(at: temporary.url)) } == code)
            }
        }
    }

    /// The entry with a name that libtorrent takes as it is.
    private static func harmless(_ entry: [String: Bencode]) -> [String: Bencode] {
        let key = entry.keys.contains("path.utf-8") ? "path.utf-8" : "path"
        return entry.merging([key: .list(["d", "ab"])]) { $1 }
    }

    @Test func `a name that libtorrent dislikes can be given back`() async throws {
        let torrent = try TestTorrent(files: [("dev\\x2ddisk", noise(40_000)), ("b", noise(10))])
        #expect(try TorrentEngine.inspect(torrent: torrent.bytes).paths == ["tree/devx2ddisk", "tree/b"])
        let engine = try TorrentEngine.local()
        try await withEngines(engine) {
            var spec = torrent.spec(at: temporary.url)
            spec.renamed = [0: "tree/dev\\x2ddisk", 1: "tree/b"]
            try await engine.add(spec)
            for index in 0..<torrent.pieceCount {
                try await engine.addPiece(torrent.infoHash, PieceIndex(index), torrent.piece(index))
            }
            try await engine.finished()
            await engine.flush(torrent.infoHash)
            #expect(torrent.differences(under: temporary.url) == [])
        }
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
