public import ArgumentParser
import Foundation
import Publishing
public import SwarmCore

/// The option that all commands but `init` share.
struct StoreOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The store's directory.", valueName: "dir"))
    var store: String

    /// Opens the store.
    func open() throws -> SnapshotStore { try SnapshotStore(absolutePath(store)) }
}

/// An absolute path without `.`, `..` and a slash at the end.
func absolutePath(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.path(percentEncoded: false).trimmingTrailingSlashes
}

extension String {
    fileprivate var trimmingTrailingSlashes: String {
        var text = self
        while text.count > 1, text.hasSuffix("/") { text.removeLast() }
        return text
    }
}

/// A moment in ISO 8601, with its offset from UTC.
struct Moment: ExpressibleByArgument {
    let date: Date

    init?(argument: String) {
        let plain = try? Date(argument, strategy: .iso8601)
        let fractional = try? Date(argument, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        guard let date = plain ?? fractional else { return nil }
        self.date = date
    }
}

/// A duration such as `15m`.
struct TimeSpan: ExpressibleByArgument {
    let duration: Duration

    init(_ duration: Duration) { self.duration = duration }

    init?(argument: String) {
        guard let duration = Quantities.duration(argument) else { return nil }
        self.duration = duration
    }

    var defaultValueDescription: String { Quantities.format(duration: duration) }
}

/// A number of bytes such as `10MB`.
struct ByteRate: ExpressibleByArgument {
    let bytes: Int

    init?(argument: String) {
        let text = argument.hasSuffix("/s") ? argument.dropLast(2) : argument[...]
        guard let bytes = Quantities.bytes(text), let number = Int(exactly: bytes) else { return nil }
        self.bytes = number
    }
}

/// The length of a piece: `auto`, or bytes.
enum PieceLengthArgument: ExpressibleByArgument {
    case automatic
    case bytes(Int)

    init?(argument: String) {
        if argument == "auto" {
            self = .automatic
            return
        }
        guard let bytes = Quantities.bytes(argument), (16 << 10...64 << 20).contains(bytes), bytes.nonzeroBitCount == 1
        else { return nil }
        self = .bytes(Int(bytes))
    }

    /// The length, which for `auto` fits the tree.
    func length(for survey: SourceSurvey) -> Int {
        switch self {
        case .automatic: survey.pieceLength
        case .bytes(let bytes): bytes
        }
    }
}

/// The preset: `auto`, or one of the presets.
enum PresetArgument: ExpressibleByArgument {
    case automatic
    case preset(Preset)

    init?(argument: String) {
        if argument == "auto" {
            self = .automatic
        } else if let preset = Preset(rawValue: argument) {
            self = .preset(preset)
        } else {
            return nil
        }
    }

    /// The preset, which for `auto` is the tree's.
    func preset(for survey: SourceSurvey) -> Preset {
        switch self {
        case .automatic: survey.preset
        case .preset(let preset): preset
        }
    }

    static var allValueStrings: [String] { ["auto"] + Preset.allCases.map(\.rawValue) }
}

extension SetName: ExpressibleByArgument {
    /// An argument by its text.
    public init?(argument: String) { self.init(argument) }
}

extension Endpoint: ExpressibleByArgument {
    /// An argument by its text.
    public init?(argument: String) { self.init(argument) }
}

/// A time for people.
func shown(_ date: Date) -> String { date.formatted(.iso8601) }

/// Prints a value as JSON with its keys in order.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
}
