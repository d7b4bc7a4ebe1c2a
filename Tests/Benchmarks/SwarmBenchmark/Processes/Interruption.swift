import Glibc
import Synchronization

/// SIGINT, SIGTERM and SIGHUP end the benchmark between two steps, so that processes and directories are cleaned up on
/// the way out. Long loops and all waiting call `check()`.
public enum Interruption {
    private static let isRequested = Atomic<Bool>(false)

    /// Takes the signals over, for the rest of the process's life.
    public static func install() {
        // Initialised here: a signal handler must not run into the lock of a lazy global.
        isRequested.store(false, ordering: .relaxed)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in Interruption.isRequested.store(true, ordering: .relaxed) }
        for signal in [SIGINT, SIGTERM, SIGHUP] { sigaction(signal, &action, nil) }
    }

    /// Throws once one of the signals has come.
    public static func check() throws {
        if isRequested.load(ordering: .relaxed) { throw BenchmarkError("interrupted") }
    }

    /// Waits for a moment, or until a signal comes.
    static func pause(_ duration: Duration) throws {
        var rest = duration.timespec
        nanosleep(&rest, nil)
        try check()
    }

    /// Looks every 5 ms, until there is a value. What is waited for happens in other processes and sends no event.
    static func wait<Value>(for what: String, within limit: Duration, _ condition: () throws -> Value?) throws -> Value
    {
        let end = ContinuousClock.now + limit
        while true {
            if let value = try condition() { return value }
            guard ContinuousClock.now < end else {
                throw BenchmarkError(
                    "\(what) did not happen within \(limit); the logs are in the work directory (--keep)")
            }
            try pause(.milliseconds(5))
        }
    }
}

extension Duration {
    /// In seconds.
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }

    fileprivate var timespec: Glibc.timespec {
        Glibc.timespec(tv_sec: Int(components.seconds), tv_nsec: Int(components.attoseconds / 1_000_000_000))
    }
}
