internal import Dispatch
internal import Glibc
internal import Synchronization

/// Tells what changes in a directory and in all below it, by inotify(7): what it costs follows what happens, and not the
/// size of the tree. Only what this machine does is seen; what another one does to a network file system is not.
public final class TreeWatch: Sendable {
    /// What happened. Paths are relative to the watched directory, whose own path is empty.
    public enum Event: Hashable, Sendable {
        /// Something at the path came, went or changed; if it is a directory, anything below may have changed too.
        case changed(String)
        /// A program writes to the file at the path, and has not closed it.
        case beingWritten(String)
        /// A file has another name.
        case renamed(String, to: String)
        /// Events were lost, for the reason given. It is the last event; a new watch can be made.
        case lost(String)
    }

    /// There are more directories than may be watched.
    public struct LimitReached: Error, Hashable, Sendable, CustomStringConvertible {
        /// The watched tree.
        public let directory: String
        /// Directories in it.
        public let count: Int
        /// What the kernel allows to one user.
        public let limit: Int

        /// The figures, and what to do.
        public var description: String {
            var wanted = 1 << 16
            while wanted < count * 2 { wanted *= 2 }
            return """
                \(directory) has \(count) directories, and fs.inotify.max_user_watches is \(limit) for all programs of a \
                user: raise it with sysctl fs.inotify.max_user_watches=\(wanted), and in a file in /etc/sysctl.d
                """
        }
    }

    /// There are new events to take. Ends when the watch is cancelled.
    public let signals: AsyncStream<Void>
    /// Directories that were watched at the beginning.
    public let directoryCount: Int
    private let signal: AsyncStream<Void>.Continuation
    private let events: EventBox
    private let queue = DispatchQueue(label: "swarm.tree-watch")
    private let reader: TreeWatchReader
    /// A dispatch source may be cancelled from any thread; its Swift interface does not say so.
    private nonisolated(unsafe) let source: any DispatchSourceRead

    /// Watches `directory` and all directories below it until the watch is cancelled or released. Blocking: lists each
    /// directory, and looks at no file.
    ///
    /// - Parameter includes: whether a path belongs to the tree; its second parameter says whether it is a directory's.
    ///   What is below a directory that does not belong to it does not either.
    /// - Throws: `LimitReached`, or a `FileError`.
    public init(_ directory: String, includes: (@Sendable (String, _ isDirectory: Bool) -> Bool)? = nil) throws {
        let events = EventBox()
        let reader = try TreeWatchReader(directory, includes: includes) { events.append($0) }
        try reader.begin()
        self.reader = reader
        self.events = events
        directoryCount = reader.directoryCount
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        source = DispatchSource.makeReadSource(fileDescriptor: reader.descriptor, queue: queue)
        source.setEventHandler { [weak self] in
            // What comes in a burst is read together, and the kernel merges writes that follow one another.
            usleep(Self.gatheringTime)
            self?.read()
        }
        // The reader, and with it the descriptor, lives until no handler can run any more.
        source.setCancelHandler { [signal] in withExtendedLifetime(reader) { signal.finish() } }
        source.activate()
    }

    /// Microseconds.
    private static let gatheringTime: UInt32 = 20_000

    /// The events since the last call, in the order in which they happened.
    public func take() -> [Event] { events.take() }

    /// Returns when all that happened before the call can be taken.
    public func catchUp() async {
        await withCheckedContinuation { continuation in
            queue.async { [self] in
                if !source.isCancelled { read() }
                continuation.resume()
            }
        }
    }

    /// On `queue`.
    private func read() {
        if !reader.read() { source.cancel() }
        if !events.isEmpty { signal.yield() }
    }

    /// Ends the watch.
    public func cancel() {
        signal.finish()
        source.cancel()
    }

    deinit { cancel() }
}

/// Events from the thread that reads them to the one that takes them.
private final class EventBox: Sendable {
    private let events = Mutex<[TreeWatch.Event]>([])

    var isEmpty: Bool { events.withLock { $0.isEmpty } }

    /// A run of the same event counts once: a file that is written to brings one for each write.
    func append(_ event: TreeWatch.Event) {
        events.withLock { if $0.last != event { $0.append(event) } }
    }

    func take() -> [TreeWatch.Event] {
        events.withLock { events in
            defer { events = [] }
            return events
        }
    }
}
