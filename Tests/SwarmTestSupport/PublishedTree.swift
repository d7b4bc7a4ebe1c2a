import Foundation
import Glibc

/// A store of one set that was published from a tree on the disk, for tests that look at it from outside.
public final class PublishedTree: Sendable {
    /// Where source and store are.
    public let directory: String
    /// The source.
    public let source: FileTreeWriter
    /// The public key.
    public let key: String
    /// The store's directory.
    public var store: String { "\(directory)/store" }

    /// Writes a source with `fill`, and publishes it.
    public init(in directory: String, tracker: String? = nil, fill: (FileTreeWriter) throws -> Void) async throws {
        self.directory = directory
        source = try FileTreeWriter("\(directory)/source")
        try fill(source)
        var arguments = [
            "init", "--set", "demo", "--source", source.root, "--store", "\(directory)/store", "--piece-length",
            "64KiB",
        ]
        if let tracker { arguments += ["--tracker", tracker] }
        try await LoggedProcess.run(own: "swarm-publish", arguments)
        try await LoggedProcess.run(own: "swarm-publish", ["snapshot", "--store", "\(directory)/store"])
        key = try await LoggedProcess.run(own: "swarm-publish", ["key", "--store", "\(directory)/store"])
    }

    /// A tree with large and small files, an empty one, an executable one, and a link.
    public static func sample(_ tree: FileTreeWriter) throws {
        var random = SeededRandom(seed: 7)
        for number in 0..<40 { try tree.write("pool/s/small \(number).deb", random.bytes(50 + number * 211)) }
        for number in 0..<3 { try tree.write("pool/b/big\(number).deb", random.bytes(1_000_000 + number * 37)) }
        try tree.write("pool/empty", "")
        try tree.write("tools/run", "#!/bin/sh\n", executable: true)
        try tree.write("dists/stable/Packages", random.bytes(5000))
        try tree.write("dists/stable/Release", "Release\n")
        try tree.symbolicLink("dists/newest", to: "stable")
    }

    /// Publishes what the source is now.
    @discardableResult
    public func publish() async throws -> String {
        try await LoggedProcess.run(own: "swarm-publish", ["snapshot", "--store", store])
    }

    /// A master's daemon with its URL and where it listens for peers.
    public func serve(_ arguments: String..., peerListen: String = "127.0.0.1:0") async throws -> (
        daemon: LoggedProcess, url: String, peer: String
    ) {
        let daemon = try LoggedProcess.own(
            "swarm-publish",
            ["serve", "--store", store, "--listen", "127.0.0.1:0", "--peer-listen", peerListen] + arguments)
        let peer = try await daemon.line(with: " peers ")
        let url = try await daemon.line(with: "serving http://")
        return (daemon, Self.lastWord(url), Self.lastWord(peer))
    }

    /// Serves feed, manifests and torrents over HTTP, with nobody who seeds. The set's files are not served.
    public func serveDocuments() throws -> SmallHTTPServer {
        let swarm = "\(store)/.swarm"
        return try SmallHTTPServer { request in
            let prefix = "/.swarm/demo/"
            guard request.path.hasPrefix(prefix), request.parameter("after") == nil,
                let data = FileManager.default.contents(atPath: "\(swarm)/\(request.path.dropFirst(prefix.count))")
            else { return .missing }
            return .ok(Array(data))
        }
    }

    /// Arguments of `swarm-node sync`.
    public func sync(_ root: String, from url: String, _ more: String...) -> [String] {
        [
            "sync", "--root", root, "--upstream", url, "--key", key, "--peer-listen", "127.0.0.1:0", "--timeout",
            "150s",
            "--http-after", "10m",
        ] + more
    }

    /// The configuration of a daemon that follows the set; the path of the file.
    public func configuration(of root: String, from url: String) throws -> String {
        let file = "\(directory)/node.toml"
        let text = """
            peer-listen = "127.0.0.1:0"
            [[set]]
            name = "demo"
            root = "\(root)"
            upstream = "\(url)"
            key = "\(key)"
            http-after = "never"

            """
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        return file
    }

    private static func lastWord(_ line: String) -> String { line.split(separator: " ").last.map { String($0) } ?? "" }

    /// Where files differ in content from the source, by path; pads, times, links and empty directories do not count.
    private func contentDifferences(_ root: String) throws -> [String] {
        let wanted = try TreeState(source.root).nodes
        let found = try TreeState(root).nodes
        return wanted.compactMap { path, node in
            // Some clients leave files without content away.
            guard case .file(let content, _, _) = node, !content.isEmpty else { return nil }
            if case .file(content, _, _)? = found[path] { return nil }
            return path
        }.sorted()
    }

    /// Waits until all files lie below `root`: clients say that they are complete before all is on their disk.
    public func awaitContent(_ root: String) async throws {
        _ = try await eventually("the content of the tree in \(root)") {
            try? contentDifferences(root).isEmpty ? true : nil
        }
    }
}

/// A file system of a few megabytes that can be filled; root alone can make one.
public final class SmallDisk: Sendable {
    /// Whether this process may mount.
    public static var isPossible: Bool {
        guard getuid() == 0, let directory = try? TemporaryDirectory("disk"),
            mount("tmpfs", directory.path, "tmpfs", 0, "size=1m") == 0
        else { return false }
        umount2(directory.path, 0)
        return true
    }

    private let directory: TemporaryDirectory
    /// Where it is mounted.
    public var path: String { directory.path }

    /// Mounts an empty one.
    public init(megabytes: Int) throws {
        directory = try TemporaryDirectory("disk")
        guard mount("tmpfs", directory.path, "tmpfs", 0, "size=\(megabytes)m") == 0 else {
            throw SystemCallFailure("mount", directory.path)
        }
    }

    deinit { umount2(directory.path, Int32(MNT_DETACH)) }

    /// Makes it read-only, or writable again.
    public func setReadOnly(_ isReadOnly: Bool) throws {
        let flags = isReadOnly ? UInt(MS_REMOUNT | MS_RDONLY) : UInt(MS_REMOUNT)
        guard mount("tmpfs", path, "tmpfs", flags, nil) == 0 else { throw SystemCallFailure("remount", path) }
    }

    /// Takes that many bytes, or all that is left.
    public func fill(_ bytes: Int = .max) {
        let file = open("\(path)/filler", O_WRONLY | O_CREAT, 0o600)
        defer { close(file) }
        let block = [UInt8](repeating: 1, count: 4096)
        var done = 0
        while done < bytes, write(file, block, block.count) > 0 { done += block.count }
    }

    /// Gives back what `fill` took.
    public func free() { unlink("\(path)/filler") }
}
