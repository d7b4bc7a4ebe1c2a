/// A table of a configuration file. Each accessor remembers the key that it is asked for, and records a problem when
/// the value is of another type or out of range; it then gives the default, or nil.
public final class ConfigurationTable {
    /// The table's path in the document, such as `set[0]`; empty for the root.
    public let path: String
    private let values: [String: ConfigurationValue]
    private let report: ConfigurationReport
    /// In the order in which they were asked for.
    private var askedKeys: [String] = []
    private var children: [String: ConfigurationTable] = [:]

    init(path: String, values: [String: ConfigurationValue], report: ConfigurationReport) {
        self.path = path
        self.values = values
        self.report = report
    }

    /// The table's keys in order, for tables whose keys are free to choose. It counts as a question for none of them.
    public var keys: [String] { values.keys.sorted() }

    /// Whether the table has the key. It counts as a question for it.
    public func has(_ key: String) -> Bool { ask(key) != nil }

    /// Records a problem of a key that only the caller can see.
    public func reject(_ key: String, _ message: String) {
        note(key)
        let keyPath = KeyLocator.path(path, key)
        report.add(keyPath, at: values[key] == nil ? path : keyPath, message)
    }

    /// Records that a key which must be there is missing, unless it is there (and has its own problem).
    func requirePresence(of key: String, expected: String) {
        if values[key] == nil { reject(key, "missing; expected \(expected)") }
    }

    /// The value of a key in the form that `convert` gives; when that is nil, a problem is recorded.
    func value<Value>(_ key: String, expected: String, _ convert: (ConfigurationValue) -> Value?) -> Value? {
        guard let value = ask(key) else { return nil }
        if let converted = convert(value) { return converted }
        reject(key, "expected \(expected), found \(value.summary)")
        return nil
    }

    /// The elements of an array in the form that `convert` gives; a problem is recorded for each that has none.
    func elements<Value>(_ key: String, expected: String, _ convert: (ConfigurationValue) -> Value?) -> [Value]? {
        guard let value = ask(key) else { return nil }
        guard case .array(let elements) = value else {
            reject(key, "expected an array, found \(value.summary)")
            return nil
        }
        return elements.enumerated().compactMap { index, element in
            if let converted = convert(element) { return converted }
            let elementPath = KeyLocator.path(KeyLocator.path(path, key), index)
            report.add(elementPath, at: elementPath, "expected \(expected), found \(element.summary)")
            return nil
        }
    }

    /// The table of a key; nil when it is missing.
    public func table(_ key: String) -> ConfigurationTable? {
        value(key, expected: "a table") { value in
            guard case .table(let values) = value else { return nil }
            return child(KeyLocator.path(path, key), values)
        }
    }

    /// The tables of a key that is an array of tables (`[[key]]`); empty when it is missing.
    public func tables(_ key: String) -> [ConfigurationTable] {
        var index = -1
        return elements(key, expected: "a table") { value in
            index += 1
            guard case .table(let values) = value else { return nil }
            return child(KeyLocator.path(KeyLocator.path(path, key), index), values)
        } ?? []
    }

    /// Always the same object for one path, so that all questions count.
    private func child(_ childPath: String, _ values: [String: ConfigurationValue]) -> ConfigurationTable {
        if let child = children[childPath] { return child }
        let child = ConfigurationTable(path: childPath, values: values, report: report)
        children[childPath] = child
        return child
    }

    private func note(_ key: String) { if !askedKeys.contains(key) { askedKeys.append(key) } }

    private func ask(_ key: String) -> ConfigurationValue? {
        note(key)
        return values[key]
    }

    /// Records the keys that were never asked for, here and in the tables below.
    func reportUnknownKeys() {
        for key in keys where !askedKeys.contains(key) {
            let keyPath = KeyLocator.path(path, key)
            let hint = Self.nearest(to: key, among: askedKeys).map { "; did you mean “\($0)”?" } ?? ""
            report.add(keyPath, at: keyPath, "unknown key\(hint)")
        }
        for child in children.values { child.reportUnknownKeys() }
    }

    /// The known key that takes the fewest changes to become `key`; nil when all take more than a third of it, or two.
    static func nearest(to key: String, among known: [String]) -> String? {
        let limit = max(2, key.count / 3)
        let candidates = known.map { (key: $0, distance: distance($0, key)) }
            .filter { $0.distance <= limit && $0.distance < $0.key.count }
        return candidates.min { $0.distance < $1.distance }?.key
    }

    /// How many characters to insert, delete, replace or swap with their neighbour (optimal string alignment distance).
    static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.lowercased())
        let right = Array(right.lowercased())
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (row, character) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var best = min(last[column + 1] + 1, current[column] + 1, last[column] + (character == other ? 0 : 1))
                if row > 0, column > 0, character == right[column - 1], left[row - 1] == other {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
