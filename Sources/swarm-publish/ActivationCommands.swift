import ArgumentParser
import Foundation
import Publishing
import SwarmCore

/// Ends an embargo.
struct LiftCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lift", abstract: "Ends a snapshot's hold, so that nodes activate it.")

    @Argument(help: "A UUID or a unique beginning of it, a tag, or latest.")
    var snapshot: String

    @OptionGroup var options: StoreOptions

    @Option(help: ArgumentHelp("The earliest activation, such as 2026-01-31T12:00:00Z.", valueName: "time"))
    var activateAt: Moment?

    func run() async throws {
        let store = try options.open()
        let entry = try await blocking { [snapshot, activateAt] in
            try store.lift(snapshot, activateAt: activateAt?.date, now: Date())
        }
        print("Snapshot \(entry.uuid) may be activated from \(shown(entry.activation.notBefore)) on.")
    }
}

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
