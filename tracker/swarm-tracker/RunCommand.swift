import ArgumentParser
import FileTree
import Foundation
import Logging
import SwarmCore
import TrackerServer
import UnixSignals

/// The daemon.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Serve announces, reports and pages until SIGTERM or SIGINT.")

    @Option(help: "The configuration, in TOML.")
    var config: String
    @Option(
        help: ArgumentHelp("Write the real addresses as JSON to this file once they are known.", visibility: .hidden))
    var readyFile: String?

    mutating func run() async throws {
        let configuration = try readConfiguration(config)
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        var logger = Logger(label: "swarm-tracker")
        logger.logLevel = Logger.Level(rawValue: configuration.logLevel) ?? .info
        let service = try TrackerService(configuration, logger: logger)
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let readyFile = readyFile
        try await withThrowingTaskGroup(of: Void.self) { [logger] group in
            group.addTask {
                try await service.run { endpoints in
                    for endpoint in endpoints { logger.info("listening at http://\(endpoint) and udp://\(endpoint)") }
                    guard let readyFile else { return }
                    let ready = ["http": endpoints.map(\.description), "peers": []]
                    try FileSystem.writeAtomically(try Documents.encode(ready), to: readyFile)
                }
            }
            group.addTask { for await _ in signals { return } }
            try await group.next()
            group.cancelAll()
            try await group.waitForAll()
        }
    }
}
