internal import Glibc

/// A system call for a socket that failed.
public struct DatagramFailure: Error, Sendable, CustomStringConvertible {
    /// `errno`.
    public let code: Int32
    /// The name of the call.
    public let call: String

    /// With the reason that `errno` gives.
    init(_ call: String) {
        code = errno
        self.call = call
    }

    /// The call and the reason.
    public var description: String {
        // unsafe: the C library's text lives as long as the process.
        unsafe "\(call): \(String(cString: strerror(code)))"
    }
}
