/// What went wrong with the server itself, and what the operator can do.
public struct ContentServerError: Error, CustomStringConvertible {
    /// The kinds of failure; more may come.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code's name.
        public let description: String
        /// An address could not be listened at.
        public static let cannotListen = Code(description: "cannotListen")
        /// The server runs, or has run, already.
        public static let alreadyStarted = Code(description: "alreadyStarted")
    }

    /// The kind.
    public let code: Code
    /// What happened, to which address, and what to do.
    public let message: String
    /// The failure beneath.
    public let cause: (any Error)?

    init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The message with its cause.
    public var description: String { cause.map { "\(message) (\($0))" } ?? message }
}
