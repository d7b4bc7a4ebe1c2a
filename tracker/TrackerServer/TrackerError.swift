/// What went wrong in the tracker, with what an operator can do about it.
public struct TrackerError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    public enum Code: Sendable, Hashable {
        /// An address cannot be listened at.
        case listen
        /// The database cannot be used.
        case store
        /// The upstream of a set does not answer, or not as it should.
        case upstream
        /// A node's name is taken, or unknown.
        case node
    }

    /// The kind of failure.
    public let code: Code
    /// What happened and what to do, in words.
    public let message: String

    /// Both parts given.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
