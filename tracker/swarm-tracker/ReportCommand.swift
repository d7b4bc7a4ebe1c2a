import ArgumentParser
import Foundation
import Glibc
import SwarmCore
import TrackerCore

/// How far the network is.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Show how far the nodes of all sets are.")

    @OptionGroup var query: TrackerQuery
    @Option(help: "Show this set only.")
    var set: String?
    @Option(help: "Show one snapshot with all its nodes: a serial, the beginning of a UUID, or latest.")
    var snapshot: String?
    @Option(help: "Columns; without it, those of the terminal, or 80.")
    var width: Int?
    @Flag(help: "No colours, even on a terminal.")
    var noColor = false
    @Flag(help: "Print JSON.")
    var json = false

    mutating func run() async throws {
        var report = try Documents.decode(TrackerReport.self, from: try await query.get("/api/v1/report"))
        if let set {
            report.sets.removeAll { $0.set.rawValue != set }
            if report.sets.isEmpty { throw ValidationError("--set: the tracker knows no set “\(set)”") }
        }
        if let snapshot {
            report = report.only(snapshot)
            if report.sets.isEmpty {
                throw ValidationError("--snapshot: no set has a live snapshot “\(snapshot)”; without it, all are shown")
            }
        }
        if json {
            print(String(decoding: try Documents.encode(report), as: UTF8.self), terminator: "")
        } else if snapshot != nil {
            print(Terminal.report(width: width, noColor: noColor).renderSnapshots(report), terminator: "")
        } else {
            print(Terminal.report(width: width, noColor: noColor).render(report), terminator: "")
        }
    }
}

/// The terminal that a text is for.
enum Terminal {
    /// A text that suits it.
    static func report(width: Int? = nil, noColor: Bool = false) -> TextReport {
        var size = winsize()
        let columns = ioctl(1, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
        return TextReport(width: width ?? columns, color: !noColor && isatty(1) == 1)
    }
}
