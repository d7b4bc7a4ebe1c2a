import ArgumentParser
import ConfigurationFile
import FileTree
import Foundation
import Mirroring
import SwarmCore

/// The command of a mirror.
@main
struct SwarmNode: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swarm-node",
        abstract: "Mirror sets that a master publishes with swarm-publish.",
        version: Version.current,
        subcommands: [RunCommand.self, SyncCommand.self, StatusCommand.self, CheckConfigCommand.self])

    static func main() async {
        Allocator.boundWhatIsKept()
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
            case let error as MirrorError: fail(error.message, 1)
            case let error as FileError: fail("\(error)", 1)
            case let error as FileLock.Held: fail("\(error)", 1)
            default: exit(withError: error)
            }
        }
    }

    private static func fail(_ message: String, _ code: Int32) -> Never {
        printError(message)
        Foundation.exit(code)
    }
}

/// A message on the standard error, after the command's name.
func printError(_ message: String) {
    writeToStandardError("swarm-node: \(message)\n")
}

/// Text on the standard error, as it is.
func writeToStandardError(_ text: String) {
    FileHandle.standardError.write(Data(text.utf8))
}
