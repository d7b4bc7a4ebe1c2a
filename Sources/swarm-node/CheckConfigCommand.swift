import ArgumentParser
import Mirroring
import SwarmCore

/// Says what is wrong with a configuration.
struct CheckConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config", abstract: "Check a configuration; exit code 78 when something is wrong in it.")

    @Argument(help: "The configuration, in TOML.")
    var file: String

    mutating func run() throws {
        let configuration = try readConfiguration(file)
        for set in configuration.sets {
            print(
                "\(set.name.map(\.rawValue) ?? "(set of its key)"): \(set.root) from \(set.upstreams.joined(separator: ", "))"
            )
        }
        print("\(file): no fault found")
    }
}
