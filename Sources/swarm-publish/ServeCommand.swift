import ArgumentParser
import ContentServer
import FileTree
import Foundation
import Logging
import Publishing
import ServiceLifecycle
import SwarmCore
import TorrentEngine
import UnixSignals

/// The master's daemon.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Seeds and serves all live snapshots, until it is stopped.",
        discussion: "Notices new snapshots at once, and activates each when its time has come.")

    @OptionGroup var options: StoreOptions

    @Option(help: ArgumentHelp("Where to listen for HTTP.", valueName: "host:port"))
    var listen = Endpoint(host: "0.0.0.0", port: 8080)

    @Option(
        help: ArgumentHelp(
            "Where to listen for peers; may be given several times. (default: 0.0.0.0:6881)", valueName: "host:port"))
    var peerListen: [Endpoint] = []

    @Option(help: ArgumentHelp("Bytes per second to peers, such as 10MB.", valueName: "rate"))
    var uploadLimit: ByteRate?

    @Option(help: ArgumentHelp("A file to write the addresses to once everything is served.", valueName: "path"))
    var readyFile: String?

    func run() async throws {
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        let logger = Logger(label: "swarm-publish")
        let store = try options.open()
        let lock = try FileLock.acquire("\(store.layout.swarm)/serve.lock", owner: "swarm-publish serve")
        defer { withExtendedLifetime(lock) {} }
        if let readyFile { try FileSystem.remove(readyFile) }

        let wanted = peerListen.isEmpty ? [Endpoint(host: "0.0.0.0", port: 6881)] : peerListen
        let engine = try TorrentEngine(
            settings: EngineSettings(role: .master, listen: wanted, uploadLimit: uploadLimit?.bytes ?? 0))
        do {
            try await serve(store, engine, wanted, logger)
        } catch {
            await engine.stop()
            throw error
        }
    }

    private func serve(_ store: SnapshotStore, _ engine: TorrentEngine, _ wanted: [Endpoint], _ logger: Logger)
        async throws
    {
        let seeder = Seeder(store: store, engine: engine, logger: logger)
        let peers = await engine.listenEndpoints()
        guard !peers.isEmpty else {
            throw PublishingError(
                .store,
                "cannot listen for peers at \(wanted.map(\.description).joined(separator: ", ")): "
                    + "free the port, or choose another with --peer-listen")
        }
        let keeper = try FeedKeeper(
            store: store, seeder: seeder, peers: PeerAddresses.advertised(wanted: wanted, listening: peers),
            logger: logger)
        // The feed is there before the first request is.
        try await keeper.refresh()
        let server = ContentServer(
            sites: [
                Site(
                    layout: store.layout, feed: keeper.box, retained: { [opened = keeper.opened] in opened.list },
                    pendingSeeds: seeder.pending)
            ],
            configuration: ContentServerConfiguration(listeners: [
                .tcp(listen), .unix(path: store.layout.socket),
            ]),
            status: { await seeder.status() }, logger: logger)
        let addresses = try await server.start()
        for address in addresses { logger.info("serving http://\(address)") }
        for peer in peers { logger.info("peers \(peer)") }
        if let readyFile { try Self.write(Ready(http: addresses, peers: peers), to: readyFile) }

        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [.init(service: seeder), .init(service: keeper), .init(service: server)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }

    /// What `--ready-file` holds.
    private struct Ready: Encodable {
        let http: [Endpoint]
        let peers: [Endpoint]
    }

    private static func write(_ ready: Ready, to path: String) throws {
        try FileSystem.writeAtomically(try Documents.encode(ready), to: absolutePath(path))
    }
}

/// Which addresses of the seed the feed tells nodes.
enum PeerAddresses {
    /// The wanted addresses with the ports that are listened at. An unspecified host becomes empty: nodes put the host
    /// there that they have the feed from.
    static func advertised(wanted: [Endpoint], listening: [Endpoint]) -> [Endpoint] {
        var result: [Endpoint] = []
        func add(_ endpoint: Endpoint) { if !result.contains(endpoint) { result.append(endpoint) } }
        for endpoint in wanted {
            if endpoint.isUnspecified {
                let ports = endpoint.port == 0 ? listening.map(\.port) : [endpoint.port]
                for port in ports { add(Endpoint(host: "", port: port)) }
            } else if endpoint.port != 0 {
                add(endpoint)
            } else {
                for actual in listening where actual.host == endpoint.host { add(actual) }
            }
        }
        return result
    }
}
