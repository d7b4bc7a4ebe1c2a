import Foundation
import Glibc
import Synchronization

/// A running program whose output can be waited for, line by line.
public final class LoggedProcess: Sendable {
    /// What was waited for did not come.
    public struct Disappointment: Error, CustomStringConvertible {
        /// What it was, and what came instead.
        public let description: String

        /// With the words.
        public init(_ description: String) { self.description = description }

        /// With what it was, and what came instead.
        public init(description: String) { self.description = description }
    }

    private struct Waiter {
        let id: Int
        let isMet: @Sendable (String) -> Bool
        let continuation: CheckedContinuation<String, any Error>
    }

    private struct State {
        var lines: [String] = []
        var partial: [UInt8] = []
        var waiters: [Waiter] = []
        var exits: [CheckedContinuation<Int32, Never>] = []
        var hasEnded = false
        var exitCode: Int32?
        var count = 0
    }

    private let process: Process
    private let state = Mutex(State())
    /// For messages.
    public let name: String

    /// Starts a program that is found in `PATH` unless its name has a slash. What it writes, to either channel, are its lines.
    public init(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        name = ([program] + arguments.prefix(1)).joined(separator: " ")
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        process.terminationHandler = { [weak self] process in
            let waiting = self?.state.withLock { state in
                state.exitCode =
                    process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
                defer { state.exits = [] }
                return state.exits
            }
            for exit in waiting ?? [] {
                exit.resume(
                    returning: process.terminationReason == .exit
                        ? process.terminationStatus : -process.terminationStatus)
            }
        }
        try process.run()
        // A thread that reads, because a handler that ends itself at the end of the output loses that end at times.
        Thread.detachNewThread { [weak self] in
            var block = [UInt8](repeating: 0, count: 1 << 16)
            while true {
                let count = read(pipe.fileHandleForReading.fileDescriptor, &block, block.count)
                if count < 0, errno == EINTR { continue }
                self?.take(Array(block.prefix(max(0, count))))
                if count <= 0 { return }
            }
        }
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// The program of this package with that name.
    public static func own(_ program: String, _ arguments: [String]) throws -> LoggedProcess {
        let directory = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .path
        return try LoggedProcess("\(directory)/\(program)", arguments)
    }

    /// Runs a program of this package to its end; what it wrote, if its exit code is `code`.
    @discardableResult
    public static func run(own program: String, _ arguments: [String], code: Int32 = 0) async throws -> String {
        let process = try own(program, arguments)
        let result = await process.exit()
        let output = try await process.output()
        guard result == code else { throw Disappointment("\(process.name) ended with \(result): \(output)") }
        return output
    }

    private func take(_ bytes: [UInt8]) {
        var due: [(Waiter, String?)] = []
        state.withLock { state in
            if bytes.isEmpty { state.hasEnded = true }
            state.partial += bytes
            // Programs with progress bars end their lines with a carriage return.
            while let end = state.partial.firstIndex(where: { $0 == 10 || $0 == 13 })
                ?? (state.hasEnded && !state.partial.isEmpty ? state.partial.count : nil)
            {
                let line = String(decoding: state.partial[..<end], as: UTF8.self)
                state.partial.removeFirst(min(end + 1, state.partial.count))
                state.lines.append(line)
                due += state.waiters.filter { $0.isMet(line) }.map { ($0, line) }
                state.waiters.removeAll { $0.isMet(line) }
            }
            if state.hasEnded {
                due += state.waiters.map { ($0, nil) }
                state.waiters = []
            }
        }
        for (waiter, line) in due {
            if let line {
                waiter.continuation.resume(returning: line)
            } else {
                waiter.continuation.resume(throwing: ended)
            }
        }
    }

    private var ended: Disappointment {
        Disappointment("\(name) ended: \(log.suffix(20).joined(separator: "\n"))")
    }

    /// The lines so far.
    public var log: [String] { state.withLock { $0.lines } }
    /// A point in the log, to wait for what comes after it.
    public var mark: Int { state.withLock { $0.lines.count } }
    /// The process.
    public var pid: Int32 { process.processIdentifier }

    /// The first line after `mark` that holds all of `words`.
    @discardableResult
    public func line(with words: String..., after mark: Int = 0, within limit: Duration = .patience) async throws
        -> String
    {
        try await line(after: mark, within: limit) { line in words.allSatisfy { line.contains($0) } }
    }

    private func line(
        after mark: Int, within limit: Duration, _ isMet: @escaping @Sendable (String) -> Bool
    ) async throws -> String {
        let id = state.withLock { state in
            state.count += 1
            return state.count
        }
        let timer = Task { [weak self] in
            try await Task.sleep(for: limit)
            guard let self else { return }
            let waiter = state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume(
                throwing: Disappointment(
                    "\(name) did not say it within \(limit): \(log.suffix(20).joined(separator: "\n"))"))
        }
        defer { timer.cancel() }
        return try await withCheckedThrowingContinuation { continuation in
            let (found, hasEnded) = state.withLock { state -> (String?, Bool) in
                let found = state.lines.dropFirst(mark).first(where: isMet)
                if found == nil, !state.hasEnded {
                    state.waiters.append(Waiter(id: id, isMet: isMet, continuation: continuation))
                }
                return (found, state.hasEnded)
            }
            if let found {
                continuation.resume(returning: found)
            } else if hasEnded {
                continuation.resume(throwing: ended)
            }
        }
    }

    /// All lines of a process that has ended. The end of the output is not waited for for long: what it started may hold
    /// the channel open.
    public func output() async throws -> String {
        _ = try? await line(after: .max, within: .seconds(1)) { _ in false }
        return log.joined(separator: "\n")
    }

    /// The exit code once the process has ended; for one that a signal ended, the signal's number below zero.
    public func exit() async -> Int32 {
        await withCheckedContinuation { continuation in
            let code = state.withLock { state in
                if state.exitCode == nil { state.exits.append(continuation) }
                return state.exitCode
            }
            if let code { continuation.resume(returning: code) }
        }
    }

    /// Asks the process to end and waits until it has.
    @discardableResult
    public func stop() async -> Int32 {
        if process.isRunning { kill(pid, SIGTERM) }
        let timer = Task { [pid, process] in
            try await Task.sleep(for: .seconds(5))
            if process.isRunning { kill(pid, SIGKILL) }
        }
        defer { timer.cancel() }
        return await exit()
    }

    /// The most memory that the process has had in RAM, in bytes.
    public var peakMemory: Int? { SwarmTestSupport.peakMemory(of: pid) }
}

/// The most memory that a process has had in RAM, in bytes.
func peakMemory(of pid: Int32) -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
        let line = text.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
    else { return nil }
    return line.split(separator: " ").compactMap { Int($0) }.first.map { $0 * 1024 }
}
