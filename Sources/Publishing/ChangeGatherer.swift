internal import FileTree

/// Gathers what changed until the source is at rest, and says when it is to be published. A value without a clock: each
/// call is told the time.
struct ChangeGatherer: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// When a source is said to be at rest.
    struct Timing: Sendable {
        /// For how long nothing may have happened.
        var settle: Duration
        /// For how long changes wait at most, and for how long a file counts as being written after the last write.
        var settleLimit: Duration
        /// The pause after a failure, twice as long after each further one.
        var firstRetry = Duration.seconds(5)
        var lastRetry = Duration.seconds(300)
    }

    /// What a snapshot is to look at.
    enum Batch: Hashable, Sendable {
        case everything
        case paths(Set<String>)
    }

    /// More paths than this are not worth their memory: a look at everything is due then.
    static let defaultPathLimit = 500_000

    private let timing: Timing
    private let pathLimit: Int
    private var paths: Set<String> = []
    private var isEverything = false
    /// Files that a program writes to, with the time of the last write. They are left out: half a file is of no use.
    private var writing: [String: Instant] = [:]
    /// When the oldest of what waits came.
    private var first: Instant?
    /// When something last happened.
    private var last: Instant?
    private var isUrgent = false
    /// In a row.
    private(set) var failures = 0
    private var failed: Instant?

    init(_ timing: Timing, pathLimit: Int = defaultPathLimit) {
        self.timing = timing
        self.pathLimit = pathLimit
    }

    /// Whether there is nothing to look at.
    var isEmpty: Bool { paths.isEmpty && !isEverything }

    // MARK: What happens

    mutating func note(_ event: TreeWatch.Event, at now: Instant) {
        switch event {
        case .changed(let path):
            writing[path] = nil
            insert(path, at: now)
        case .beingWritten(let path):
            writing[path] = now
            last = now
            // What it was before is out of date as well, and comes when it is closed.
            paths.remove(path)
        case .renamed(let path, let destination):
            insert(path, at: now)
            if let written = writing.removeValue(forKey: path) {
                writing[destination] = written
            } else {
                insert(destination, at: now)
            }
        case .lost: noteEverything(at: now)
        }
    }

    /// Anything may have changed.
    mutating func noteEverything(at now: Instant) {
        isEverything = true
        paths = []
        first = first ?? now
        last = now
    }

    /// Publishes without waiting for the source to rest.
    mutating func hurry() { isUrgent = true }

    private mutating func insert(_ path: String, at now: Instant) {
        first = first ?? now
        last = now
        guard !isEverything else { return }
        paths.insert(path)
        if paths.count > pathLimit { noteEverything(at: now) }
    }

    // MARK: When

    /// When to publish; nil while there is nothing to publish. It may lie in the past.
    func due(_ now: Instant) -> Instant? {
        if isUrgent { return now }
        guard !isEmpty, let first, let last else { return writing.values.min().map { $0 + timing.settleLimit } }
        let rest = min(last + timing.settle, first + timing.settleLimit)
        guard let failed else { return rest }
        // What happened since the failure may have mended it; a look at everything costs too much to try that.
        return last > failed && !isEverything ? min(last + timing.settle, retry(failed)) : retry(failed)
    }

    private func retry(_ failed: Instant) -> Instant {
        failed + min(timing.lastRetry, timing.firstRetry * (1 << min(16, max(0, failures - 1))))
    }

    // MARK: Publishing

    /// Hands out what a snapshot is to look at now.
    mutating func take(_ now: Instant) -> Batch {
        for (path, written) in writing where written + timing.settleLimit <= now {
            writing[path] = nil
            insert(path, at: now)
        }
        defer {
            paths = []
            isEverything = false
            isUrgent = false
            first = nil
        }
        return isEverything ? .everything : .paths(paths)
    }

    /// The batch was published.
    mutating func succeeded() {
        failures = 0
        failed = nil
    }

    /// The batch was not published; it comes again with what happened meanwhile. Returns the pause until then.
    mutating func failed(_ batch: Batch, at now: Instant) -> Duration {
        putBack(batch, at: now)
        failures += 1
        failed = now
        return retry(now) - now
    }

    private mutating func putBack(_ batch: Batch, at now: Instant) {
        // The time of the last event stays: nothing happened.
        let before = last
        switch batch {
        case .everything: noteEverything(at: now)
        case .paths(let paths): for path in paths where writing[path] == nil { insert(path, at: now) }
        }
        last = before ?? now
    }
}
