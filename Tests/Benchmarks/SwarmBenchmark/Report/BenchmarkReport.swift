public import Foundation
import SwarmCore

/// All that a run found, as it goes into the JSON file.
public struct BenchmarkReport: Sendable, Codable {
    /// Of the programs that were measured.
    public var version = Version.current
    /// When the run began.
    public var started: Date
    /// Seconds that it took.
    public var seconds: Double
    /// Where it ran.
    public var machine: Machine
    /// The words of the command line.
    public var arguments: [String]
    /// The table.
    public var rows: [Row]
    /// The measurements of mirroring.
    public var distributions: [Distribution]

    /// Every part given.
    public init(
        started: Date, seconds: Double, machine: Machine, arguments: [String], rows: [Row],
        distributions: [Distribution]
    ) {
        self.started = started
        self.seconds = seconds
        self.machine = machine
        self.arguments = arguments
        self.rows = rows
        self.distributions = distributions
    }

    /// The JSON, with an end of line.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        return try encoder.encode(self) + Data("\n".utf8)
    }
}
