import ContentServer
import FileTree
import Foundation
import Logging
import Metainfo
import Mirroring
import SwarmCore
import Synchronization

/// A node with its HTTP front end: for readers and other nodes where it is configured, and for `status` on a Unix socket
/// in each root.
final class NodeDaemon: Sendable {
    let node: MirrorNode
    private let server: ContentServer
    private let logger: Logger
    private let readyFile: String?
    private let endpoints = Mutex<[Endpoint]>([])

    init(_ configuration: NodeConfiguration, logger: Logger, readyFile: String?) throws {
        let feeds = FeedTable()
        let counters = ReadTable()
        // Only a tracker wants to know, and only what is served over TCP is read by readers.
        let counts = configuration.reporting != nil && !configuration.httpListen.isEmpty
        let node = try MirrorNode(
            configuration: configuration, logger: logger,
            onFeed: { feeds[$0].publish(version: $1, bytes: $2.feed, documents: $2.documents) },
            reads: { counts ? counters[$0].counts(limit: 100, bytes: $1) : nil })
        self.node = node
        self.logger = logger
        self.readyFile = readyFile
        let sites = node.members.map { member in
            Site(
                layout: member.layout, feed: feeds[member.layout.set], retained: member.readable.snapshots,
                reads: counts ? counters[member.layout.set] : nil)
        }
        server = ContentServer(
            sites: sites,
            configuration: ContentServerConfiguration(
                listeners: configuration.httpListen.map { .tcp($0) }
                    + node.members.map { .unix(path: $0.layout.socket) }),
            status: {
                do { return try Documents.encode(await node.status()) } catch { return Array("{}".utf8) }
            },
            logger: logger)
    }

    /// Begins to listen for HTTP; `run` follows. What was opened is closed again when an address cannot be had.
    func listen() async throws {
        do {
            let started = try await server.start()
            endpoints.withLock { $0 = started }
        } catch {
            await node.close()
            throw error
        }
    }

    /// Mirrors and serves until it is cancelled; the node stops first, then the server.
    func run() async throws {
        let endpoints = endpoints.withLock { $0 }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await self.node.run() }
                group.addTask { try await self.announce(http: endpoints) }
                try await group.waitForAll()
            }
        } catch {
            await server.shutdown()
            throw error
        }
        await server.shutdown()
    }

    private func announce(http: [Endpoint]) async throws {
        for endpoint in http { logger.info("serving http://\(endpoint)") }
        guard let readyFile else { return }
        let peers = await node.peerEndpoints()
        let ready = ["http": http.map(\.description), "peers": peers.map(\.description)]
        try FileSystem.writeAtomically(try Documents.encode(ready), to: readyFile)
    }
}

/// The feeds that this node offers to others.
final class FeedTable: Sendable {
    private let boxes = Mutex<[SwarmCore.SetName: FeedBox]>([:])

    subscript(set: SwarmCore.SetName) -> FeedBox {
        boxes.withLock { boxes in
            if let box = boxes[set] { return box }
            let box = FeedBox()
            boxes[set] = box
            return box
        }
    }
}

/// What the readers of each set read.
final class ReadTable: Sendable {
    private let counters = Mutex<[SwarmCore.SetName: ReadCounter]>([:])

    subscript(set: SwarmCore.SetName) -> ReadCounter {
        counters.withLock { counters in
            if let counter = counters[set] { return counter }
            let counter = ReadCounter()
            counters[set] = counter
            return counter
        }
    }
}

/// A logger that writes to the standard error, whose lines a journal keeps.
func makeLogger(level: String) -> Logger {
    LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
    var logger = Logger(label: "swarm-node")
    logger.logLevel = Logger.Level(rawValue: level) ?? .info
    return logger
}
