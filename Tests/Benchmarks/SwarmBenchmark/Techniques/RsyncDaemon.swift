import Foundation
import Glibc

/// An rsync daemon that serves a tree and its list; what its children cost is known when it has ended.
final class RsyncDaemon {
    /// What one call of the client says with `--stats`.
    struct Traffic {
        var received: Int64 = 0
        var sent: Int64 = 0
        var content: Int64 = 0

        /// The sum over all statistics in a text.
        init(_ text: String) {
            for line in text.split(separator: "\n") {
                let number = Int64(line.filter { $0.isASCII && $0.isNumber }) ?? 0
                if line.hasPrefix("Total bytes received:") { received += number }
                if line.hasPrefix("Total bytes sent:") { sent += number }
                if line.hasPrefix("Literal data:") { content += number }
            }
        }
    }

    let url: String
    private let process: ChildProcess

    /// Serves `tree` as module `tree` and the directory `list` as module `list`.
    init(_ workspace: Workspace, tree: String, list: String) throws {
        let port = try LoopbackListener.freePort()
        let account = getuid() == 0 ? "uid = root\ngid = root" : ""
        let text = """
            use chroot = no
            reverse lookup = no
            max connections = 0
            \(account)
            [tree]
            path = \(tree)
            [list]
            path = \(list)

            """
        let file = workspace["rsyncd-\(port).conf"]
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        url = "rsync://127.0.0.1:\(port)"
        let process = try workspace.start([
            "rsync", "--daemon", "--no-detach", "--address", "127.0.0.1", "--port", "\(port)", "--config", file,
            "--log-file", "/dev/null",
        ])
        self.process = process
        _ = try Interruption.wait(for: "the start of rsync's daemon", within: .seconds(20)) { () -> Bool? in
            guard process.isRunning else { throw process.failure }
            return (try? LocalConnection(port: port)) == nil ? nil : true
        }
    }

    /// Ends the daemon. Seconds of CPU that it and its children have used.
    func stop() throws -> Double { try process.stop().cpu }

    /// Arguments of a client that makes `destination` equal to the tree.
    func mirrorCommand(_ destination: String, _ options: [String] = []) -> [String] {
        ["rsync", "-aH", "--delete", "--stats"] + options + ["\(url)/tree/", "\(destination)/"]
    }
}
