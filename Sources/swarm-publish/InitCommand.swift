import ArgumentParser
import Foundation
import Publishing
import SwarmCore

/// Makes a store.
struct InitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Makes the store of a set: configuration, key and index.",
        discussion: "Nothing is overwritten. The length of pieces is fixed for the life of the set.")

    @Option(help: "The set's name.")
    var set: SetName

    @Option(help: ArgumentHelp("The directory whose states are published.", valueName: "dir"))
    var source: String

    @Option(help: ArgumentHelp("The directory to make the store in, on the source's file system.", valueName: "dir"))
    var store: String

    @Option(help: "Where nodes reach the set's HTTP paths. May be given several times.")
    var url: [String] = []

    @Option(help: "The announce URL of a BitTorrent tracker. May be given several times.")
    var tracker: [String] = []

    @Option(help: "Which paths are metadata and entry points.")
    var preset = PresetArgument.automatic

    @Option(help: ArgumentHelp("A power of two such as 256KiB, or auto.", valueName: "bytes"))
    var pieceLength = PieceLengthArgument.automatic

    func validate() throws {
        for text in url {
            guard let parts = URLComponents(string: text), parts.scheme == "http" || parts.scheme == "https",
                parts.host?.isEmpty == false
            else { throw ValidationError("--url: “\(text)” is not an http or https URL") }
        }
        for text in tracker {
            guard let parts = URLComponents(string: text), let scheme = parts.scheme,
                ["http", "https", "udp"].contains(scheme), parts.host?.isEmpty == false
            else { throw ValidationError("--tracker: “\(text)” is not an http, https or udp URL") }
        }
    }

    func run() async throws {
        // Without links, so that the set stays what it is when a link on the way changes.
        let source = absolutePath(URL(fileURLWithPath: source).resolvingSymlinksInPath().path(percentEncoded: false))
        let directory = absolutePath(store)
        let (store, survey) = try await blocking { [set, url, tracker, preset, pieceLength] in
            try SnapshotStore.checkVacant(directory)
            let survey = try SourceSurvey(source)
            var configuration = StoreConfiguration(
                set: set, source: source, preset: preset.preset(for: survey),
                pieceLength: pieceLength.length(for: survey))
            configuration.urls = url
            configuration.trackers = tracker
            return (try SnapshotStore.create(at: directory, configuration: configuration), survey)
        }
        let settings = store.configuration
        print(
            """
            Made the store \(directory) of the set \(settings.set).
              source        \(settings.source): \(survey.totals.files) files, \(Quantities.format(bytes: survey.totals.bytes))
              preset        \(settings.preset.rawValue)
              piece length  \(settings.pieceLength / 1024) KiB
              configuration \(directory)/config.toml
              private key   \(directory)/key (keep a copy where nobody else reads it)

            The public key, for the configuration of nodes:
              \(store.verifyingKey)

            Next:
              swarm-publish snapshot --store \(directory)
              swarm-publish serve --store \(directory)
            """)
    }
}
