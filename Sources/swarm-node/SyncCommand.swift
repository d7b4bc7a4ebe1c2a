import ArgumentParser
import FileTree
import Foundation
import Glibc
import Logging
import Metainfo
import Mirroring
import SwarmCore
import UnixSignals

/// One synchronisation without a configuration.
struct SyncCommand: AsyncParsableCommand {
    /// When a synchronisation is over.
    enum Until: String, ExpressibleByArgument, CaseIterable {
        case ready, active
    }

    static let configuration = CommandConfiguration(
        commandName: "sync",
        abstract: "Bring a directory to the newest snapshot, once.",
        discussion: """
            An upstream that does not answer is asked again for a minute at most. No room on the disk, and documents that \
            are not what was signed, end the command at once. What was fetched is kept for the next time.

            Exit codes: 0 done, 1 failed, 2 not yet (embargo held, or the time ran out), 64 usage.
            """)

    @Option(help: "The directory of the mirror; its link `current` leads to the files.")
    var root: String
    @Option(help: "Base URL of the master, or of another node. May be given several times.")
    var upstream: [String]
    @Option(help: "The master's public key, as swarm-publish key prints it.")
    var key: String
    @Option(help: "The set; without it, the one that the key names.")
    var set: String?
    @Option(help: "When to end: the snapshot is complete (ready) or current (active).")
    var until: Until = .active
    @Option(help: "Give up after this time: 90s, 15m, 2h.")
    var timeout: String?
    @Option(help: "Where to listen for peers, HOST:PORT; port 0 is chosen by the system.")
    var peerListen: [String] = []
    @Option(help: "A further peer, HOST:PORT.")
    var peer: [String] = []
    @Option(help: "Mirror only what matches this glob. May be given several times.")
    var include: [String] = []
    @Option(help: "Leave out what matches this glob. May be given several times.")
    var exclude: [String] = []
    @Option(help: "Ask for HTTP ranges when peers deliver nothing for this time.")
    var httpAfter: String = "30s"
    @Flag(help: "Print the state as JSON at the end.")
    var json = false
    @Option(
        help: ArgumentHelp("Write the real addresses as JSON to this file once they are known.", visibility: .hidden))
    var readyFile: String?

    mutating func run() async throws {
        var member = NodeConfiguration.MirroredSet(
            name: try set.map { text in
                guard let name = SwarmCore.SetName(text) else {
                    throw ValidationError("--set: \(SwarmCore.SetName.rule)")
                }
                return name
            },
            root: absolute(root), upstreams: try upstream.map { try base($0) }, keys: [try verifyingKey()])
        member.filter = PathFilter(include: include, exclude: exclude)
        do { _ = try member.filter.compiled() } catch { throw ValidationError("\(error)") }
        member.peers = try peer.map { try endpoint($0, "--peer") }
        guard let after = Quantities.duration(httpAfter) else {
            throw ValidationError("--http-after: \(Quantities.durationRule)")
        }
        member.httpAfter = after
        var configuration = NodeConfiguration(sets: [member])
        configuration.peerListen =
            try peerListen.isEmpty
            ? [Endpoint(host: "0.0.0.0", port: 0)] : peerListen.map { try endpoint($0, "--peer-listen") }
        let limit = try timeout.map { text in
            guard let limit = Quantities.duration(text) else {
                throw ValidationError("--timeout: \(Quantities.durationRule)")
            }
            return limit
        }

        let logger = makeLogger(level: isatty(2) == 1 ? "warning" : "info")
        let daemon = try NodeDaemon(configuration, logger: logger, readyFile: readyFile)
        try await daemon.listen()
        let outcome = try await synchronize(daemon, limit: limit)
        let status = await daemon.node.status()
        if json { print(String(decoding: try Documents.encode(status), as: UTF8.self), terminator: "") }
        if let message = outcome.message(status) { printError(message) }
        if outcome.code != 0 { throw ExitCode(outcome.code) }
    }

    private func verifyingKey() throws -> VerifyingKey {
        do { return try VerifyingKey(key) } catch { throw ValidationError("--key: \(error)") }
    }

    private func base(_ text: String) throws -> String {
        guard text.hasPrefix("http://") || text.hasPrefix("https://") else {
            throw ValidationError("--upstream: “\(text)” is no http:// or https:// URL")
        }
        var text = text
        while text.hasSuffix("/") { text.removeLast() }
        return text
    }

    /// How a synchronisation ended.
    enum Outcome: Sendable {
        case done, timedOut, interrupted
        case failed(String)

        var code: Int32 {
            switch self {
            case .done: 0
            case .timedOut: 2
            case .interrupted, .failed: 1
            }
        }

        func message(_ status: NodeStatus) -> String? {
            switch self {
            case .done: return nil
            case .failed(let reason): return reason
            case .interrupted: return "interrupted; what was fetched is kept for the next time"
            case .timedOut:
                let set = status.sets.first
                let reason =
                    set?.snapshots.compactMap(\.error).last ?? set?.error
                    ?? (set?.snapshots.last.map {
                        $0.hold ? "the newest snapshot is held" : "it is \($0.state.rawValue)"
                    } ?? "no snapshot was found")
                return "not yet: \(reason)"
            }
        }
    }

    private func synchronize(_ daemon: NodeDaemon, limit: Duration?) async throws -> Outcome {
        let until = until
        let progress = SyncProgress()
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        return try await withThrowingTaskGroup(of: Outcome.self) { group in
            group.addTask {
                try await daemon.run()
                return .interrupted
            }
            group.addTask {
                for await _ in daemon.node.members[0].mirror.changes {
                    let status = await daemon.node.members[0].mirror.status()
                    progress.show(status)
                    if Self.isDone(status, until) { return .done }
                    if let reason = await daemon.node.members[0].mirror.reasonToGiveUp { return .failed(reason) }
                }
                return .interrupted
            }
            group.addTask {
                for await _ in signals { break }
                return .interrupted
            }
            if let limit {
                group.addTask {
                    try await Task.sleep(for: limit)
                    return .timedOut
                }
            }
            let outcome = try await group.next() ?? .interrupted
            group.cancelAll()
            // The daemon stops in order before the state is shown; that it was cancelled is no failure.
            while let result = await group.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
            progress.end()
            return outcome
        }
    }

    /// Whether the newest snapshot of the feed that was accepted in this run is as far as was asked for.
    private static func isDone(_ status: NodeStatus.SetStatus, _ until: Until) -> Bool {
        guard let newest = status.newest, let snapshot = status.snapshots.first(where: { $0.uuid == newest }) else {
            return false
        }
        switch snapshot.state {
        case .active: return true
        case .ready: return until == .ready
        case .fetching, .retained: return false
        }
    }

    private func endpoint(_ text: String, _ option: String) throws -> Endpoint {
        guard let endpoint = Endpoint(text) else { throw ValidationError("\(option): “\(text)” is not HOST:PORT") }
        return endpoint
    }
}

/// A path from the root of the file system.
func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.path
}
