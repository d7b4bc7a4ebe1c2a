import Foundation
import SwarmTestSupport
import Testing

/// Ordinary BitTorrent clients take part in a published set: its plain `.torrent` is theirs too.
@Suite("Foreign clients", .serialized)
struct ForeignClientTests {
    /// A published set of one torrent, with a tracker, a master and the `.torrent` as a client gets it.
    struct Rig {
        let directory: TemporaryDirectory
        let board: AnnounceBoard
        let tree: PublishedTree
        let master: LoggedProcess
        let torrent: String

        init() async throws {
            directory = try TemporaryDirectory("foreign")
            board = try AnnounceBoard()
            tree = try await PublishedTree(
                in: directory.path, tracker: board.url, fill: { try PublishedTree.sample($0) })
            let url: String
            (master, url, _) = try await tree.serve()
            let name = try #require(
                try FileManager.default.contentsOfDirectory(atPath: "\(tree.store)/.swarm/torrents")
                    .first { $0.hasSuffix(".torrent") || $0.hasSuffix(".torrent.zst") })
            let hash = name.prefix { $0 != "." }
            torrent = directory["set.torrent"]
            let curl = try LoggedProcess(
                "curl", ["-sSf", "-o", torrent, "\(url)/.swarm/demo/torrents/\(hash).torrent"])
            #expect(await curl.exit() == 0)
        }

        func end() async {
            await master.stop()
            board.stop()
        }
    }

    /// Something that a client's command rings once.
    struct Bell {
        private let server: SmallHTTPServer
        private let rings: AsyncStream<Void>
        private let ring: AsyncStream<Void>.Continuation
        /// The command that rings.
        var command: String { "curl -s \(server.url)/finished" }

        init() throws {
            let (rings, ring) = AsyncStream<Void>.makeStream()
            self.rings = rings
            self.ring = ring
            server = try SmallHTTPServer { _ in
                ring.yield()
                return .ok([])
            }
        }

        /// Whether it rings in time.
        func waitForRing() async -> Bool {
            let timer = Task { [ring] in
                try await Task.sleep(for: .seconds(150))
                ring.finish()
            }
            defer {
                timer.cancel()
                server.stop()
            }
            return await rings.first { _ in true } != nil
        }
    }

    /// A port that nobody listens at.
    static func freePort() throws -> UInt16 {
        let server = try SmallHTTPServer { _ in .missing }
        defer { server.stop() }
        return server.port
    }

    @Test("aria2 fetches byte for byte, then seeds to a node while no master seeds")
    func aria2() async throws {
        let rig = try await Rig()
        let port = try Self.freePort()
        let bell = try Bell()
        let hook = rig.directory["hook"]
        try "#!/bin/sh\nexec \(bell.command)\n".write(toFile: hook, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: hook)
        let client = try LoggedProcess(
            "aria2c",
            [
                "--no-conf", "--enable-dht=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false",
                "--seed-ratio=0.0", "--listen-port=\(port)", "--file-allocation=none", "--summary-interval=0",
                "--on-bt-download-complete=\(hook)", "-d", rig.directory["aria2"], rig.torrent,
            ])
        #expect(await bell.waitForRing(), "\(client.log.suffix(20))")
        try await rig.tree.awaitContent(rig.directory["aria2/demo"])

        await rig.master.stop()
        let documents = try rig.tree.serveDocuments()
        defer { documents.stop() }
        let root = rig.directory["root"]
        let output = try await LoggedProcess.run(
            own: "swarm-node", rig.tree.sync(root, from: documents.url, "--json"))
        #expect(try TreeState("\(root)/current").nodes == TreeState(rig.tree.source.root).nodes)
        let status = try #require(output.split(separator: "\n").last { $0.hasPrefix("{") })
        let snapshot = try #require(
            try JSONDecoder().decode(Status.self, from: Data(status.utf8)).sets.first?.snapshots.last)
        #expect(snapshot.bytesFromMaster == 0)
        #expect(snapshot.bytesFromHTTP == 0)
        #expect(snapshot.bytesFromPeers >= snapshot.bytesWanted)
        #expect(snapshot.bytesWanted == snapshot.bytesTotal)
        await client.stop()
        rig.board.stop()
    }

    private struct Status: Decodable {
        struct Set: Decodable { let snapshots: [Snapshot] }
        struct Snapshot: Decodable {
            let bytesTotal, bytesWanted, bytesFromMaster, bytesFromPeers, bytesFromHTTP: Int64
        }
        let sets: [Set]
    }

    @Test("transmission fetches byte for byte")
    func transmission() async throws {
        let rig = try await Rig()
        let client = try LoggedProcess(
            "transmission-cli",
            [
                "-g", rig.directory["configuration"], "-w", try rig.directory.directory("transmission"), "-et", "-p",
                "\(try Self.freePort())", "-f", "/bin/true", rig.torrent,
            ])
        try await client.line(with: "Calling script", within: .seconds(150))
        try await rig.tree.awaitContent(rig.directory["transmission/demo"])
        await client.stop()
        await rig.end()
    }

    @Test("qBittorrent fetches byte for byte")
    func qBittorrent() async throws {
        let rig = try await Rig()
        let bell = try Bell()
        let settings = """
            [LegalNotice]
            Accepted=true
            [AutoRun]
            enabled=true
            program=\(bell.command)
            [Preferences]
            WebUI\\Address=127.0.0.1
            WebUI\\Port=\(try Self.freePort())
            [BitTorrent]
            Session\\DHTEnabled=false
            Session\\LSDEnabled=false
            Session\\PeXEnabled=false
            Session\\Port=\(try Self.freePort())
            Session\\DefaultSavePath=\(rig.directory["qbittorrent"])

            """
        let profile = try rig.directory.directory("profile/qBittorrent/config")
        try settings.write(toFile: "\(profile)/qBittorrent.conf", atomically: true, encoding: .utf8)
        let client = try LoggedProcess("qbittorrent-nox", ["--profile=\(rig.directory["profile"])", rig.torrent])
        #expect(await bell.waitForRing(), "\(client.log.suffix(20))")
        try await rig.tree.awaitContent(rig.directory["qbittorrent/demo"])
        await client.stop()
        await rig.end()
    }
}
