import ArgumentParser
import Foundation
import Publishing
import SwarmCore

/// Shows one snapshot.
struct ShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Shows one snapshot.")

    @Argument(help: "A UUID or a unique beginning of it, a tag, or latest.")
    var snapshot: String

    @OptionGroup var options: StoreOptions

    @Flag(help: "Print JSON.")
    var json = false

    private struct Document: Encodable {
        let snapshot: Feed.Entry
        let tags: [String]
        let isCurrent: Bool
        let manifest: Manifest
    }

    func run() async throws {
        let store = try options.open()
        let entry = try store.resolve(snapshot)
        let manifest = try store.manifest(entry.uuid)
        let tags = try store.feed()?.feed.tags.filter { $0.value == entry.uuid }.keys.sorted() ?? []
        let isCurrent = store.current == entry.uuid
        if json {
            return try printJSON(Document(snapshot: entry, tags: tags, isCurrent: isCurrent, manifest: manifest))
        }
        let activation = entry.activation
        let state = isCurrent ? "current" : activation.hold ? "on hold" : "not before \(shown(activation.notBefore))"
        print(
            """
            snapshot  \(entry.uuid)
            serial    \(entry.serial)
            parent    \(manifest.parent.map(\.rawValue) ?? "none")
            created   \(shown(entry.created))
            state     \(state)
            tags      \(tags.isEmpty ? "none" : tags.joined(separator: ", "))
            content   \(entry.files) files, \(Quantities.format(bytes: entry.bytes))
            gone      \(manifest.deleted.files) files, \(Quantities.format(bytes: manifest.deleted.bytes)) replaced or gone
            tree      \(store.layout.files(of: entry.uuid))
            """)
        for shard in manifest.shards {
            print(
                "torrent   \(shard.infoHash) \(shard.label): \(shard.totals.files) files, "
                    + "\(Quantities.format(bytes: shard.totals.bytes))")
        }
    }
}
