internal import ConfigurationFile

/// Why a command on the master did not do what it was asked.
public struct PublishingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kind of fault; more may come.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The name of the kind.
        public let rawValue: String
        /// A kind by its name.
        public init(rawValue: String) { self.rawValue = rawValue }
        /// A name that a torrent cannot carry.
        public static let badName = Code(rawValue: "badName")
        /// A symbolic link that leaves the tree.
        public static let unsafeLink = Code(rawValue: "unsafeLink")
        /// A device, a socket or a pipe.
        public static let unsupportedFile = Code(rawValue: "unsupportedFile")
        /// A source that is not there, or that lost everything.
        public static let source = Code(rawValue: "source")
        /// A source that does not hold still.
        public static let changing = Code(rawValue: "changing")
        /// A source that lost more than is usual.
        public static let shrunk = Code(rawValue: "shrunk")
        /// The store is there already, or is none.
        public static let store = Code(rawValue: "store")
        /// No snapshot, or no tag, of that name.
        public static let noSnapshot = Code(rawValue: "noSnapshot")
        /// No watch runs, or it could not do what it was asked.
        public static let watch = Code(rawValue: "watch")
        /// A tracker does not know what it is asked about.
        public static let tracker = Code(rawValue: "tracker")
        /// An option or a setting with a value that cannot be.
        public static let usage = Code(rawValue: "usage")
    }

    /// The kind.
    public let code: Code
    /// What happened, to which file, and what to do.
    public let message: String

    /// An error with the given parts.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }

    /// The status that a process ends with after `error`: 64 for what cannot be asked for, 78 for a configuration that
    /// cannot be, 1 for all else (sysexits.h).
    public static func exitStatus(after error: any Error) -> Int32 {
        switch error {
        case let error as PublishingError where error.code == .usage: 64
        case is ConfigurationError: 78
        default: 1
        }
    }
}
