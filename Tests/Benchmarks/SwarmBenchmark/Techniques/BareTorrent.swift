import Foundation

/// A plain libtorrent client without anything of ours around it: the programs `bare-client make`, `seed` and `fetch`.
struct BareTorrent {
    /// What `fetch` prints at its end.
    struct Outcome: Decodable {
        /// Seconds until what was on the disk had been checked.
        let checked: Double
        /// Seconds until all was there.
        let finished: Double
        /// Bytes of content that were received.
        let downloaded: Int64
    }

    /// Which settings the session has.
    enum Settings: String {
        /// What libtorrent comes with.
        case stock = "--stock"
        /// The same as in our own sessions.
        case ours = "--ours"
    }

    let workspace: Workspace
    let settings: Settings

    private var program: String { workspace.program("bare-client") }

    /// Hashes a directory and writes its torrent, as any tool does. What it cost.
    func make(_ tree: String, torrent: String) throws -> ProcessCost {
        try workspace.run([program, "make", tree, torrent]).cost
    }

    /// Starts a seed of a tree below `directory` that is not checked, on 127.0.0.1. Returns it with its port.
    func seed(_ torrent: String, from directory: String) throws -> (process: ChildProcess, port: String) {
        let process = try workspace.start([program, "seed", settings.rawValue, torrent, directory, "127.0.0.1:0"])
        let port = try Interruption.wait(for: "the start of a seed", within: .seconds(60)) { () -> String? in
            guard process.isRunning else { throw process.failure }
            let text = process.output
            return text.hasSuffix("\n") ? text.trimmingCharacters(in: .whitespacesAndNewlines) : nil
        }
        return (process, port)
    }

    /// Arguments of a client that makes the tree below `directory` complete, and ends.
    func fetchCommand(_ torrent: String, to directory: String, address: String, from port: String) -> [String] {
        [program, "fetch", settings.rawValue, torrent, directory, "\(address):0", "127.0.0.1", port]
    }
}
