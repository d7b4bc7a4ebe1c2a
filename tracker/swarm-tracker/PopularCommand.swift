import ArgumentParser
import Foundation
import SwarmCore
import TrackerCore

/// What readers want most.
struct PopularCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "popular", abstract: "Show the files of a set that are read most at all nodes together.",
        discussion: "The nodes' own front ends count; reads through another web server are not known.")

    @OptionGroup var query: TrackerQuery
    @Argument(help: "The set.")
    var set: String
    @Option(help: "How many files.")
    var limit = 20
    @Option(help: "How many days, today included (UTC).")
    var days = 7
    @Flag(help: "Print JSON.")
    var json = false

    mutating func validate() throws {
        guard SwarmCore.SetName(set) != nil else { throw ValidationError("“\(set)” is not a set's name") }
        guard (1...Popularity.fileLimit).contains(limit) else {
            throw ValidationError("--limit: a number from 1 to \(Popularity.fileLimit)")
        }
        guard (1...Popularity.dayLimit).contains(days) else {
            throw ValidationError("--days: a number from 1 to \(Popularity.dayLimit)")
        }
    }

    mutating func run() async throws {
        let path = "/api/v1/sets/\(set)/popular?limit=\(limit)&days=\(days)"
        let popular = try Documents.decode(PopularFiles.self, from: try await query.get(path))
        if json {
            print(String(decoding: try Documents.encode(popular), as: UTF8.self), terminator: "")
            return
        }
        for file in popular.files {
            let reads = String(file.reads)
            let space = String(repeating: " ", count: max(0, 10 - reads.count))
            print("\(space)\(reads)  \(printable(file.path.utf8))")
        }
    }
}
