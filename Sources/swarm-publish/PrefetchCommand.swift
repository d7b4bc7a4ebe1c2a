import ArgumentParser
import Foundation
import Publishing
import SwarmCore
import TrackerCore

/// Suggests which files nodes fetch first.
struct PrefetchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prefetch", abstract: "Suggests which files nodes fetch before the others of their class.",
        discussion: """
            The suggestions take the place of those before and hold until they are replaced or cleared, also for later \
            snapshots. Without paths and options, shows what is suggested. At most \
            \(PrefetchList.countLimit) paths with \(PrefetchList.sizeLimit >> 10) KiB: each node reads the list whenever \
            the feed has changed.
            """)

    @Argument(help: "Paths of files, from the set's root.")
    var paths: [String] = []

    @OptionGroup var options: StoreOptions

    @Flag(help: "Suggest what readers read most, as a tracker counts it.")
    var fromTracker = false

    @Option(help: ArgumentHelp("Base URL of the tracker that is asked.", valueName: "url"))
    var tracker: LiftCommand.TrackerURL?

    @Option(help: "How many files the tracker is asked for (default: 100).")
    var limit: Int?

    @Option(help: "How many days of the tracker's counts, today included (default: 7).")
    var days: Int?

    @Flag(help: "Suggest nothing any more.")
    var clear = false

    @Flag(help: "Print JSON.")
    var json = false

    private static let trackerDefault = "http://127.0.0.1:6969"

    func validate() throws {
        guard [!paths.isEmpty, fromTracker, clear].count(where: { $0 }) <= 1 else {
            throw ValidationError("give paths, or --from-tracker, or --clear: one of them")
        }
        if !fromTracker, tracker != nil || limit != nil || days != nil {
            throw ValidationError("--tracker, --limit and --days need --from-tracker")
        }
        if let limit, !(1...PrefetchList.countLimit).contains(limit) {
            throw ValidationError("--limit: a number from 1 to \(PrefetchList.countLimit)")
        }
        if let days, !(1...Popularity.dayLimit).contains(days) {
            throw ValidationError("--days: a number from 1 to \(Popularity.dayLimit)")
        }
    }

    private struct Document: Encodable {
        let prefetch: PrefetchList
        /// Popular files that the newest snapshot does not have.
        let absent: Int
        /// Popular files for which there was no room.
        let surplus: Int
    }

    func run() async throws {
        let store = try options.open()
        if paths.isEmpty, !fromTracker, !clear {
            return try show(Document(prefetch: try store.suggested(), absent: 0, surplus: 0))
        }
        var wanted = paths
        if fromTracker {
            wanted = try await PopularityInquiry.ask(
                tracker?.base ?? Self.trackerDefault, set: store.configuration.set, days: days ?? 7,
                limit: limit ?? 100
            ).files.map(\.path)
            if wanted.isEmpty {
                throw PublishingError(
                    .tracker,
                    "the tracker knows of no reads in these days; nodes count what they serve themselves and report to it. "
                        + "Nothing was changed")
            }
        }
        let done = try await blocking { [wanted, fromTracker] in
            try store.suggest(wanted, strictly: !fromTracker, now: Date())
        }
        try show(Document(prefetch: done.list, absent: done.absent.count, surplus: done.surplus))
    }

    private func show(_ document: Document) throws {
        if json { return try printJSON(document) }
        for path in document.prefetch.paths { print(printable(path.utf8)) }
        var words: [String] = []
        if document.prefetch.isEmpty { words.append("Nothing is suggested.") }
        if document.absent > 0 {
            words.append("\(document.absent) that the newest snapshot does not have were left out.")
        }
        if document.surplus > 0 { words.append("For \(document.surplus) there was no room.") }
        if !words.isEmpty { writeError(words.joined(separator: " ")) }
    }
}
