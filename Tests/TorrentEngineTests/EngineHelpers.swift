import Foundation
import SwarmCore
import Testing
import TorrentEngine

/// A directory that goes away with its owner.
final class TemporaryDirectory: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("engine-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func directory(_ name: String) throws -> URL {
        let result = url.appendingPathComponent(name)
        try FileManager.default.createDirectory(at: result, withIntermediateDirectories: true)
        return result
    }
}

struct EventsEnded: Error {}

extension TorrentEngine {
    /// An engine on one loopback address, with a port of the system's choice.
    static func local(_ role: EngineSettings.Role = .node, _ host: String = "127.0.0.1") throws -> TorrentEngine {
        try TorrentEngine(settings: EngineSettings(role: role, listen: [Endpoint(host: host, port: 0)]))
    }

    /// Where the engine listens.
    func endpoint() async throws -> Endpoint { try #require(await listenEndpoints().first) }

    /// Consumes events up to and including the first that `matches`, and returns them.
    @discardableResult
    nonisolated func eventsUntil(_ matches: (EngineEvent) -> Bool) async throws -> [EngineEvent] {
        var seen: [EngineEvent] = []
        for await event in events {
            seen.append(event)
            if matches(event) { return seen }
        }
        throw EventsEnded()
    }

    /// Consumes events until the next `finished`, and returns them.
    @discardableResult
    nonisolated func finished() async throws -> [EngineEvent] {
        try await eventsUntil { if case .finished = $0 { true } else { false } }
    }
}

extension [EngineEvent] {
    /// The pieces reported, in order.
    var pieces: [Int] {
        flatMap { event -> [Int] in
            guard case .pieces(_, let pieces) = event else { return [] }
            return pieces.map(\.rawValue)
        }
    }
}

/// Runs `body` and stops the engines whatever happens.
func withEngines(_ engines: TorrentEngine..., body: () async throws -> Void) async throws {
    let outcome: Result<Void, any Error>
    do { outcome = .success(try await body()) } catch { outcome = .failure(error) }
    for engine in engines { await engine.stop() }
    try outcome.get()
}
