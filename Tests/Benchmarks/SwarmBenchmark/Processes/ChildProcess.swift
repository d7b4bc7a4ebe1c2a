import Foundation
public import Glibc

/// What a process and the children that it waited for have cost, as the kernel accounts it.
public struct ProcessCost: Sendable, Codable {
    /// Seconds in user mode and in the kernel.
    public var cpu: Double
    /// Seconds from start to end.
    public var wall: Double
    /// The most bytes that one of the processes had in memory.
    public var memory: Int64
}

/// A process in a process group of its own, with its output in files.
public final class ChildProcess {
    /// The process's number, and that of its group.
    public let pid: pid_t
    /// When it was started.
    public let started = ContinuousClock.now
    private let command: String
    private let log: String
    private(set) var ended: (status: Int32, cost: ProcessCost)?

    /// Starts a program, which is looked up in PATH when its name has no slash. The output goes to `log`.out and
    /// `log`.err.
    init(_ arguments: [String], log: String) throws {
        self.log = log
        command = arguments.joined(separator: " ")
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (descriptor, suffix) in [(1, "out"), (2, "err")] {
            posix_spawn_file_actions_addopen(
                &actions, Int32(descriptor), "\(log).\(suffix)", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        defer { for word in words { free(word) } }
        words.append(nil)
        var number: pid_t = 0
        let code = posix_spawnp(&number, arguments[0], &actions, &attributes, words, environ)
        guard code == 0 else {
            throw BenchmarkError("cannot start \(arguments[0]): \(String(cString: strerror(code)))")
        }
        pid = number
    }

    /// Whether it has not ended.
    public var isRunning: Bool { !reap() }

    /// What it wrote to the standard output.
    var output: String { Self.contents("\(log).out") }
    /// What it wrote to the standard error.
    var errors: String { Self.contents("\(log).err") }

    private static func contents(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    /// Takes note of its end; true once it has ended.
    private func reap() -> Bool {
        if ended != nil { return true }
        var status: Int32 = 0
        var usage = rusage()
        guard wait4(pid, &status, WNOHANG, &usage) == pid else { return false }
        let signal = status & 0x7f
        ended = (
            signal == 0 ? (status >> 8) & 0xff : -signal,
            ProcessCost(
                cpu: usage.ru_utime.seconds + usage.ru_stime.seconds, wall: (ContinuousClock.now - started).seconds,
                memory: Int64(usage.ru_maxrss) * 1024)
        )
        return true
    }

    /// Waits for its end, which must be a success. When the process `server` ends before, that is the error.
    @discardableResult
    func finish(from server: ChildProcess? = nil, within limit: Duration = .seconds(900)) throws -> ProcessCost {
        let end = started + limit
        while !reap() {
            if let server, !server.isRunning { throw server.failure }
            guard ContinuousClock.now < end else { throw BenchmarkError("not done within \(limit): \(command)") }
            try Interruption.pause(.milliseconds(1))
        }
        guard let ended, ended.status == 0 else { throw failure }
        return ended.cost
    }

    /// That it ended, when it should not have or with this code.
    var failure: BenchmarkError {
        let last = errors.split(separator: "\n").suffix(5).joined(separator: "\n  ")
        return BenchmarkError("\(command) ended with \(ended.map { "\($0.status)" } ?? "nothing yet"):\n  \(last)")
    }

    /// Sends a signal to the whole group.
    func signal(_ number: Int32) { Glibc.kill(-pid, number) }

    /// Asks it to end, and after ten seconds makes it. Returns what it and the children that it waited for have cost.
    @discardableResult
    func stop() throws -> ProcessCost {
        signal(SIGTERM)
        let end = ContinuousClock.now + .seconds(10)
        while !reap() {
            if ContinuousClock.now > end { signal(SIGKILL) }
            try Interruption.pause(.milliseconds(1))
        }
        guard let ended else { throw failure }
        return ended.cost
    }

    /// Ends the group at once, also on the way out after an interruption.
    func kill() {
        guard ended == nil else { return }
        signal(SIGKILL)
        while !reap() { usleep(1000) }
    }

    /// Seconds of CPU that all its threads have used so far; children do not count.
    public var cpu: Double {
        get throws {
            var clock = clockid_t()
            var time = timespec()
            guard clock_getcpuclockid(pid, &clock) == 0, clock_gettime(clock, &time) == 0 else { throw failure }
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
    }

    /// Bytes in memory: the most so far (`VmHWM`), or now (`VmRSS`).
    func memory(_ key: String = "VmHWM") -> Int64 {
        let text = Self.contents("/proc/\(pid)/status")
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(key):") }
        return (line?.split(whereSeparator: { " \t".contains($0) }).compactMap { Int64($0) }.first ?? 0) * 1024
    }
}

extension timeval {
    fileprivate var seconds: Double { Double(tv_sec) + Double(tv_usec) / 1e6 }
}
