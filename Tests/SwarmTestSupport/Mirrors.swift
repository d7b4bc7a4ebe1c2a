import Foundation
import Glibc
public import SwarmCore

/// The master of a test: a source, its store, and `swarm-publish`.
public final class Master: Sendable {
    /// What `snapshot --json` prints.
    public struct Report: Sendable, Decodable {
        /// A torrent of the snapshot.
        public struct Torrent: Sendable, Decodable {
            /// In hexadecimal.
            public let infoHash: String
            /// Directory and class.
            public let label: String
        }

        /// Nil when nothing changed.
        public let uuid: SnapshotID?
        /// Nil when nothing changed.
        public let serial: UInt64?
        /// Bytes of content that were read.
        public let bytesRead: Int64
        /// In the order of the manifest.
        public let torrents: [Torrent]

        /// The UUID of a snapshot that was published.
        public var snapshot: SnapshotID {
            get throws {
                guard let uuid else { throw ProgramFailure("nothing was published") }
                return uuid
            }
        }
    }

    /// A running `swarm-publish serve`.
    public struct Server: Sendable {
        /// The process.
        public let program: RunningProgram
        /// Where peers can connect.
        public let peers: [String]
        /// The base URL for nodes.
        public let url: String
        /// Where `--listen` and `--peer-listen` ended up, to start again in the same place.
        public let address: String
    }

    /// The bench that the processes belong to.
    public let bench: TestBench
    /// The tree that is published.
    public let source: FileTreeWriter
    /// The store's directory.
    public let store: String
    /// The public key.
    public let key: String

