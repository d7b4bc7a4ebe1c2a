internal import Glibc

/// The clock on the wall.
enum SystemClock {
    /// Seconds since 1970.
    @Sendable static func now() -> Int64 { Int64(time(nil)) }
}
