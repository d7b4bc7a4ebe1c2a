import ArgumentParser
import Metainfo
import Publishing
import SwarmCore

/// Prints the public key.
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Prints the public key, one line for a node's configuration.")

    @OptionGroup var options: StoreOptions

    @Flag(help: "Print JSON.")
    var json = false

    private struct Document: Encodable {
        let set: SetName
        let key: VerifyingKey
    }

    func run() async throws {
        let store = try options.open()
        if json {
            try printJSON(Document(set: store.configuration.set, key: store.verifyingKey))
        } else {
            print(store.verifyingKey)
        }
    }
}