    /// Makes a store of the set `debian` for the source that `fill` writes; `options` are further ones of `init`.
    public init(
        _ bench: TestBench, preset: String = "apt", pieceLength: String = "64KiB", configuration: String = "",
        options: [String] = [], fill: (FileTreeWriter) throws -> Void
    ) async throws {
        self.bench = bench
        source = try FileTreeWriter(bench["source"])
        store = bench["store"]
        try fill(source)
        let made = try await bench.run(
            "swarm-publish",
            [
                "init", "--set", "debian", "--source", source.root, "--store", store, "--preset", preset,
                "--piece-length", pieceLength,
            ] + options)
        guard made.status == 0 else { throw ProgramFailure("\(made)") }
        if !configuration.isEmpty {
            let path = "\(store)/config.toml"
            let text = configuration + "\n" + (try String(contentsOfFile: path, encoding: .utf8))
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        let shown = try await bench.run("swarm-publish", ["key", "--store", store])
        key = shown.text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Gives a setting that the store's configuration has another value, in TOML.
    public func setSetting(_ name: String, _ value: String) throws {
        let path = "\(store)/config.toml"
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        let changed = lines.map { $0.hasPrefix("\(name) = ") ? "\(name) = \(value)" : String($0) }
        try changed.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// Runs a command of `swarm-publish` that must succeed.
    @discardableResult
    public func publish(_ arguments: String...) async throws -> String {
        let output = try await bench.run("swarm-publish", arguments + ["--store", store], deadline: .seconds(120))
        guard output.status == 0 else { throw ProgramFailure("\(output)") }
        return output.text
    }

    /// Publishes the source as it is.
    public func snapshot(_ arguments: String...) async throws -> Report {
        let output = try await bench.run(
            "swarm-publish", ["snapshot", "--json", "--store", store] + arguments, deadline: .seconds(120))
        guard output.status == 0 else { throw ProgramFailure("\(output)") }
        return try JSONDecoder().decode(Report.self, from: Data(output.text.utf8))
    }

    /// Starts the daemon on 127.0.0.1, where the system chooses the ports.
    public func serve(_ arguments: String..., peerListen: String = "127.0.0.1:0", listen: String = "127.0.0.1:0")
        async throws
        -> Server
    {
        let (program, ready) = try await bench.startDaemon(
            "swarm-publish",
            ["serve", "--store", store, "--listen", listen, "--peer-listen", peerListen] + arguments)
        guard let address = ready.http.first else { throw ProgramFailure("the master serves nothing") }
        return Server(program: program, peers: ready.peers, url: "http://\(address)", address: address)
    }

    /// The tree of the source.
    public func tree() throws -> TreeState { try TreeState(source.root) }

    /// Bytes of content that the running daemon has sent to peers, as it says itself.
    public func uploaded(_ server: Server) async throws -> Int64 {
        struct Status: Decodable {
            let uploaded: Int64
        }
        let data = try await unixGet("\(store)/.swarm/status.sock", "/.swarm/status")
        return try JSONDecoder().decode(Status.self, from: data).uploaded
    }
}

/// A node of a test, on a loopback address of its own.
public final class Node: Sendable {
    /// The bench that the processes belong to.
    public let bench: TestBench
    /// The directory of the mirror.
    public let root: String
    /// The address: 127.0.0.2 and up.
    public let address: String
    private let key: String

    /// A node that has nothing yet; `number` from 2 on.
    public init(_ master: Master, _ number: Int = 2) {
        bench = master.bench
        key = master.key
        root = bench["node\(number)"]
        address = "127.0.0.\(number)"
    }

    /// Where the files are that readers see.
    public var current: String { "\(root)/current" }

    /// The text of the link `current`; nil when there is none.
    public var currentTarget: String? { try? FileManager.default.destinationOfSymbolicLink(atPath: current) }

    /// The arguments of `sync`.
    public func syncArguments(_ url: String, _ arguments: [String]) -> [String] {
        var result = ["sync", "--root", root, "--upstream", url, "--peer-listen", "\(address):0"]
        if !arguments.contains("--key") { result += ["--key", key] }
        return result + arguments
    }

    /// Starts `sync`.
    public func startSync(_ url: String, _ arguments: String...) throws -> RunningProgram {
        try bench.start("swarm-node", syncArguments(url, arguments))
    }

    /// Runs `sync` to its end, whatever that is.
    public func sync(_ url: String, _ arguments: String..., deadline: Duration = .patience) async throws
        -> ProgramOutput
    {
        try await bench.run("swarm-node", syncArguments(url, arguments), deadline: deadline)
    }

    /// Runs `sync`, which must succeed. Returns what it says of the newest snapshot.
    @discardableResult
    public func synced(_ url: String, _ arguments: String...) async throws -> NodeStatus.Snapshot {
        let output = try await bench.run("swarm-node", syncArguments(url, arguments + ["--json"]))
        guard output.status == 0 else { throw ProgramFailure("\(output)") }
        let status = try Documents.decode(NodeStatus.self, from: Array(output.text.utf8))
        guard let snapshot = status.sets.first?.snapshots.last else { throw ProgramFailure("no snapshot: \(output)") }
        return snapshot
    }

    /// A configuration of the daemon.
    public func configuration(_ url: String, top: String = "", set: String = "") -> String {
        """
        peer-listen = "\(address):0"
        \(top)
        [[set]]
        name = "debian"
        root = "\(root)"
        upstream = "\(url)"
        key = "\(key)"
        \(set)
        """
    }

    /// Where the configuration is.
    public var configurationFile: String { "\(root).toml" }

    /// Writes the configuration and starts the daemon.
    public func run(_ url: String, top: String = "", set: String = "", wrapper: [String] = []) async throws -> (
        program: RunningProgram, ready: ReadyFile
    ) {
        try configuration(url, top: top, set: set).write(toFile: configurationFile, atomically: true, encoding: .utf8)
        return try await bench.startDaemon("swarm-node", ["run", "--config", configurationFile], wrapper: wrapper)
    }

    /// What `status --json` prints.
    public func statusText() async throws -> String {
        let output = try await bench.run("swarm-node", ["status", "--root", root, "--json"])
        guard output.status == 0 else { throw ProgramFailure("\(output)") }
        return output.text
    }

    /// What `status --json` prints, of the only set; nil before the first feed.
    public func status() async throws -> NodeStatus.SetStatus? {
        try Documents.decode(NodeStatus.self, from: Array(try await statusText().utf8)).sets.first
    }

    /// Asks the daemon for its status over its socket, until the status of a set is as it should be.
    @discardableResult
    public func awaitStatus(
        _ what: String, of set: String = "debian", within deadline: Duration = .patience,
        _ condition: (NodeStatus.SetStatus) -> Bool
    ) async throws -> NodeStatus.SetStatus {
        var last: NodeStatus.SetStatus?
        do {
            return try await eventually(what, within: deadline) {
                last = try? await socketStatus(of: set)
                return last.flatMap { condition($0) ? $0 : nil }
            }
        } catch { throw ProgramFailure("\(error); the last status: \(String(describing: last))") }
    }

    /// The status from the daemon's socket, without a process for each question.
    public func socketStatus(of set: String = "debian") async throws -> NodeStatus.SetStatus? {
        let data = try await unixGet("\(root)/.swarm/status.sock", "/.swarm/status")
        return try Documents.decode(NodeStatus.self, from: Array(data)).sets.first { $0.set.rawValue == set }
    }

    /// Waits until a snapshot is what readers see.
    public func awaitActive(_ snapshot: SnapshotID, within deadline: Duration = .patience) async throws {
        do {
            try await eventually("\(snapshot) is active on \(address)", within: deadline) {
                currentTarget == "trees/\(snapshot)/debian" ? () : nil
            }
        } catch {
            let status = try? await socketStatus()
            throw ProgramFailure("\(error); the last status: \(String(describing: status))")
        }
    }

    /// The tree that readers see.
    public func tree() throws -> TreeState { try TreeState(current) }
}

/// The body of an HTTP answer on a Unix socket.
private func unixGet(_ socketPath: String, _ path: String) async throws -> Data {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async {
            continuation.resume(with: Result { try blockingUnixGet(socketPath, path) })
        }
    }
}

private func blockingUnixGet(_ socketPath: String, _ path: String) throws -> Data {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw SystemCallFailure("socket", socketPath) }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(socketPath.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
        throw ProgramFailure("\(socketPath) is too long")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let connected = withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
    guard connected == 0 else { throw SystemCallFailure("connect", socketPath) }
    let request = Array("GET \(path) HTTP/1.0\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
    guard write(descriptor, request, request.count) == request.count else {
        throw SystemCallFailure("write", socketPath)
    }
    var answer = Data()
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = read(descriptor, &buffer, buffer.count)
        guard count >= 0 else { throw SystemCallFailure("read", socketPath) }
        if count == 0 { break }
        answer.append(contentsOf: buffer[..<count])
    }
    guard let end = answer.range(of: Data("\r\n\r\n".utf8)) else {
        throw ProgramFailure("no answer from \(socketPath)")
    }
    return Data(answer[end.upperBound...])
}
