import ArgumentParser
import Foundation
import Publishing
import SwarmCore

/// Tells a running watch what changed.
struct NotifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "notify", abstract: "Tells a running watch what changed, or to publish now.",
        discussion: """
            For hooks of archive software. Without paths, the watch publishes what it knows of at once; one that runs with \
            --no-inotify looks at the whole source then.
            """)

    @Argument(
        help: ArgumentHelp(
            "Paths that changed, relative to the source or absolute below it; - for standard input, one in a line.",
            valueName: "path"))
    var paths: [String] = []

    @OptionGroup var options: StoreOptions

    @Flag(help: "Publish without waiting for the source to rest.")
    var now = false

    @Flag(help: "Wait until it is published, and print the UUID of the newest snapshot.")
    var wait = false

    func run() async throws {
        let store = try options.open()
        var named = paths.filter { $0 != "-" }
        let isFromInput = named.count < paths.count
        if isFromInput { named += try SnapshotCommand.paths(in: "-") }
        // A list that came out empty is no request to publish.
        if isFromInput, named.isEmpty, !now { return }
        let request = WatchRequest(paths: named, now: now, wait: wait)
        let answer = try await blocking { try store.ask(request) }
        if let snapshot = answer.snapshot { print(snapshot) }
    }
}
