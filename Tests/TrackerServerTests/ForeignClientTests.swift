import Foundation
import FoundationNetworking
import SwarmCore
import SwarmTestSupport
import Testing

/// Ordinary clients find the master by this tracker alone: the `.torrent` names nobody else.
@Suite("Foreign clients at the tracker", .serialized)
struct ForeignClientTests {
    /// A tracker, a master that announces to it, and the `.torrent`.
    private struct Rig {
        let tracker: ProgramTests.RunningTracker
        let tree: PublishedTree
        let master: LoggedProcess
        let torrent: String
        let bench: TestBench

        init(_ bench: TestBench, scheme: String) async throws {
            self.bench = bench
            tracker = try await ProgramTests.RunningTracker(
                bench, "open = true\ninterval = \"30s\"\nmin-interval = \"1s\"")
            tree = try await PublishedTree(
                in: bench.directory, tracker: "\(scheme)://127.0.0.1:\(tracker.port)/announce",
                fill: { try PublishedTree.sample($0) })
            let url: String
            (master, url, _) = try await tree.serve()
            let name = try #require(
                try FileManager.default.contentsOfDirectory(atPath: "\(tree.store)/.swarm/torrents")
                    .first { $0.hasSuffix(".torrent") || $0.hasSuffix(".torrent.zst") })
            torrent = bench["set.torrent"]
            let hash = name.prefix { $0 != "." }
            try await Self.download("\(url)/.swarm/demo/torrents/\(hash).torrent", to: torrent)
            // A client that comes before the master hears of nobody, and asks again only after the interval.
            let metrics = "\(tracker.url)/metrics"
            _ = try await eventually("the master's announce") {
                try await Self.get(metrics).contains("swarm_tracker_peers 1\n") ? true : nil
            }
        }

        static func get(_ url: String) async throws -> String {
            let (data, _) = try await URLSession.shared.data(from: try #require(URL(string: url)))
            return String(decoding: data, as: UTF8.self)
        }

        private static func download(_ url: String, to path: String) async throws {
            let (data, _) = try await URLSession.shared.data(from: try #require(URL(string: url)))
            try data.write(to: URL(fileURLWithPath: path))
        }

        /// Waits until so many peers have announced that they are complete, the master among them.
        func awaitSeeds(_ count: Int) async throws {
            _ = try await eventually("\(count) complete peers", within: .seconds(180)) {
                let scrape = try await Self.get("\(tracker.url)/scrape?info_hash=\(infoHash())")
                return scrape.contains("8:completei\(count)e") ? true : nil
            }
        }

        /// The info-hash in percent-encoding.
        func infoHash() throws -> String {
            let names = try FileManager.default.contentsOfDirectory(atPath: "\(tree.store)/.swarm/torrents")
            let hex = Array(try #require(names.first).prefix { $0 != "." })
            return stride(from: 0, to: hex.count, by: 2).map { "%\(hex[$0])\(hex[$0 + 1])" }.joined()
        }

        func awaitContent(_ place: String) async throws { try await tree.awaitContent(bench[place]) }
    }

    /// By HTTP alone: aria2 asks trackers by UDP only where it may use the DHT.
    @Test func aria2() async throws {
        try await TestBench.run { bench in
            let rig = try await Rig(bench, scheme: "http")
            let client = try LoggedProcess(
                "aria2c",
                [
                    "--no-conf", "--enable-dht=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false",
                    "--seed-ratio=0.0", "--listen-port=\(try freePort())", "--file-allocation=none",
                    "--summary-interval=0", "-d", bench["aria2"], rig.torrent,
                ])
            try await rig.awaitSeeds(2)
            try await rig.awaitContent("aria2/demo")
            await client.stop()
            await rig.master.stop()
        }
    }

    /// Transmission dials nobody at 127.0.0.1, so it waits until the master announces again, hears of it, and dials.
    @Test func transmission() async throws {
        try await TestBench.run { bench in
            let rig = try await Rig(bench, scheme: "udp")
            try FileManager.default.createDirectory(atPath: bench["transmission"], withIntermediateDirectories: true)
            let client = try LoggedProcess(
                "transmission-cli",
                [
                    "-g", bench["configuration"], "-w", bench["transmission"], "-et", "-p", "\(try freePort())",
                    rig.torrent,
                ])
            try await rig.awaitSeeds(2)
            try await rig.awaitContent("transmission/demo")
            await client.stop()
            await rig.master.stop()
        }
    }

    /// A libtorrent session.
    @Test(arguments: ["http", "udp"])
    func qBittorrent(scheme: String) async throws {
        try await TestBench.run { bench in
            let rig = try await Rig(bench, scheme: scheme)
            let settings = """
                [LegalNotice]
                Accepted=true
                [Preferences]
                WebUI\\Address=127.0.0.1
                WebUI\\Port=\(try freePort())
                [BitTorrent]
                Session\\DHTEnabled=false
                Session\\LSDEnabled=false
                Session\\PeXEnabled=false
                Session\\Port=\(try freePort())
                Session\\DefaultSavePath=\(bench["qbittorrent"])

                """
            let profile = bench["profile/qBittorrent/config"]
            try FileManager.default.createDirectory(atPath: profile, withIntermediateDirectories: true)
            try settings.write(toFile: "\(profile)/qBittorrent.conf", atomically: true, encoding: .utf8)
            let client = try LoggedProcess("qbittorrent-nox", ["--profile=\(bench["profile"])", rig.torrent])
            try await rig.awaitSeeds(2)
            try await rig.awaitContent("qbittorrent/demo")
            await client.stop()
            await rig.master.stop()
        }
    }

    /// A port that nobody listens at.
    private func freePort() throws -> UInt16 {
        let server = try SmallHTTPServer { _ in .missing }
        defer { server.stop() }
        return server.port
    }
}
