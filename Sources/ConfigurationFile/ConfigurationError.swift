/// Everything that is wrong with a configuration file, one line for each problem.
public struct ConfigurationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// One problem.
    public struct Problem: Hashable, Sendable {
        /// The line, from 1; nil when the problem is of the file as a whole.
        public let line: Int?
        /// The column, from 1; known for errors of syntax only.
        public let column: Int?
        /// The path of the key, such as `set[0].upstream`; empty for errors of syntax.
        public let path: String
        /// What is wrong, in words.
        public let message: String

        init(line: Int?, column: Int? = nil, path: String, message: String) {
            self.line = line
            self.column = column
            self.path = path
            self.message = message
        }
    }

    /// The file's name, as it was given to the reader.
    public let file: String
    /// The problems in the order of their lines.
    public let problems: [Problem]

    /// A line for each problem: `node.toml:12: set[0].upstram: unknown key; did you mean “upstream”?`
    public var description: String {
        problems.map { problem in
            var text = file
            if let line = problem.line { text += ":\(line)" }
            if let column = problem.column { text += ":\(column)" }
            return "\(text): \(problem.path.isEmpty ? "" : problem.path + ": ")\(problem.message)"
        }.joined(separator: "\n")
    }
}
