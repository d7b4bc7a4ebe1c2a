import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

/// A running `swarm-tracker` that follows a master's set.
final class TrackerProcess {
    private let bench: TestBench
    private let lines: String
    /// Of its HTTP; the same after a new start.
    let url: String
    /// HOST:PORT of HTTP and UDP.
    let address: String
    /// Its configuration.
    let file: String
    private(set) var program: RunningProgram

    /// Starts one at a port of the system's choice. `lines` go into its `[[set]]`.
    init(_ bench: TestBench, _ master: Master, _ server: Master.Server, set: String = "debian", lines: String = "")
        async throws
    {
        self.bench = bench
        file = bench["tracker-\(set).toml"]
        self.lines = """
            store = "\(bench["tracker-\(set).sqlite"])"
            [[set]]
            name = "\(set)"
            upstream = "\(server.url)"
            key = "\(master.key)"
            \(lines)
            """
        try "listen = [\"127.0.0.1:0\"]\n\(self.lines)".write(toFile: file, atomically: true, encoding: .utf8)
        let ready: ReadyFile
        (program, ready) = try await bench.startDaemon("swarm-tracker", ["run", "--config", file])
        address = try #require(ready.http.first)
        url = "http://\(address)"
    }

    /// Starts it once more, where it was before.
    func start() async throws {
        try "listen = [\"\(address)\"]\n\(lines)".write(toFile: file, atomically: true, encoding: .utf8)
        program = try await bench.startDaemon("swarm-tracker", ["run", "--config", file]).program
    }

    /// Registers a node. Returns its token.
    func token(of node: String, _ options: [String] = []) async throws -> String {
        let added = try await bench.run("swarm-tracker", ["node", "add", node, "--config", file] + options)
        guard added.status == 0 else { throw ProgramFailure("\(added)") }
        return String(try #require(added.text.split(whereSeparator: \.isWhitespace).last))
    }

    /// Registers a node. Returns the table of its configuration with which it reports.
    func registration(of node: String, _ options: String...) async throws -> String {
        "[report]\ntracker = \"\(url)\"\nnode = \"\(node)\"\ntoken = \"\(try await token(of: node, options))\""
    }
}
