public import SwarmCore

extension ConfigurationValue {
    var string: String? { if case .string(let text) = self { text } else { nil } }
    var integer: Int? { if case .integer(let number) = self { number } else { nil } }
    var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
}

// Each type has its accessors in the same order: nil when the key is missing, with a default, required. A required key
// that is missing or wrong gives a stand-in, which `finish` keeps anyone from using.

extension ConfigurationTable {
    /// A string; nil when the key is missing.
    public func string(_ key: String) -> String? { value(key, expected: "a string") { $0.string } }

    /// A string, or the default when the key is missing.
    public func string(_ key: String, default: String) -> String { string(key) ?? `default` }

    /// A string that is not empty.
    public func requiredString(_ key: String) -> String {
        requirePresence(of: key, expected: "a string")
        return value(key, expected: "a string that is not empty") { $0.string.flatMap { $0.isEmpty ? nil : $0 } } ?? ""
    }

    /// An array of strings.
    public func stringArray(_ key: String, default: [String] = []) -> [String] {
        elements(key, expected: "a string") { $0.string } ?? `default`
    }

    /// An integer in a range; nil when the key is missing.
    public func int(_ key: String, in range: ClosedRange<Int> = .min ... .max) -> Int? {
        value(key, expected: Self.words(for: range)) { $0.integer.flatMap { range.contains($0) ? $0 : nil } }
    }

    /// An integer in a range, or the default when the key is missing.
    public func int(_ key: String, in range: ClosedRange<Int> = .min ... .max, default: Int) -> Int {
        int(key, in: range) ?? `default`
    }

    /// An integer in a range.
    public func requiredInt(_ key: String, in range: ClosedRange<Int> = .min ... .max) -> Int {
        requirePresence(of: key, expected: Self.words(for: range))
        return int(key, in: range) ?? range.lowerBound
    }

    private static func words(for range: ClosedRange<Int>) -> String {
        switch (range.lowerBound, range.upperBound) {
        case (.min, .max): "an integer"
        case (let lower, .max): "an integer of \(lower) or more"
        case (.min, let upper): "an integer of \(upper) or less"
        case (let lower, let upper): "an integer from \(lower) to \(upper)"
        }
    }

    /// A boolean; nil when the key is missing.
    public func bool(_ key: String) -> Bool? { value(key, expected: "true or false") { $0.boolean } }

    /// A boolean, or the default when the key is missing.
    public func bool(_ key: String, default: Bool) -> Bool { bool(key) ?? `default` }

    /// A duration such as `"15m"`, in a range where one is given; nil when the key is missing.
    public func duration(_ key: String, in range: ClosedRange<Duration>? = nil) -> Duration? {
        let bounds = range.map {
            " from \(Quantities.format(duration: $0.lowerBound)) to \(Quantities.format(duration: $0.upperBound))"
        }
        return value(key, expected: Quantities.durationRule + (bounds ?? "")) { value in
            guard let duration = value.string.flatMap({ Quantities.duration($0) }) else { return nil }
            return range?.contains(duration) == false ? nil : duration
        }
    }

    /// A duration such as `"15m"`, or the default when the key is missing.
    public func duration(_ key: String, in range: ClosedRange<Duration>? = nil, default: Duration) -> Duration {
        duration(key, in: range) ?? `default`
    }

    /// A number of bytes such as `"512KiB"`, or a plain integer; nil when the key is missing.
    public func byteCount(_ key: String, in range: ClosedRange<Int64> = 0 ... .max) -> Int64? {
        bytes(key, expected: Quantities.bytesRule, in: range) { Quantities.bytes($0) }
    }

    /// A number of bytes, or the default when the key is missing.
    public func byteCount(_ key: String, in range: ClosedRange<Int64> = 0 ... .max, default: Int64) -> Int64 {
        byteCount(key, in: range) ?? `default`
    }

    /// Bytes per second, such as `"10MB"` or `"10MB/s"`, or a plain integer; nil when the key is missing.
    public func byteRate(_ key: String, in range: ClosedRange<Int64> = 0 ... .max) -> Int64? {
        bytes(key, expected: "bytes per second such as 512KiB/s or 10MB/s", in: range) { text in
            Quantities.bytes(text.hasSuffix("/s") ? text.dropLast(2) : text[...])
        }
    }

    /// Bytes per second, or the default when the key is missing.
    public func byteRate(_ key: String, in range: ClosedRange<Int64> = 0 ... .max, default: Int64) -> Int64 {
        byteRate(key, in: range) ?? `default`
    }

    private func bytes(
        _ key: String, expected: String, in range: ClosedRange<Int64>, parse: (String) -> Int64?
    ) -> Int64? {
        var words = expected
        if range.lowerBound > 0 { words += ", at least \(Quantities.format(bytes: range.lowerBound))" }
        if range.upperBound < .max { words += ", at most \(Quantities.format(bytes: range.upperBound))" }
        return value(key, expected: words) { value in
            guard let bytes = value.string.flatMap(parse) ?? value.integer.map({ Int64($0) }) else { return nil }
            return range.contains(bytes) ? bytes : nil
        }
    }

    private static var endpointRule: String { "HOST:PORT, [IPV6]:PORT or :PORT" }

    /// An endpoint; nil when the key is missing.
    public func endpoint(_ key: String) -> Endpoint? { parsed(key, expected: Self.endpointRule) { Endpoint($0) } }

    /// An endpoint, or the default when the key is missing.
    public func endpoint(_ key: String, default: Endpoint) -> Endpoint { endpoint(key) ?? `default` }

    /// An array of endpoints.
    public func endpoints(_ key: String, default: [Endpoint] = []) -> [Endpoint] {
        parsedArray(key, expected: Self.endpointRule, default: `default`) { Endpoint($0) }
    }

    /// One of the strings that stand for the cases of an enumeration; nil when the key is missing.
    public func oneOf<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String, as type: Choice.Type = Choice.self
    ) -> Choice? {
        let words = Choice.allCases.map(\.rawValue.debugDescription).joined(separator: ", ")
        return parsed(key, expected: "one of \(words)") { Choice(rawValue: $0) }
    }

    /// One of the strings that stand for the cases of an enumeration, or the default when the key is missing.
    public func oneOf<Choice: RawRepresentable<String> & CaseIterable>(_ key: String, default: Choice) -> Choice {
        oneOf(key, as: Choice.self) ?? `default`
    }

    /// A string in the form that `parse` gives; `expected` says what that takes. Nil when the key is missing.
    public func parsed<Value>(_ key: String, expected: String, _ parse: (String) -> Value?) -> Value? {
        value(key, expected: expected) { $0.string.flatMap(parse) }
    }

    /// A string in the form that `parse` gives. It is nil only when `finish` will throw.
    public func requiredParsed<Value>(_ key: String, expected: String, _ parse: (String) -> Value?) -> Value? {
        requirePresence(of: key, expected: expected)
        return parsed(key, expected: expected, parse)
    }

    /// An array of strings, each in the form that `parse` gives.
    public func parsedArray<Value>(
        _ key: String, expected: String, default: [Value] = [], _ parse: (String) -> Value?
    ) -> [Value] {
        elements(key, expected: expected) { $0.string.flatMap(parse) } ?? `default`
    }
}
