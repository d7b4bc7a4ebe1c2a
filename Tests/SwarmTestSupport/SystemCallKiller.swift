import Foundation

/// Ends a program with SIGKILL at the very system call that a test names, by way of strace.
public enum SystemCallKiller {
    private static let strace = "/usr/bin/strace"

    /// Why a test that needs it may be left out.
    public static let requirement = "strace must be there and allowed to trace; `make deps` installs it"

    /// Whether a process can be traced here.
    public static let isPossible: Bool = {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: strace)
        process.arguments = ["-qq", "-e", "trace=none", "/bin/true"]
        process.standardError = FileHandle.nullDevice
        do { try process.run() } catch { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    /// The command that runs a program until one of its threads is about to make the call named `call` for the
    /// `number`th time; the call itself is not made. strace then ends as the program did.
    ///
    /// - Parameters:
    ///   - path: count only calls that name this path, or a descriptor of it.
    ///   - log: a file for what strace has to say.
    public static func wrapper(_ call: String, number: Int = 1, path: String? = nil, log: String) -> [String] {
        [strace, "-f", "-qq", "-o", log, "-e", "trace=\(call)", "-e", "inject=\(call):signal=KILL:when=\(number)"]
            + (path.map { ["-P", $0] } ?? [])
    }
}
