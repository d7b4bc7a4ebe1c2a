import FileTree
import Foundation
import Glibc
import Synchronization

extension Duration {
    /// How long tests wait for what has to come: far longer than it takes, also on a machine that others keep busy.
    public static let patience = Duration.seconds(180)
}

/// How a program ended, and what it wrote.
public struct ProgramOutput: Sendable, CustomStringConvertible {
    /// The command, for messages.
    public let command: String
    /// The exit code; a signal's number with the sign reversed.
    public let status: Int32
    /// The standard output.
    public let text: String
    /// The standard error.
    public let errors: String

    /// For messages of failed expectations.
    public var description: String { "\(command)\nexit \(status)\n\(text)\n\(errors)" }
}

/// A test's program did not do what the test takes for granted.
public struct ProgramFailure: Error, CustomStringConvertible {
    /// What happened, with the program's output.
    public let description: String

    /// With a message.
    public init(_ description: String) { self.description = description }
}

/// A process of one of this package's programs, with its output in files. Whoever runs it ends it.
public final class RunningProgram: Sendable {
    private struct State {
        var status: Int32?
        var waiters: [CheckedContinuation<Int32, Never>] = []
    }

    private let process = Process()
    /// The most memory that the process has had in RAM, in bytes.
    public var peakMemory: Int? { SwarmTestSupport.peakMemory(of: process.processIdentifier) }
    private let command: String
    private let log: String
    private let state = Mutex(State())

    /// Where the programs lie: next to the bundle of tests that this code is linked into.
    public static func path(_ name: String) -> String {
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: name).path
    }

    /// Starts a program; its output goes to `log`.out and `log`.err.
    ///
    /// - Parameter wrapper: a command that runs the program, such as strace with its options.
    public init(_ name: String, _ arguments: [String], log: String, wrapper: [String] = []) throws {
        self.log = log
        let line = wrapper + [Self.path(name)] + arguments
        command = line.joined(separator: " ")
        process.executableURL = URL(fileURLWithPath: line[0])
        process.arguments = Array(line.dropFirst())
        for path in ["\(log).out", "\(log).err"] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(log).out"))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: "\(log).err"))
        process.terminationHandler = { [weak self] process in
            let code = process.terminationStatus
            self?.ended(process.terminationReason == .exit ? code : -code)
        }
        try process.run()
    }

    private func ended(_ status: Int32) {
        let waiters = state.withLock { state in
            state.status = status
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: status) }
    }

    /// The process's number.
    public var pid: Int32 { process.processIdentifier }

    /// Whether it has not ended.
    public var isRunning: Bool { state.withLock { $0.status == nil } }

    /// What it wrote to the standard error so far.
    public var errors: String { Self.contents("\(log).err") }

    /// What it wrote to the standard output so far.
    public var text: String { Self.contents("\(log).out") }

    /// Sends a signal, unless it has ended.
    public func signal(_ number: Int32) {
        if isRunning { kill(pid, number) }
    }

    /// Waits until it has ended; one that takes longer than `deadline` is killed, and that is an error.
    public func wait(deadline: Duration = .patience) async throws -> ProgramOutput {
        let timer = Task {
            try await Task.sleep(for: deadline)
            signal(SIGKILL)
        }
        let started = ContinuousClock.now
        let status = await end()
        timer.cancel()
        let output = ProgramOutput(
            command: command, status: status, text: Self.contents("\(log).out"), errors: errors)
        if ContinuousClock.now - started >= deadline { throw ProgramFailure("not done after \(deadline): \(output)") }
        return output
    }

    /// Waits until it has ended. Returns its exit code; a signal's number with the sign reversed.
    @discardableResult
    public func end() async -> Int32 {
        await withCheckedContinuation { continuation in
            let status = state.withLock { state in
                if state.status == nil { state.waiters.append(continuation) }
                return state.status
            }
            if let status { continuation.resume(returning: status) }
        }
    }

    private static func contents(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }
}

/// The processes of one test, in one directory, which all go away with it.
public final class TestBench: Sendable {
    private let temporary: TemporaryDirectory
    private let programs = Mutex<[RunningProgram]>([])

    /// Runs `body` with an empty directory; whatever it started is killed afterwards.
    public static func run(_ body: (TestBench) async throws -> Void) async throws {
        let bench = try TestBench()
        let result: Result<Void, any Error>
        do {
            try await body(bench)
            result = .success(())
        } catch { result = .failure(error) }
        await bench.end()
        try result.get()
    }

    private init() throws { temporary = try TemporaryDirectory("swarm-test") }

    /// The test's directory.
    public var directory: String { temporary.path }

    /// The place of `name` in the test's directory.
    public subscript(name: String) -> String { temporary[name] }

    /// Starts a program.
    public func start(_ name: String, _ arguments: [String], wrapper: [String] = []) throws -> RunningProgram {
        try programs.withLock { programs in
            let log = "\(directory)/log-\(programs.count)"
            let program = try RunningProgram(name, arguments, log: log, wrapper: wrapper)
            programs.append(program)
            return program
        }
    }

    /// Runs a program to its end.
    public func run(_ name: String, _ arguments: [String], deadline: Duration = .patience) async throws
        -> ProgramOutput
    {
        try await start(name, arguments).wait(deadline: deadline)
    }

    /// Starts a daemon and waits for the file that it writes when it is ready.
    public func startDaemon(
        _ name: String, _ arguments: [String], wrapper: [String] = [], deadline: Duration = .patience
    ) async throws -> (program: RunningProgram, ready: ReadyFile) {
        let place = "\(directory)/ready-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        let watch = try DirectoryWatch(place)
        let program = try start(name, arguments + ["--ready-file", "\(place)/ready"], wrapper: wrapper)
        let ready = try await firstReady(program, watch, "\(place)/ready", deadline)
        return (program, ready)
    }

    /// The first of: the file is there, the process has ended, the time has run out.
    private func firstReady(
        _ program: RunningProgram, _ watch: DirectoryWatch, _ file: String, _ deadline: Duration
    ) async throws -> ReadyFile {
        let timer = Task {
            try await Task.sleep(for: deadline)
            watch.cancel()
        }
        let death = Task {
            await program.end()
            watch.cancel()
        }
        defer {
            timer.cancel()
            // Its wait ends with the program.
            death.cancel()
        }
        for await _ in watch.changes {
            if let data = FileManager.default.contents(atPath: file) {
                return try JSONDecoder().decode(ReadyFile.self, from: data)
            }
        }
        throw ProgramFailure("not ready (\(program.isRunning ? "still running" : "ended")): \(program.errors)")
    }

    private func end() async {
        let programs = programs.withLock { $0 }
        for program in programs where program.isRunning {
            program.signal(SIGKILL)
            await program.end()
        }
    }
}

/// What a daemon writes when it is ready.
public struct ReadyFile: Sendable, Codable {
    /// Where HTTP is served.
    public let http: [String]
    /// Where peers can connect.
    public let peers: [String]
}

/// Waits until a condition that no event announces is met. It looks every 20 ms: a file tree, or a daemon's status,
/// cannot be awaited from outside.
public func eventually<Value>(
    _ what: String, within deadline: Duration = .patience, _ condition: () async throws -> Value?
) async throws -> Value {
    let end = ContinuousClock.now + deadline
    while true {
        if let value = try await condition() { return value }
        guard ContinuousClock.now < end else { throw ProgramFailure("not within \(deadline): \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}
