import ArgumentParser
import Foundation
import Publishing
import SwarmCore

/// Lists the live snapshots.
struct ListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists the live snapshots.")

    @OptionGroup var options: StoreOptions

    @Flag(help: "Print JSON.")
    var json = false

    private struct Line: Encodable {
        let uuid: SnapshotID
        let serial: Serial
        let created: Date
        let files: Int
        let bytes: Int64
        let hold: Bool
        let notBefore: Date
        let isCurrent: Bool
        let tags: [String]
    }

    func run() async throws {
        let store = try options.open()
        let feed = try store.feed()?.feed
        let current = store.current
        let lines = (feed?.snapshots ?? []).reversed().map { entry in
            Line(
                uuid: entry.uuid, serial: entry.serial, created: entry.created, files: entry.files, bytes: entry.bytes,
                hold: entry.activation.hold, notBefore: entry.activation.notBefore, isCurrent: entry.uuid == current,
                tags: (feed?.tags ?? [:]).filter { $0.value == entry.uuid }.keys.sorted())
        }
        if json { return try printJSON(lines) }
        if lines.isEmpty {
            print("There is no snapshot yet. Publish one: swarm-publish snapshot --store \(options.store)")
        }
        for line in lines {
            let state =
                if line.isCurrent {
                    "current"
                } else if line.hold {
                    "on hold"
                } else if line.notBefore > Date() {
                    "from \(shown(line.notBefore))"
                } else {
                    "kept"
                }
            let tags = line.tags.isEmpty ? "" : "  [\(line.tags.joined(separator: ", "))]"
            print(
                "\(line.uuid)  \(line.serial)  \(shown(line.created))  \(line.files) files  "
                    + "\(Quantities.format(bytes: line.bytes))  \(state)\(tags)")
        }
    }
}
