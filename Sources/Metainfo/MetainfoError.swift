/// What is wrong with a torrent, and where.
public struct MetainfoError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of fault; more may come.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The name of the kind.
        public let rawValue: String
        /// A kind by its name.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// Not canonical bencoding.
        public static let malformed = Code(rawValue: "malformed")
        /// A required key is missing, or a value has the wrong type or range.
        public static let invalid = Code(rawValue: "invalid")
        /// A path that must not be written: `..`, absolute, NUL, bad UTF-8, twice the same.
        public static let unsafePath = Code(rawValue: "unsafePath")
        /// A symbolic link that leaves the tree.
        public static let unsafeLink = Code(rawValue: "unsafeLink")
        /// Larger than what this code takes.
        public static let tooLarge = Code(rawValue: "tooLarge")
        /// A feature that is refused because it is dangerous: BEP 38's keys.
        public static let refused = Code(rawValue: "refused")
    }

    /// The kind.
    public let code: Code
    /// What is wrong, with which name.
    public let message: String

    /// An error with the given parts.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
