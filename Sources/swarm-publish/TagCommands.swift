import ArgumentParser
import Foundation
import Publishing
import SwarmCore

/// Names a snapshot.
struct TagCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tag", abstract: "Gives a snapshot a name, which keeps it from expiring.")

    @Argument(help: ArgumentHelp("The tag: \(SnapshotStore.tagRule)."))
    var name: String

    @Argument(help: "A UUID or a unique beginning of it, another tag, or latest.")
    var snapshot: String

    @OptionGroup var options: StoreOptions

    func run() async throws {
        let store = try options.open()
        let entry = try await blocking { [name, snapshot] in try store.tag(name, snapshot, now: Date()) }
        print("Snapshot \(entry.uuid) is “\(name)”.")
    }
}

/// Takes a name away.
struct UntagCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "untag", abstract: "Takes a tag away; its snapshot then expires like any other.")

    @Argument(help: "The tag.")
    var name: String

    @OptionGroup var options: StoreOptions

    func run() async throws {
        let store = try options.open()
        try await blocking { [name] in try store.untag(name, now: Date()) }
        print("The tag “\(name)” is gone.")
    }
}
