import FileTree
import Foundation
import Glibc

/// The directory and the processes of a run of the benchmark; both go away with `close()`, however the run ends.
public final class Workspace {
    /// The directory, which did not exist before.
    public let directory: String
    private let programs: String
    private var disk: PrivateDisk?
    private var children: [ChildProcess] = []
    private var count = 0

    /// To be called first: starts this program again where a file system of its own can be mounted, if it may.
    public static func prepare() { PrivateDisk.enterNamespace() }

    /// Makes a directory below `parent`, which must have `bytes` free and short enough a path for Unix sockets.
    /// `programs` is where the release builds lie. What is to be kept at the end lies in a plain directory.
    public init(parent: String, programs: String, needing bytes: Int64, keep: Bool) throws {
        self.programs = programs
        directory = "\(parent)/swarm-bench.\(getpid())"
        guard directory.utf8.count <= 60 else {
            throw BenchmarkError("\(parent) is too long a path for the sockets below it; use a shorter one with --work")
        }
        for name in ["swarm-publish", "swarm-node", "swarm-tracker", "bare-client"]
        where !FileManager.default.isExecutableFile(atPath: "\(programs)/\(name)") {
            throw BenchmarkError("\(programs)/\(name) is missing: run `make bench`, which builds it")
        }
        for (tool, package) in Self.tools where Self.which(tool) == nil {
            throw BenchmarkError("\(tool) is not installed, which is compared with: apt-get install \(package)")
        }
        do {
            try FileSystem.makeDirectories(directory)
            let free = try FileSystem.freeBytes(directory)
            guard free >= bytes else {
                throw BenchmarkError(
                    "\(parent) has \(Quantity.bytes(Double(free))) free, and \(Quantity.bytes(Double(bytes))) are needed: "
                        + "use another place with --work, or fewer --files or --mirrors")
            }
        } catch {
            rmdir(directory)
            throw error
        }
        disk = keep ? nil : PrivateDisk(at: directory, bytes: bytes)
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        // A thousand waiting nodes are a thousand descriptors at each end; the children inherit the limit.
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    /// Programs that are run, and the packages that they come in.
    private static let tools = [
        ("rsync", "rsync"), ("strace", "strace"), ("find", "findutils"), ("xargs", "findutils"), ("cmp", "diffutils"),
        ("sort", "coreutils"), ("comm", "coreutils"), ("cp", "coreutils"), ("sh", "dash"), ("taskset", "util-linux"),
    ]

    static func which(_ tool: String) -> String? {
        (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":").map { "\($0)/\(tool)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// The place of `name` in the directory.
    public subscript(name: String) -> String { "\(directory)/\(name)" }

    /// The release build of one of this package's programs.
    func program(_ name: String) -> String { "\(programs)/\(name)" }

    /// Starts a process, which lives at most as long as this.
    func start(_ arguments: [String]) throws -> ChildProcess {
        try Interruption.check()
        count += 1
        let child = try ChildProcess(arguments, log: self["log-\(count)"])
        children.append(child)
        return child
    }

    /// Runs a process to its end, which must be a success. When the process `server` ends before, that is the error.
    @discardableResult
    func run(_ arguments: [String], from server: ChildProcess? = nil) throws -> (output: String, cost: ProcessCost) {
        let child = try start(arguments)
        let cost = try child.finish(from: server)
        defer { children.removeAll { $0 === child } }
        return (child.output, cost)
    }

    /// Runs `processes` at once, and waits for all. Their costs, in order.
    func runAll(_ commands: [[String]]) throws -> [(output: String, cost: ProcessCost)] {
        try commands.map { try start($0) }.map { child in
            let cost = try child.finish()
            return (child.output, cost)
        }
    }

    /// Writes to the disk what lies in memory yet. A node syncs its file system before a snapshot is ready: it is not to
    /// wait for what others wrote before, whom nobody else waits for.
    func flush() throws {
        try Interruption.check()
        try FileSystem.syncAll(on: directory)
    }

    /// Makes a directory for at most `bytes`, in memory where that is possible and there is enough of it: how fast a disk
    /// is says nothing of what is measured there.
    func makeMemoryDirectory(_ name: String, bytes: Int64) throws {
        try FileSystem.makeDirectories(self[name])
        guard disk != nil, Machine.availableMemory > 2 * bytes else { return }
        PrivateDisk.mountMemory(at: self[name], bytes: bytes)
    }

    /// Removes a directory that is no longer needed. On a disk of its own it stays until `renew()`.
    func discard(_ name: String) throws {
        try Interruption.check()
        if disk == nil { try FileSystem.removeTree(self[name]) }
    }

    /// Ends all processes, and empties the directory for what comes next.
    func renew() throws {
        endProcesses()
        if let old = disk {
            disk = old.renewed()
            if disk == nil { throw BenchmarkError("\(directory) cannot be mounted again") }
        } else {
            for name in try FileSystem.names(in: directory) where !name.hasPrefix("log-") {
                try FileSystem.removeTree(self[name])
            }
        }
    }

    private func endProcesses() {
        for child in children { child.kill() }
        children = []
    }

    /// Ends all processes, and removes the directory unless it is to be kept.
    public func close(keep: Bool) {
        endProcesses()
        if let disk {
            disk.remove()
            rmdir(directory)
        } else if !keep {
            try? FileSystem.removeTree(directory)
        }
    }
}
