import ArgumentParser
import FileTree
import Foundation
import Glibc
import Publishing
import SwarmCore

/// The command of a mirror network's master.
@main
struct SwarmPublish: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "swarm-publish",
        abstract: "Publishes states of a directory as snapshots that mirrors fetch from each other.",
        discussion: """
            A store holds the configuration, the key, and the snapshots of one set. Make one with init, publish with \
            snapshot, or let watch do so, and let serve run as a daemon.

            Exit codes: 0 done, 1 failed, 2 not yet, 64 usage, 78 configuration.
            """,
        version: Version.current,
        subcommands: [
            InitCommand.self, SnapshotCommand.self, WatchCommand.self, NotifyCommand.self, ServeCommand.self,
            ListCommand.self, ShowCommand.self, KeyCommand.self, LiftCommand.self, HoldCommand.self, TagCommand.self,
            UntagCommand.self, PrefetchCommand.self,
        ])

    static func main() async {
        Allocator.boundWhatIsKept()
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch {
            // The parser's own errors and requests for help know how to be shown.
            guard exitCode(for: error) == .failure, !(error is ExitCode) else { exit(withError: error) }
            writeError("swarm-publish: \(error)")
            Glibc.exit(PublishingError.exitStatus(after: error))
        }
    }
}

/// Writes a line to standard error.
func writeError(_ line: String) { FileHandle.standardError.write(Data("\(line)\n".utf8)) }
