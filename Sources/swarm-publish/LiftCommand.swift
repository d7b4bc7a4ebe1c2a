import ArgumentParser
import Foundation
import Publishing
import SwarmCore
import TrackerCore

/// Ends an embargo, at once or when the tracker says that enough nodes have the snapshot.
struct LiftCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lift", abstract: "Ends a snapshot's hold, so that nodes activate it.",
        discussion: """
            With --when and --tracker, waits until the tracker says that enough nodes have the snapshot. A tracker that \
            does not answer is waited for. Nothing is signed before.

            Exit codes: 0 lifted, 2 the deadline passed, 1 failed, 64 usage.
            """)

    @Argument(help: "A UUID or a unique beginning of it, a tag, or latest.")
    var snapshot: String

    @OptionGroup var options: StoreOptions

    @Option(help: ArgumentHelp("The earliest activation, such as 2026-01-31T12:00:00Z.", valueName: "time"))
    var activateAt: Moment?

    @Option(help: ArgumentHelp("Lift when this share of the nodes has it, such as 80%.", valueName: "share"))
    var when: Share?

    @Option(help: ArgumentHelp("Base URL of the tracker that is asked.", valueName: "url"))
    var tracker: TrackerURL?

    @Option(help: "What is counted.")
    var by: Measure?

    @Option(help: ArgumentHelp("The share that must have it in every region.", valueName: "share"))
    var perRegion: Share?

    @Option(help: ArgumentHelp("When to give up: a time, or a duration such as 2h.", valueName: "time"))
    var deadline: Deadline?

    @Flag(help: "Print JSON, with --when a line for each change.")
    var json = false

    func validate() throws {
        switch (when, tracker) {
        case (nil, nil):
            let isConditional = by != nil || perRegion != nil || deadline != nil
            if isConditional { throw ValidationError("--by, --per-region and --deadline need --when and --tracker") }
        case (nil, _?): throw ValidationError("--tracker needs --when, such as --when 80%")
        case (_?, nil): throw ValidationError("--when needs --tracker, the tracker that is asked")
        case (_?, _?): break
        }
    }

    func run() async throws {
        let store = try options.open()
        if let when, let tracker {
            try await wait(store, when, tracker)
        } else {
            let entry = try await lift(store, snapshot)
            if json { try printJSON(Lifted(entry)) } else { print(Self.text(entry)) }
        }
    }

    private struct Lifted: Encodable {
        let uuid: SnapshotID
        let serial: Serial
        let notBefore: Date

        init(_ entry: Feed.Entry) { (uuid, serial, notBefore) = (entry.uuid, entry.serial, entry.activation.notBefore) }
    }

    private static func text(_ entry: Feed.Entry) -> String {
        "Snapshot \(entry.uuid) may be activated from \(shown(entry.activation.notBefore)) on."
    }

    private func lift(_ store: SnapshotStore, _ name: String) async throws -> Feed.Entry {
        try await blocking { [activateAt] in try store.lift(name, activateAt: activateAt?.date, now: Date()) }
    }

    private func wait(_ store: SnapshotStore, _ when: Share, _ tracker: TrackerURL) async throws {
        // A name such as latest may stand for another one later.
        let uuid = try store.resolve(snapshot).uuid
        let question = EmbargoQuestion(
            threshold: when.share, measure: by?.measure ?? .nodes, regionMinimum: perRegion?.share)
        let wait = EmbargoWait(
            set: store.configuration.set, snapshot: uuid, question: question, deadline: deadline?.date(from: Date()))
        let inquiry = EmbargoInquiry(tracker: tracker.base)
        do { try await ask(inquiry, store, wait) } catch {
            try? await inquiry.close()
            throw error
        }
        try await inquiry.close()
    }

    /// Asks until there is an end.
    private func ask(_ inquiry: EmbargoInquiry, _ store: SnapshotStore, _ question: EmbargoWait) async throws {
        var wait = question
        let uuid = wait.snapshot
        var log = EmbargoLog(wait, isJSON: json)
        while true {
            // It may have expired, or somebody may have lifted it.
            let entry = try store.resolve(uuid.rawValue)
            guard entry.activation.hold else {
                let text = "Snapshot \(uuid) is not on hold; there was nothing to lift."
                return try log.end("lifted", notBefore: entry.activation.notBefore, text, now: Date())
            }
            let left = wait.deadline.map { Duration.milliseconds(Int64($0.timeIntervalSinceNow * 1000)) }
            let finding = await inquiry.ask(wait, limit: max(.zero, min(left ?? .seconds(30), .seconds(30))))
            try log.show(finding, now: Date())
            switch wait.take(finding, now: Date()) {
            case .ask(let pause): try await Task.sleep(for: pause)
            case .lift:
                let entry = try await lift(store, uuid.rawValue)
                return try log.end("lifted", notBefore: entry.activation.notBefore, Self.text(entry), now: Date())
            case .expired:
                let reached = wait.last.map { "it came to \(TextReport.line($0))" } ?? "the tracker never counted"
                let text = "the deadline has passed, and \(uuid) is still on hold: \(reached)"
                try log.end("expired", text, now: Date())
                writeError("swarm-publish: \(text)")
                throw ExitCode(2)
            case .fail(let reason):
                try log.end("failed", reason, now: Date())
                throw PublishingError(.tracker, reason)
            }
        }
    }
}

extension LiftCommand {
    /// What is counted.
    enum Measure: String, ExpressibleByArgument, CaseIterable {
        case nodes, weight, bytes

        var measure: EmbargoQuestion.Measure {
            switch self {
            case .nodes: .nodes
            case .weight: .weight
            case .bytes: .bytes
            }
        }
    }

    /// A share such as `80%` or `0.8`.
    struct Share: ExpressibleByArgument {
        let share: Double

        init?(argument: String) {
            guard let share = EmbargoQuestion.share(argument) else { return nil }
            self.share = share
        }
    }

    /// The base URL of a tracker's HTTP.
    struct TrackerURL: ExpressibleByArgument {
        /// Without a slash at the end.
        let base: String

        init?(argument: String) {
            var base = argument
            while base.hasSuffix("/") { base.removeLast() }
            guard let url = URL(string: base), ["http", "https"].contains(url.scheme ?? ""), url.host() != nil,
                url.query == nil, url.fragment == nil
            else { return nil }
            self.base = base
        }
    }

    /// A moment, or a duration from now on.
    enum Deadline: ExpressibleByArgument {
        case moment(Date)
        case span(Duration)

        init?(argument: String) {
            if let moment = Moment(argument: argument) {
                self = .moment(moment.date)
            } else if let span = TimeSpan(argument: argument) {
                self = .span(span.duration)
            } else {
                return nil
            }
        }

        func date(from now: Date) -> Date {
            switch self {
            case .moment(let date): date
            case .span(let span): now.addingTimeInterval(Double(span.components.seconds))
            }
        }
    }
}
