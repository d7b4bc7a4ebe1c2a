import FileTree
import Foundation
import SwarmCore

/// A master of the benchmark: a store, and the real `swarm-publish`.
final class SwarmMaster {
    /// What `snapshot --json` prints, as far as it matters here.
    struct Report: Decodable {
        /// Nil when nothing changed.
        let uuid: SnapshotID?
        /// Bytes of content that were read in the source.
        let bytesRead: Int64
        let bytesReadForPieces: Int64

        /// The UUID of a snapshot that must have been published.
        var snapshot: SnapshotID {
            get throws {
                guard let uuid else { throw BenchmarkError("swarm-publish found nothing changed where files did") }
                return uuid
            }
        }
    }

    private struct Ready: Decodable {
        let http: [Endpoint]
        let peers: [Endpoint]
    }

    private struct Status: Decodable { let uploaded: Int64 }

    static let setName = "bench"
    let workspace: Workspace
    let layout: RootLayout
    let key: String
    private(set) var daemon: ChildProcess?
    /// The tracker that its feed names; it counts as a part of the master.
    private(set) var tracker: SwarmTracker?
    private(set) var port: UInt16 = 0
    /// Where it serves HTTP.
    private(set) var address = Endpoint(host: "127.0.0.1", port: 0)
    /// Where peers connect.
    private(set) var peer = ""

    /// Makes a store for a source.
    init(_ workspace: Workspace, source: String, store: String) throws {
        self.workspace = workspace
        guard let set = SetName(Self.setName) else { throw BenchmarkError("no name for the set") }
        layout = RootLayout(root: store, set: set)
        let program = workspace.program("swarm-publish")
        try workspace.run([
            program, "init", "--set", Self.setName, "--source", source, "--store", store, "--preset", "plain",
        ])
        key = try workspace.run([program, "key", "--store", store]).output.trimmingCharacters(
            in: .whitespacesAndNewlines)
    }

    /// The command that publishes the source as it is.
    func snapshotCommand(_ arguments: String...) -> [String] {
        [workspace.program("swarm-publish"), "snapshot", "--json", "--store", layout.root] + arguments
    }

    /// Publishes the source as it is.
    func snapshot(changes: [String]? = nil) throws -> (report: Report, cost: ProcessCost) {
        var command = snapshotCommand()
        if let changes {
            let file = workspace["changes"]
            try Data((changes.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: file))
            command += ["--changes", file]
        }
        let (output, cost) = try workspace.run(command)
        return (try Documents.decode(Report.self, from: Array(output.utf8)), cost)
    }

    /// Has a tracker started with the daemon, on another port of the same host, and named in the feed from now on.
    func useTracker() throws {
        let tracker = SwarmTracker(workspace, at: Endpoint(host: "127.0.0.1", port: try LoopbackListener.freePort()))
        try announce(to: [tracker.announceURL])
        self.tracker = tracker
    }

    /// Names trackers in the feed from now on.
    func announce(to trackers: [String]) throws {
        let file = "\(layout.root)/config.toml"
        let text = String(decoding: try FileSystem.contents(file) ?? [], as: UTF8.self)
        let list = trackers.map { "\"\($0)\"" }.joined(separator: ", ")
        let changed = text.replacingOccurrences(of: "\ntrackers = []\n", with: "\ntrackers = [\(list)]\n")
        guard changed != text else { throw BenchmarkError("\(file) has no empty list of trackers") }
        try changed.write(toFile: file, atomically: true, encoding: .utf8)
    }

    /// Starts the daemon at a host's address, under a command when one is given. `uploadLimit` is in the words of
    /// `--upload-limit`.
    func serve(uploadLimit: String? = nil, at host: String = "127.0.0.1", wrapper: [String] = []) throws {
        let ready = workspace["master-ready"]
        try FileSystem.remove(ready)
        let daemon = try workspace.start(
            wrapper + [
                workspace.program("swarm-publish"), "serve", "--store", layout.root, "--listen", "\(host):0",
                "--peer-listen", "\(host):0", "--ready-file", ready,
            ] + (uploadLimit.map { ["--upload-limit", $0] } ?? []))
        let addresses = try Interruption.wait(for: "the start of the master", within: .seconds(120)) {
            guard daemon.isRunning else { throw daemon.failure }
            return try FileSystem.contents(ready).map { try Documents.decode(Ready.self, from: $0) }
        }
        guard let http = addresses.http.first, let peer = addresses.peers.first else {
            throw BenchmarkError("the master listens nowhere")
        }
        self.daemon = daemon
        address = http
        port = http.port
        self.peer = "\(peer)"
        try tracker?.start(following: self, directory: layout.swarm)
    }

    /// Ends the daemons.
    func stop() throws {
        try tracker?.stop()
        try daemon?.stop()
        daemon = nil
    }

    /// The daemon, and that of the tracker.
    var daemons: [ChildProcess] { [daemon, tracker?.daemon].compactMap { $0 } }

    /// Seconds of CPU of the daemons so far.
    var cpu: Double { get throws { try daemons.reduce(0) { $0 + (try $1.cpu) } } }

    /// Bytes of content that the daemon has sent to peers.
    func uploaded() throws -> Int64 {
        try Documents.decode(Status.self, from: LocalConnection.status(socket: layout.socket)).uploaded
    }

    /// The list of a snapshot's shards.
    func manifest(_ snapshot: SnapshotID) throws -> Manifest {
        guard let bytes = try FileSystem.contents(layout.manifest(snapshot)) else {
            throw BenchmarkError("\(layout.manifest(snapshot)) is missing")
        }
        return try Documents.decode(Manifest.self, from: bytes)
    }

    /// The feed as it is now, and when it was written, in seconds since 1970.
    func feed() throws -> (feed: Feed, written: Double) {
        guard let note = try FileSystem.contents(layout.feed), let status = try FileSystem.status(layout.feed) else {
            throw BenchmarkError("\(layout.feed) is missing")
        }
        // The signature follows after an empty line; nobody here has to be convinced.
        let text = String(decoding: note, as: UTF8.self).components(separatedBy: "\n\n")[0]
        return (try Documents.decode(Feed.self, from: Array(text.utf8)), Double(status.mtime) / 1e9)
    }
}
