/// Reads a configuration file strictly: every key must be known, every value of its type and in its range. Ask the
/// tables from `root` on for all keys, then call `finish`, which reports all problems at once.
///
///     let reader = try ConfigurationReader(text: text, file: "node.toml")
///     let port = reader.root.int("port", in: 1...65535, default: 6881)
///     let sets = reader.root.tables("set").map { SetConfiguration($0) }
///     try reader.finish()
///
/// What the tables gave may be used only after `finish` did not throw.
public final class ConfigurationReader {
    /// The document's root table.
    public let root: ConfigurationTable
    private let report: ConfigurationReport

    /// Reads a TOML document; `file` is its name in messages. Throws `ConfigurationError` for an error of syntax.
    public init(text: String, file: String) throws(ConfigurationError) {
        // The library would take it for the end of the text.
        if text.utf8.contains(0) {
            let line = text.utf8.prefix { $0 != 0 }.count { $0 == UInt8(ascii: "\n") } + 1
            let problem = ConfigurationError.Problem(line: line, path: "", message: "the file holds a zero byte")
            throw ConfigurationError(file: file, problems: [problem])
        }
        do throws(ConfigurationValue.SyntaxError) {
            let values = try ConfigurationValue.parse(text)
            report = ConfigurationReport(file: file, locator: KeyLocator(text))
            root = ConfigurationTable(path: "", values: values, report: report)
        } catch {
            let problem = ConfigurationError.Problem(
                line: error.line, column: error.column, path: "", message: error.message)
            throw ConfigurationError(file: file, problems: [problem])
        }
    }

    /// Throws all that was found: wrong and missing values, and the keys that were not asked for.
    public func finish() throws(ConfigurationError) {
        root.reportUnknownKeys()
        guard let error = report.error else { return }
        throw error
    }
}

/// The problems of one document.
final class ConfigurationReport {
    private let file: String
    private let locator: KeyLocator
    private var problems: [ConfigurationError.Problem] = []

    init(file: String, locator: KeyLocator) {
        self.file = file
        self.locator = locator
    }

    /// Adds a problem at `path`, in the line of `place`, which is the path itself or the table where it is missing.
    func add(_ path: String, at place: String, _ message: String) {
        let problem = ConfigurationError.Problem(line: locator.line(of: place), path: path, message: message)
        if !problems.contains(problem) { problems.append(problem) }
    }

    /// All problems by line, those without one first; nil when there are none.
    var error: ConfigurationError? {
        guard !problems.isEmpty else { return nil }
        // Those of one line stay in the order in which they were found.
        let sorted = problems.enumerated().sorted {
            ($0.element.line ?? 0, $0.offset) < ($1.element.line ?? 0, $1.offset)
        }
        return ConfigurationError(file: file, problems: sorted.map(\.element))
    }
}
