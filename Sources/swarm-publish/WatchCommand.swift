import ArgumentParser
import Foundation
import Logging
import Publishing
import ServiceLifecycle
import SwarmCore
import UnixSignals

/// The daemon that publishes.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Publishes what changes in the source, until it is stopped.",
        discussion: """
            Watches the source by inotify, and publishes a snapshot once it is at rest, without looking at what did not \
            change. Begins with a look at everything. Files that a program still writes to are left for the next \
            snapshot. Hooks of archive software can say what changed, and when to publish: see notify.
            """)

    @OptionGroup var options: StoreOptions

    @Option(
        help: ArgumentHelp("For how long nothing may happen in the source before a snapshot.", valueName: "duration"))
    var settle = TimeSpan(.seconds(2))

    @Option(help: ArgumentHelp("Publish after this time, even if the source never rests.", valueName: "duration"))
    var settleLimit = TimeSpan(.seconds(15 * 60))

    @Option(
        help: ArgumentHelp(
            "Look at the whole source at this interval as well. (default: 15m when the source cannot be watched)",
            valueName: "duration"))
    var scanEvery: TimeSpan?

    @Flag(help: "Do not watch: for a source that other machines write to. Publishes what notify tells.")
    var noInotify = false

    @Option(help: ArgumentHelp("From publication to activation, such as 15m.", valueName: "duration"))
    var delay: TimeSpan?

    @Flag(help: "Embargo: nodes fetch each snapshot, and activate it only after it was lifted.")
    var hold = false

    func validate() throws {
        if let scanEvery, scanEvery.duration < .seconds(1) { throw ValidationError("--scan-every: at least 1s") }
    }

    func run() async throws {
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        let logger = Logger(label: "swarm-publish")
        var settings = SourceFollower.Settings()
        settings.settle = settle.duration
        settings.settleLimit = settleLimit.duration
        settings.scanEvery = scanEvery?.duration
        settings.watches = !noInotify
        settings.delay = delay?.duration
        settings.hold = hold
        let follower = SourceFollower(store: try options.open(), settings: settings, logger: logger)
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(
                        service: FollowerService(follower: follower),
                        successTerminationBehavior: .gracefullyShutdownGroup)
                ], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }
}

/// A follower that ends with its group.
private struct FollowerService: Service {
    let follower: SourceFollower

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await follower.run()
        } onGracefulShutdown: {
            Task { await follower.stop() }
        }
    }
}
