import ArgumentParser
import Foundation
import SwarmCore
import TrackerCore

/// Whether an embargo may be lifted.
struct EmbargoCommand: AsyncParsableCommand {
    /// What is counted.
    enum Measure: String, ExpressibleByArgument, CaseIterable {
        case nodes, weight, bytes
    }

    static let configuration = CommandConfiguration(
        commandName: "embargo", abstract: "Say whether enough nodes have a snapshot to lift its embargo.",
        discussion: "Exit codes: 0 lift, 2 hold, 1 failed, 64 usage.")

    @OptionGroup var query: TrackerQuery
    @Argument(help: "The set.")
    var set: String
    @Argument(help: "A serial, the beginning of a UUID, or latest.")
    var snapshot: String = "latest"
    @Option(help: "The share that must have it.")
    var threshold: String = "80%"
    @Option(help: "What is counted.")
    var by: Measure = .nodes
    @Option(help: "The share that must have it in every region.")
    var perRegion: String?
    @Flag(help: "Print JSON.")
    var json = false

    mutating func validate() throws {
        guard SwarmCore.SetName(set) != nil else { throw ValidationError("“\(set)” is not a set's name") }
        guard snapshot.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }) else {
            throw ValidationError("“\(snapshot)” is not a serial, the beginning of a UUID, or latest")
        }
        for (option, text) in [("--threshold", threshold), ("--per-region", perRegion ?? "1")]
        where EmbargoQuestion.share(text) == nil {
            throw ValidationError("\(option): expected \(EmbargoQuestion.shareRule)")
        }
    }

    mutating func run() async throws {
        var path = "/api/v1/sets/\(set)/snapshots/\(snapshot)/embargo?by=\(by.rawValue)"
        path += "&threshold=\(EmbargoQuestion.share(threshold) ?? 1)"
        if let minimum = perRegion.flatMap({ EmbargoQuestion.share($0) }) { path += "&per-region=\(minimum)" }
        let answer = try Documents.decode(EmbargoAnswer.self, from: try await query.get(path))
        if json {
            print(String(decoding: try Documents.encode(answer), as: UTF8.self), terminator: "")
        } else {
            print(Terminal.report().render(answer), terminator: "")
        }
        if answer.verdict == .hold { throw ExitCode(2) }
    }
}
