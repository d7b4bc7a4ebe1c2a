import ArgumentParser
import Mirroring
import SwarmCore
import TorrentEngine

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
        for networks in configuration.peers.networks {
            let count = networks.prefixes.count
            print("\(networks.name): \(count) \(count == 1 ? "block" : "blocks") of addresses")
        }
        print("\(file): no fault found")
    }
}
