import ArgumentParser
import Foundation
import Publishing
import SwarmCore

/// Publishes the present state of the source.
struct SnapshotCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "snapshot", abstract: "Publishes the present state of the source.",
        discussion: "Reads only what changed since the last snapshot. Publishes nothing when nothing changed.")

    @OptionGroup var options: StoreOptions

    @Option(help: ArgumentHelp("From publication to activation, such as 15m.", valueName: "duration"))
    var delay: TimeSpan?

    @Option(help: ArgumentHelp("The earliest activation, such as 2026-01-31T12:00:00Z.", valueName: "time"))
    var activateAt: Moment?

    @Flag(help: "Embargo: nodes fetch the snapshot, and activate it only after it was lifted.")
    var hold = false

    @Option(help: "A name that keeps the snapshot from expiring.")
    var tag: String?

    @Option(
        help: ArgumentHelp(
            "Look only at the paths that this file names, one in a line, or with a NUL after each; - for standard input.",
            valueName: "file"))
    var changes: String?

    @Flag(help: "Publish even when nothing changed, or when most of the files are gone.")
    var force = false

    @Flag(help: "Say what would be published, and publish nothing.")
    var dryRun = false

    @Flag(help: "Print the result as JSON.")
    var json = false

    func validate() throws {
        if delay != nil, activateAt != nil { throw ValidationError("--delay and --activate-at exclude each other") }
    }

    func run() async throws {
        let store = try options.open()
        var request = Publisher.Options()
        request.activateAt = activateAt?.date
        request.delay = delay?.duration
        request.hold = hold
        request.tag = tag
        request.changes = try changes.map { try Self.paths(in: $0) }
        request.force = force
        request.dryRun = dryRun
        let bar = ProgressBar()
        let publisher = Publisher(store: store, progress: { bar.show($0) })
        let report = try await blocking { [request] in
            defer { bar.clear() }
            return try publisher.snapshot(request)
        }
        if json { try printJSON(report) } else { show(report) }
    }

    private func show(_ report: Publisher.Report) {
        let time = Quantities.format(duration: .milliseconds(Int64(report.seconds * 1000)))
        let size = "\(report.files) files, \(Quantities.format(bytes: report.bytes))"
        guard report.changed else {
            print("Nothing changed: \(size). Nothing was published. (\(time))")
            return
        }
        if let uuid = report.uuid, let serial = report.serial {
            print("Published snapshot \(uuid), serial \(serial).")
        } else {
            print("This would be published (nothing was):")
        }
        print("  \(size); \(report.filesChanged) new or changed, \(report.filesRemoved) replaced or gone")
        print("  \(Quantities.format(bytes: report.bytesRead)) read in \(time)")
        for torrent in report.torrents.prefix(50) {
            print(
                "  torrent \(torrent.infoHash) \(torrent.label): \(torrent.files) files, "
                    + "\(Quantities.format(bytes: torrent.bytes))\(torrent.unchanged ? ", as before" : "")")
        }
        if report.torrents.count > 50 { print("  and \(report.torrents.count - 50) torrents more; --json lists all") }
        for path in report.changedInPlace.prefix(10) { print("  warning: \(path) was written to in place") }
        if report.changedInPlace.count > 10 { print("  and \(report.changedInPlace.count - 10) more") }
        if !report.changedInPlace.isEmpty {
            print(
                "  The trees of earlier snapshots had those inodes too: each was given its old content back"
                    + (report.lost > 0 ? ", but for \(report.lost) files that nothing here has any more" : "")
                    + ".\n  Write changes to a new file and rename it over the old one.")
        }
    }

    /// The lines of a file, or of the standard input.
    static func paths(in file: String) throws -> [String] {
        let data =
            file == "-"
            ? FileHandle.standardInput.readDataToEndOfFile() : try Data(contentsOf: URL(fileURLWithPath: file))
        // By bytes: a name may hold what Unicode takes for the end of a line.
        let end = data.contains(0) ? 0 : UInt8(ascii: "\n")
        return try data.split(separator: end).map { line in
            guard let path = String(validating: line, as: UTF8.self) else {
                throw ValidationError("the list of paths \(file) is not UTF-8")
            }
            return path
        }
    }
}
