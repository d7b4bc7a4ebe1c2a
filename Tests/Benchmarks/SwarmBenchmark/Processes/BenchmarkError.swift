import Glibc

/// Why the benchmark cannot go on, as a sentence that names the thing and the way out.
public struct BenchmarkError: Error, CustomStringConvertible {
    /// The sentence.
    public let description: String

    /// With a sentence.
    public init(_ description: String) { self.description = description }
}

extension BenchmarkError {
    /// A system call that failed, with the reason that `errno` gives.
    static func system(_ call: String, _ path: String) -> BenchmarkError {
        let reason = errno
        return BenchmarkError("\(call) of \(path): \(String(cString: strerror(reason)))")
    }
}
