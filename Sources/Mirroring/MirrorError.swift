/// Why a set is not mirrored as it should be.
public struct MirrorError: Error, Sendable, CustomStringConvertible {
    /// The kind of fault; more may come.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// Stable from version to version, for logs and scripts.
        public let rawValue: String
        /// Takes any text: a later version may know more kinds.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// No answer from an upstream, or not the one that was due.
        public static let upstream = Code(rawValue: "upstream")
        /// A feed, manifest or torrent that is not what was signed.
        public static let untrusted = Code(rawValue: "untrusted")
        /// Not enough room on the disk.
        public static let noSpace = Code(rawValue: "noSpace")
        /// A snapshot that lost more than its manifest explains.
        public static let shrunk = Code(rawValue: "shrunk")
        /// Content that does not have its digest after it was written.
        public static let corrupt = Code(rawValue: "corrupt")
        /// A file, a document or the state that is missing, or that cannot be read or written.
        public static let file = Code(rawValue: "file")
    }

    /// For programs; people read `message`.
    public let code: Code
    /// What happened, to which file or peer, and what to do.
    public let message: String

    /// `message` is a sentence with advice: it is shown as it is.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message alone, without the code.
    public var description: String { message }
}
