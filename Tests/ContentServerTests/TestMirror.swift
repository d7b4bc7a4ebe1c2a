import Foundation
import SwarmCore
import SwarmTestSupport
import Synchronization

@testable import ContentServer

/// A node's root in a temporary directory, with snapshots that tests write and switch.
final class TestMirror: Sendable {
    let directory: String
    let layout: RootLayout
    let feed: FeedBox
    let reads: ReadCounter?
    let pendingSeeds: PendingSeeds?
    /// Seconds that the server's clock is ahead of the system's.
    private let clockOffset = Mutex<Int64>(0)
    private let retained = Mutex<[SnapshotID]>([])

    init(
        set: String = "debian", feed: FeedBox = FeedBox(), reads: ReadCounter? = nil, pendingSeeds: PendingSeeds? = nil
    ) throws {
        directory = NSTemporaryDirectory() + "content-server-" + UUID().uuidString
        layout = RootLayout(root: directory + "/root", set: try unwrap(SetName(set)))
        self.feed = feed
        self.reads = reads
        self.pendingSeeds = pendingSeeds
        for path in [layout.trees, layout.swarm, layout.manifests, layout.torrents, layout.deltas] {
            try Self.makeDirectory(path)
        }
        try Self.makeDirectory(layout.masterTags)
        try Self.makeDirectory(layout.localTags)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    var site: Site {
        Site(
            layout: layout, feed: feed, retained: { [self] in retained.withLock { $0 } }, reads: reads,
            pendingSeeds: pendingSeeds)
    }

    /// The UUID with this number.
    static func id(_ number: Int) throws -> SnapshotID {
        try unwrap(SnapshotID("00000000-0000-4000-8000-" + String(repeating: "0", count: 11) + "\(number)"))
    }

    /// Writes the tree of a snapshot; the paths are relative to its top.
    @discardableResult
    func addSnapshot(_ number: Int, files: [String: String], isPrivate: Bool = false) throws -> SnapshotID {
        let id = try Self.id(number)
        let top = layout.files(of: id)
        try Self.makeDirectory(top)
        for (path, content) in files { try Self.write(content, to: "\(top)/\(path)") }
        chmod(layout.tree(id), isPrivate ? 0o700 : 0o755)
        return id
    }

    /// Makes a snapshot current as a node does: one rename of a link.
    func activate(_ id: SnapshotID) throws {
        symlink(layout.currentTarget(id), layout.current + ".new")
        rename(layout.current + ".new", layout.current)
        retained.withLock { $0 = [id] + $0.filter { $0 != id } }
    }

    func forget(_ id: SnapshotID) { retained.withLock { $0.removeAll { $0 == id } } }

    func setClock(ahead seconds: Int64) { clockOffset.withLock { $0 = seconds } }

    static func makeDirectory(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    }

    static func write(_ content: String, to path: String) throws {
        try makeDirectory(String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)]))
        try Data(content.utf8).write(to: URL(fileURLWithPath: path))
    }

    /// Serves this root on a free port while `body` runs.
    func serve<Value: Sendable>(
        listeners: [ContentServerConfiguration.Listener] = [], idleTimeout: Duration = .seconds(60),
        maxConnections: Int = 10_000, _ body: (ContentServer, Endpoint) async throws -> Value
    ) async throws -> Value {
        var configuration = ContentServerConfiguration(
            listeners: [.tcp(Endpoint(host: "127.0.0.1", port: 0))] + listeners, idleTimeout: idleTimeout,
            shutdownTimeout: .seconds(50))
        configuration.maxConnections = maxConnections
        configuration.fileThreads = 4
        let server = ContentServer(
            sites: [site], configuration: configuration, status: { Array(#"{"ready":true}"#.utf8) },
            metrics: { "swarm_up 1\n" },
            now: { [self] in SystemClock.now() + clockOffset.withLock { $0 } })
        let endpoints = try await server.start()
        do {
            let value = try await body(server, try unwrap(endpoints.first))
            await server.shutdown()
            return value
        } catch {
            await server.shutdown()
            throw error
        }
    }
}

/// The value, or a failure of the test.
func unwrap<Value>(_ value: Value?) throws -> Value {
    guard let value else { throw ClientFailure(what: "a value is missing") }
    return value
}
