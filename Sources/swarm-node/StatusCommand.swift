import ArgumentParser
import AsyncHTTPClient
import FileTree
import Foundation
import Glibc
import Mirroring
import NIOCore
import SwarmCore

/// How far a mirror is.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show how far a mirror is: from the running daemon, or from disk when none runs.")

    @Option(help: "The directory of the mirror.")
    var root: String
    @Flag(help: "Print JSON.")
    var json = false
    @Flag(help: "Show it again each second until interrupted.")
    var watch = false

    mutating func run() async throws {
        let root = absolute(root)
        repeat {
            let status = try await Self.status(root)
            if json {
                print(String(decoding: try Documents.encode(status), as: UTF8.self), terminator: "")
            } else {
                let table = StatusTable(width: Self.width, color: isatty(1) == 1, now: Date())
                if watch { print("\u{1b}[H\u{1b}[2J", terminator: "") }
                print(table.render(status), terminator: "")
            }
            if watch { try await Task.sleep(for: .seconds(1)) }
        } while watch
    }

    private static var width: Int {
        var size = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// From the daemon's socket; from disk when nobody answers there.
    static func status(_ root: String) async throws -> NodeStatus {
        let directory = "\(root)/.swarm"
        guard FileSystem.exists("\(directory)/status.sock") else { return try MirrorNode.storedStatus(root: root) }
        // A socket's path is limited to 107 bytes; by the directory's descriptor it always is short enough.
        let descriptor = try Descriptor.directory(directory)
        let path = "%2Fproc%2Fself%2Ffd%2F\(descriptor.rawValue)%2Fstatus.sock"
        let client = HTTPClient.shared
        let bytes: [UInt8]
        do {
            let response = try await client.execute(
                HTTPClientRequest(url: "http+unix://\(path)/.swarm/status"), timeout: .seconds(10))
            bytes = Array(try await response.body.collect(upTo: 64 << 20).readableBytesView)
        } catch {
            return try MirrorNode.storedStatus(root: root)
        }
        return try Documents.decode(NodeStatus.self, from: bytes)
    }
}
