import ArgumentParser
import SwarmCore
import TrackerCore
import TrackerServer

/// The registered nodes. A running tracker notices changes within seconds.
struct NodeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "node", abstract: "Register nodes, so that they may report and count.",
        subcommands: [Add.self, List.self, Remove.self, Rotate.self])

    /// Where the registrations are.
    struct Store: ParsableArguments {
        @Option(help: "The tracker's configuration, in TOML.")
        var config: String

        func open() throws -> TrackerStore { try TrackerStore(path: try readConfiguration(config).store) }
    }

    /// Registers a node.
    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Register a node and print its token, which is shown only once.")

        @OptionGroup var store: Store
        @Argument(help: "The node's name, by custom its host name.")
        var name: String
        @Option(help: "Nodes of one site or operator have the same group: nothing is nearer to a node.")
        var group: String?
        @Option(help: "The part of the network that is fed as one. Without it, the region of the node's address.")
        var region: String?
        @Option(help: "How much the node counts in decisions by weight.")
        var weight: Int = 1
        @Option(help: "Base URL where readers find the node's sets. May be given several times.")
        var url: [String] = []

        mutating func validate() throws {
            guard weight >= 1 else { throw ValidationError("--weight: 1 or more") }
            for url in url {
                let isURL = ["http://", "https://"].contains { url.hasPrefix($0) && url.count > $0.count }
                guard isURL, url.utf8.allSatisfy({ (0x21...0x7e).contains($0) && !"<>\"?#".utf8.contains($0) }) else {
                    throw ValidationError("--url: “\(url)” is no http:// or https:// URL")
                }
            }
        }

        mutating func run() throws {
            let node = NodeRegistration(
                name: try nodeName(name), group: group, region: region, weight: weight, urls: url)
            let token = NodeToken.random()
            try store.open().add(node, token: token.digest)
            print(token.text)
        }
    }

    /// Shows the registered nodes.
    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the registered nodes.")

        @OptionGroup var store: Store

        mutating func run() throws {
            for (node, _) in try store.open().nodes() {
                var line = "\(node.name)  weight \(node.weight)"
                if let group = node.group { line += "  group \(group)" }
                if let region = node.region { line += "  region \(region)" }
                print(([line] + node.urls).joined(separator: "  "))
            }
        }
    }

    /// Takes a node away.
    struct Remove: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a node away, with what it reported; its token is good no more.")

        @OptionGroup var store: Store
        @Argument(help: "The node's name.")
        var name: String

        mutating func run() throws { try store.open().remove(try nodeName(name)) }
    }

    /// Gives a node another token.
    struct Rotate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a new token for a node; the old one is good no more.")

        @OptionGroup var store: Store
        @Argument(help: "The node's name.")
        var name: String

        mutating func run() throws {
            let token = NodeToken.random()
            try store.open().rotate(try nodeName(name), token: token.digest)
            print(token.text)
        }
    }
}

private func nodeName(_ text: String) throws -> NodeName {
    guard let name = NodeName(text) else { throw ValidationError("“\(text)” is not a node's name: \(NodeName.rule)") }
    return name
}
