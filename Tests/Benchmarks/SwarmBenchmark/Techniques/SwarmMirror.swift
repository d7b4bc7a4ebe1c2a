import FileTree
import Foundation
import SwarmCore

/// A mirror of the benchmark: the real `swarm-node run` on an address of its own.
final class SwarmMirror {
    let workspace: Workspace
    let root: String
    private let configuration: String
    private(set) var daemon: ChildProcess?

    /// A mirror that has nothing yet. `number` counts from 0; `port` is where it reads the feed at the master's host;
    /// `address` is its own, which is one of loopback otherwise.
    init(
        _ master: SwarmMaster, _ number: Int, directory: String, port: UInt16? = nil, address: String? = nil
    ) throws {
        workspace = master.workspace
        root = "\(directory)/n\(number)"
        configuration = "\(directory)/n\(number).toml"
        try FileSystem.makeDirectories(directory)
        let text = """
            peer-listen = "\(address ?? "127.0.0.\(2 + number)"):0"
            log-level = "warning"
            [[set]]
            name = "\(SwarmMaster.setName)"
            root = "\(root)"
            upstream = "http://\(master.address.host):\(port ?? master.port)"
            key = "\(master.key)"
            poll-interval = "1s"

            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: configuration))
    }

    /// Starts the daemon, under a command such as strace when one is given.
    func start(wrapper: [String] = []) throws {
        daemon = try workspace.start(wrapper + [workspace.program("swarm-node"), "run", "--config", configuration])
    }

    /// Ends the daemon.
    func stop() throws {
        try daemon?.stop()
        daemon = nil
    }

    /// Seconds of CPU of the daemon so far.
    var cpu: Double { get throws { try daemon?.cpu ?? 0 } }

    /// When the snapshot became what readers see, in seconds since 1970; nil before. Asks the file system, so that the
    /// daemon is left alone.
    func activation(of snapshot: SnapshotID) throws -> Double? {
        guard let daemon, daemon.isRunning else { throw daemon?.failure ?? BenchmarkError("\(root) is not running") }
        let link = "\(root)/current"
        guard FileSystem.readLink(link)?.contains(snapshot.rawValue) == true else { return nil }
        // The link was made at that moment, and renamed into place.
        return try FileSystem.status(link).map { Double($0.mtime) / 1e9 }
    }

    /// What the daemon says; nil while it does not answer.
    func status() -> NodeStatus.SetStatus? {
        guard let bytes = try? LocalConnection.status(socket: "\(root)/.swarm/status.sock") else { return nil }
        return try? Documents.decode(NodeStatus.self, from: bytes).sets.first
    }

    /// What the daemon says of a snapshot.
    func status(of snapshot: SnapshotID) throws -> NodeStatus.Snapshot {
        guard let found = status()?.snapshots.first(where: { $0.uuid == snapshot }) else {
            throw BenchmarkError("\(root) says nothing of \(snapshot)")
        }
        return found
    }

    /// Waits until all mirrors have the snapshot. The moments, in seconds since 1970.
    static func await(_ mirrors: [SwarmMirror], _ snapshot: SnapshotID, within limit: Duration = .seconds(900)) throws
        -> [Double]
    {
        var moments: [Double?] = Array(repeating: nil, count: mirrors.count)
        return try Interruption.wait(for: "the synchronisation of all mirrors", within: limit) {
            for index in mirrors.indices where moments[index] == nil {
                moments[index] = try mirrors[index].activation(of: snapshot)
            }
            return moments.contains { $0 == nil } ? nil : moments.compactMap { $0 }
        }
    }

    /// Waits until the spare trees have been brought up to a snapshot, so that this work counts as well.
    static func awaitSpares(_ mirrors: [SwarmMirror], _ snapshot: SnapshotID) throws {
        let end = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < end {
            // Each question costs the mirrors something.
            try Interruption.pause(.milliseconds(250))
            let held = mirrors.map { $0.status()?.spare }
            if held.allSatisfy({ $0 == nil || $0 == snapshot }) { return }
        }
        throw BenchmarkError("the spare trees of the mirrors were not brought up to snapshot \(snapshot)")
    }

    /// Waits until processes have come to rest, so that what they do after the work counts as well: until they use less
    /// than 1 % of a core together, for at most ten seconds.
    static func settle(_ processes: [ChildProcess]) throws {
        var before = try processes.reduce(0) { $0 + (try $1.cpu) }
        let end = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < end {
            try Interruption.pause(.milliseconds(300))
            let now = try processes.reduce(0) { $0 + (try $1.cpu) }
            if now - before < 0.003 + 0.0005 * Double(processes.count) { return }
            before = now
        }
    }
}
