import ArgumentParser
import FileTree
import Foundation
import Logging
import Mirroring
import SwarmCore
import UnixSignals

/// The daemon.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Mirror the sets of a configuration until SIGTERM or SIGINT; SIGHUP reads it again.")

    @Option(help: "The configuration, in TOML.")
    var config: String
    @Option(
        help: ArgumentHelp("Write the real addresses as JSON to this file once they are known.", visibility: .hidden))
    var readyFile: String?

    mutating func run() async throws {
        let path = config
        var configuration = try readConfiguration(path)
        let logger = makeLogger(level: configuration.logLevel)
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        var daemon = try await start(configuration, logger)
        for await signal in signals {
            guard signal == .sighup else { break }
            let wanted: NodeConfiguration
            do { wanted = try readConfiguration(path) } catch {
                logger.error("the configuration stays as it was: \(error)")
                continue
            }
            try await daemon.stop()
            do {
                daemon = try await start(wanted, logger)
                configuration = wanted
                logger.notice("configuration read again")
            } catch {
                logger.error("the configuration stays as it was: \(error)")
                daemon = try await start(configuration, logger)
            }
        }
        try await daemon.stop()
    }

    /// A daemon at work, which ends this process when it fails by itself later.
    private func start(_ configuration: NodeConfiguration, _ logger: Logger) async throws -> RunningDaemon {
        var logger = logger
        logger.logLevel = Logger.Level(rawValue: configuration.logLevel) ?? .info
        let daemon = try NodeDaemon(configuration, logger: logger, readyFile: readyFile)
        try await daemon.listen()
        return RunningDaemon(
            Task {
                do { try await daemon.run() } catch is CancellationError {} catch {
                    printError("\(error)")
                    Foundation.exit(1)
                }
            })
    }
}

/// A daemon that can be stopped.
private struct RunningDaemon {
    private let task: Task<Void, any Error>

    init(_ task: Task<Void, any Error>) { self.task = task }

    /// Stops it in order.
    func stop() async throws {
        task.cancel()
        try await task.value
    }
}

/// Reads a configuration.
func readConfiguration(_ path: String) throws -> NodeConfiguration {
    guard let text = try FileSystem.contents(path) else { throw FileError("read", path, errno: ENOENT) }
    return try NodeConfiguration(text: String(decoding: text, as: UTF8.self), file: path)
}
