import FileTree
import Foundation
import SwarmCore

/// A tracker of the benchmark: the real `swarm-tracker`, which follows a master's feed.
final class SwarmTracker {
    private let workspace: Workspace
    /// Where it listens.
    let endpoint: Endpoint
    private(set) var daemon: ChildProcess?

    /// A tracker that is not started yet, at an address of which the master's feed may tell.
    init(_ workspace: Workspace, at endpoint: Endpoint) {
        self.workspace = workspace
        self.endpoint = endpoint
    }

    /// The URL that a feed names.
    var announceURL: String { "udp://\(endpoint)/announce" }

    /// Starts it under a command, when one is given, and waits until the master has announced itself. `settings` and
    /// `tables` are lines of its configuration; its database is in `directory`.
    func start(
        following master: SwarmMaster, directory: String, settings: String = "", tables: String = "",
        wrapper: [String] = []
    ) throws {
        let configuration = "\(directory)/tracker.toml"
        let text = """
            listen = ["\(endpoint)"]
            store = "\(directory)/tracker.sqlite"
            \(settings)
            [probes]
            enabled = false
            [[set]]
            name = "\(SwarmMaster.setName)"
            upstream = "http://\(master.address)"
            key = "\(master.key)"
            \(tables)
            """
        try text.write(toFile: configuration, atomically: true, encoding: .utf8)
        let program = workspace.program("swarm-tracker")
        let daemon = try workspace.start(wrapper + [program, "run", "--config", configuration])
        struct Peers: Decodable { let peers: Int }
        _ = try Interruption.wait(for: "the master's announce", within: .seconds(120)) { () -> Bool? in
            guard daemon.isRunning else { throw daemon.failure }
            try Interruption.pause(.milliseconds(500))
            let command = wrapper + [program, "report", "--json", "--tracker", "http://\(endpoint)"]
            guard let answer = try? workspace.run(command) else { return nil }
            let report = try JSONDecoder().decode(Peers.self, from: Data(answer.output.utf8))
            return report.peers > 0 ? true : nil
        }
        self.daemon = daemon
    }

    /// Ends it.
    func stop() throws {
        try daemon?.stop()
        daemon = nil
    }
}
