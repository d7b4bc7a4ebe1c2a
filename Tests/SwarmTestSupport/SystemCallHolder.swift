import Foundation
import Glibc

/// Holds a thread of a program at the very system call that a test names, for as long as the test likes, by way of strace. The
/// program's other threads go on.
public struct SystemCallHolder: Sendable {
    private let call: String
    private let paths: [String]
    private let log: String

    /// - Parameters:
    ///   - call: the call's name.
    ///   - paths: calls that name one of these are meant, or a descriptor of it.
    ///   - log: a file for what strace has to say.
    public init(_ call: String, paths: [String], log: String) {
        (self.call, self.paths, self.log) = (call, paths, log)
    }

    /// The command that runs a program, as a child of whoever runs the command, until a thread of it is about to make the call
    /// for the first time.
    public var wrapper: [String] {
        [
            "/usr/bin/strace", "-D", "-f", "-qq", "-o", log, "-e", "signal=none", "-e", "trace=\(call)", "-e",
            "inject=\(call):delay_enter=3600s:when=1",
        ] + paths.flatMap { ["-P", $0] }
    }

    /// Waits until a thread is held.
    public func awaitHeld() async throws {
        // strace writes a call down as far as it is known.
        try await eventually("\(call) of \(paths)") {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            return text.contains(" \(call)(") ? () : nil
        }
    }

    /// Lets the program go on, and watches it no more.
    public func release(_ program: RunningProgram) throws {
        let status = try String(contentsOfFile: "/proc/\(program.pid)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("TracerPid:") }
        guard let tracer = line?.split(whereSeparator: \.isWhitespace).last.flatMap({ pid_t($0) }), tracer > 0 else {
            throw ProgramFailure("\(program.pid) is not traced")
        }
        // The system lets go of what a process traced that is no more.
        guard kill(tracer, SIGKILL) == 0 else { throw SystemCallFailure("kill", "\(tracer)") }
    }
}
