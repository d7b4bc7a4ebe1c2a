import ArgumentParser
import ConfigurationFile
import FileTree
import Foundation
import SwarmCore
import TrackerServer

/// The command of whoever coordinates a mirror network.
@main
struct SwarmTracker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swarm-tracker",
        abstract: "Bring the nodes of a mirror network together, and know how far they are.",
        version: Version.current,
        subcommands: [
            RunCommand.self, NodeCommand.self, ReportCommand.self, EmbargoCommand.self, PopularCommand.self,
            SimulateCommand.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot(nil)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let error as ExitCode {
            exit(withError: error)
        } catch {
            switch error {
            case let error as ConfigurationError: fail("\(error)", 78)
            case let error as TrackerError: fail(error.message, 1)
            case let error as FileError: fail("\(error)", 1)
            default: exit(withError: error)
            }
        }
    }

    private static func fail(_ message: String, _ code: Int32) -> Never {
        FileHandle.standardError.write(Data("swarm-tracker: \(message)\n".utf8))
        Foundation.exit(code)
    }
}

/// Reads a configuration.
func readConfiguration(_ path: String) throws -> TrackerConfiguration {
    guard let text = try FileSystem.contents(path) else { throw FileError("read", path, errno: ENOENT) }
    return try TrackerConfiguration(text: String(decoding: text, as: UTF8.self), file: path)
}
