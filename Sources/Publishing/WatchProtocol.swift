internal import FoundationEssentials
public import SwarmCore

/// What `swarm-publish notify` asks a running watch.
public struct WatchRequest: Hashable, Sendable, Codable {
    /// Paths that changed, relative to the source or absolute below it.
    public var paths: [String]
    /// Publish without waiting for the source to rest.
    public var now: Bool
    /// Answer when the snapshot is published.
    public var wait: Bool

    /// A request with the given parts.
    public init(paths: [String] = [], now: Bool = false, wait: Bool = false) {
        self.paths = paths
        self.now = now
        self.wait = wait
    }
}

/// What a watch answers.
public struct WatchAnswer: Hashable, Sendable, Codable {
    /// Why the request was not fulfilled; nil when it was.
    public var error: String?
    /// The newest snapshot, when the request was to wait for it.
    public var snapshot: SnapshotID?
    /// Whether that one was made since the request came; else nothing had changed.
    public var published = false

    /// An answer that says that the request was taken.
    public init() {}

    init(error: String) { self.error = error }
}
