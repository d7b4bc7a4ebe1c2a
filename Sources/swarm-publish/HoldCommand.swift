import ArgumentParser
import Foundation
import Publishing
import SwarmCore

/// Begins an embargo.
struct HoldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold", abstract: "Keeps a snapshot from being activated.",
        discussion: "Nodes that have activated it already stay as they are.")

    @Argument(help: "A UUID or a unique beginning of it, a tag, or latest.")
    var snapshot: String

    @OptionGroup var options: StoreOptions

    func run() async throws {
        let store = try options.open()
        let entry = try await blocking { [snapshot] in try store.hold(snapshot, now: Date()) }
        print("Snapshot \(entry.uuid) is on hold. Lift it: swarm-publish lift \(entry.uuid) --store \(options.store)")
    }
}
