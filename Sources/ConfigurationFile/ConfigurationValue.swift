internal import TOMLKit

/// A value of a TOML document (https://toml.io/en/v1.0.0), apart from the library that read it.
enum ConfigurationValue {
    case string(String)
    case integer(Int)
    case boolean(Bool)
    case array([ConfigurationValue])
    case table([String: ConfigurationValue])
    /// What no key of ours takes: floats, dates, times; in words, such as “a date”.
    case other(String)

    /// The root table of a document, or the place and the reason of an error of syntax. A key that is set twice is one.
    static func parse(_ text: String) throws(SyntaxError) -> [String: ConfigurationValue] {
        let root: TOMLTable
        do {
            root = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            let place = error.source.begin
            throw SyntaxError(line: place.line, column: place.column, message: error.description)
        } catch {
            throw SyntaxError(line: nil, column: nil, message: "\(error)")
        }
        // What is below the root is reached by pointers into it.
        return withExtendedLifetime(root) { values(of: root) }
    }

    /// An error of syntax.
    struct SyntaxError: Error {
        let line: Int?
        let column: Int?
        let message: String
    }

    private static func values(of table: TOMLTable) -> [String: ConfigurationValue] {
        var result: [String: ConfigurationValue] = [:]
        for key in table.keys {
            if let value = table[key] { result[key] = convert(value) }
        }
        return result
    }

    private static func convert(_ value: any TOMLValueConvertible) -> ConfigurationValue {
        switch value.type {
        case .string: value.string.map { .string($0) } ?? .other("a string")
        case .int: value.int.map { .integer($0) } ?? .other("an integer")
        case .bool: value.bool.map { .boolean($0) } ?? .other("a boolean")
        case .array: value.array.map { .array($0.map(convert)) } ?? .other("an array")
        case .table: value.table.map { .table(values(of: $0)) } ?? .other("a table")
        case .double: .other(value.double.map { "a fraction \($0)" } ?? "a fraction")
        case .date: .other("a date")
        case .time: .other("a time of day")
        case .dateTime: .other("a date with time")
        }
    }

    /// What the value is, for messages: `a string "abc"`.
    var summary: String {
        switch self {
        // Not `debugDescription`, which TOMLKit declares anew for strings, without quotes.
        case .string(let text): "a string \(String(reflecting: String(text.prefix(60))))\(text.count > 60 ? "…" : "")"
        case .integer(let number): "an integer \(number)"
        case .boolean(let value): "a boolean \(value)"
        case .array: "an array"
        case .table: "a table"
        case .other(let words): words
        }
    }
}
