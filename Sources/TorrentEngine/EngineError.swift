/// Why the engine refused something.
public struct EngineError: Error, Sendable, CustomStringConvertible {
    /// The kind of an error; more may come.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The name of the kind.
        public let description: String

        /// The bytes are no torrent, exceed the limits, or libtorrent refuses them.
        public static let badTorrent = Code(description: "badTorrent")
        /// The torrent is of version 2, refers to other torrents (BEP 38), or is an SSL torrent.
        public static let unsupportedTorrent = Code(description: "unsupportedTorrent")
        /// A file's path leads out of the torrent's directory.
        public static let hostileNames = Code(description: "hostileNames")
        /// The torrent has another info-hash than the caller expects.
        public static let infoHashMismatch = Code(description: "infoHashMismatch")
        /// A set of pieces, a piece's index or a piece's length does not fit the torrent.
        public static let pieceMismatch = Code(description: "pieceMismatch")
        /// The session has the torrent, or is still removing it.
        public static let alreadyAdded = Code(description: "alreadyAdded")
        /// The session does not have the torrent.
        public static let unknownTorrent = Code(description: "unknownTorrent")
        /// The endpoint cannot be dialled: no such host, or port 0.
        public static let badAddress = Code(description: "badAddress")
        /// libtorrent failed, or the engine is stopped.
        public static let session = Code(description: "session")
    }

    /// The kind.
    public let code: Code
    /// What happened, for an operator.
    public let message: String
    /// libtorrent's or the system's error number; 0 when there is none.
    public let nativeCode: Int32

    /// An error with the given parts.
    public init(_ code: Code, _ message: String, nativeCode: Int32 = 0) {
        self.code = code
        self.message = message
        self.nativeCode = nativeCode
    }

    /// Kind, message and native code in one line.
    public var description: String {
        nativeCode == 0 ? "\(code): \(message)" : "\(code): \(message) (native code \(nativeCode))"
    }
}
