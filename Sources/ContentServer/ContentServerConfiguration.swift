public import SwarmCore

/// Where the server listens and what it bears.
public struct ContentServerConfiguration: Hashable, Sendable {
    /// One address to listen at.
    public struct Listener: Hashable, Sendable {
        /// What kind of socket.
        public enum Address: Hashable, Sendable {
            /// TCP; port 0 takes a free one, an empty host or `*` every interface.
            case tcp(Endpoint)
            /// A Unix socket of mode 0600; a stale one at the path is replaced.
            case unix(path: String)
        }

        /// Where to listen.
        public var address: Address
        /// Whether `/.swarm/status` and `/.swarm/metrics` are answered here.
        public var admin: Bool

        /// A listener at `address`.
        public init(_ address: Address, admin: Bool) {
            self.address = address
            self.admin = admin
        }

        /// A TCP listener, for everyone unless `admin` is true.
        public static func tcp(_ endpoint: Endpoint, admin: Bool = false) -> Listener {
            Listener(.tcp(endpoint), admin: admin)
        }

        /// A listener at a Unix socket, which only its owner can reach: it is an admin listener.
        public static func unix(path: String) -> Listener { Listener(.unix(path: path), admin: true) }
    }

    /// Where to listen.
    public var listeners: [Listener]
    /// A connection is closed when it sends no whole request, or takes no byte of a response, for this long. A request
    /// must be complete within this time. Polls of a feed are exempt while they are held.
    public var idleTimeout: Duration
    /// How long responses that are under way may take once the server shuts down.
    public var shutdownTimeout: Duration
    /// Above this many connections, further TCP connections are answered 503. Each may need two file descriptors.
    public var maxConnections: Int
    /// Threads that wait for the disk.
    public var fileThreads: Int

    /// A configuration with the given listeners.
    public init(
        listeners: [Listener], idleTimeout: Duration = .seconds(60), shutdownTimeout: Duration = .seconds(10),
        maxConnections: Int = 10_000, fileThreads: Int = 16
    ) {
        self.listeners = listeners
        self.idleTimeout = idleTimeout
        self.shutdownTimeout = shutdownTimeout
        self.maxConnections = maxConnections
        self.fileThreads = fileThreads
    }
}
