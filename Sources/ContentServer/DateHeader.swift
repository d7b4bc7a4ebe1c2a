internal import Synchronization

/// The text of the Date header (RFC 9110, section 6.6.1), made once per second.
final class DateHeader: Sendable {
    private let cached = Mutex((seconds: Int64.min, text: ""))

    func text(at seconds: Int64) -> String {
        cached.withLock { cached in
            if cached.seconds != seconds { cached = (seconds, HTTPDate(seconds: seconds).text) }
            return cached.text
        }
    }
}
