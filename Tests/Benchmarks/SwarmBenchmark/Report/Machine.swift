import Foundation
import Glibc

/// The machine that the figures are from.
public struct Machine: Sendable, Codable {
    /// The processor's name.
    public var processor: String
    /// Processors that this process may run on.
    public var cores: Int
    /// Bytes of memory.
    public var memory: Int64
    /// The kernel's release.
    public var kernel: String
    /// The kind of the file system that the trees are on.
    public var fileSystem: String
    /// Versions of the programs that are compared with, by name.
    public var tools: [String: String]
    /// Load averages over 1, 5 and 15 minutes before the run.
    public var loadBefore: [Double]
    /// The same after the run.
    public var loadAfter: [Double] = []

    /// This machine, with the file system at `path`.
    public init(path: String) {
        let info = Self.text("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }
        processor = info?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? "unknown"
        cores = ProcessInfo.processInfo.activeProcessorCount
        memory = Int64(ProcessInfo.processInfo.physicalMemory)
        var name = utsname()
        uname(&name)
        kernel = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        fileSystem = Self.firstLine(["stat", "-f", "-c", "%T", path])
        tools = [
            "rsync": Self.firstLine(["rsync", "--version"]), "strace": Self.firstLine(["strace", "--version"]),
            "libtorrent": Self.firstLine(["dpkg-query", "-W", "-f", "${Version}\n", "libtorrent-rasterbar2.0"]),
        ]
        loadBefore = Self.load
    }

    /// Load averages over 1, 5 and 15 minutes.
    public static var load: [Double] {
        var averages = [0.0, 0, 0]
        return getloadavg(&averages, 3) == 3 ? averages : []
    }

    /// Bytes of memory that can be had without swapping.
    static var availableMemory: Int64 {
        let line = text("/proc/meminfo").split(separator: "\n").first { $0.hasPrefix("MemAvailable:") }
        return (line?.split(separator: " ").dropFirst().first).flatMap { Int64($0) }.map { $0 << 10 } ?? 0
    }

    /// One line about it.
    public var summary: String {
        "\(processor), \(cores) cores, \(Quantity.bytes(Double(memory))), Linux \(kernel), \(fileSystem); load "
            + loadBefore.map { String(format: "%.1f", $0) }.joined(separator: " ") + " before and "
            + loadAfter.map { String(format: "%.1f", $0) }.joined(separator: " ") + " after"
    }

    private static func text(_ path: String) -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    /// What a program prints first; empty when it is not there.
    private static func firstLine(_ command: [String]) -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return "" }
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).split(separator: "\n").first.map { String($0) } ?? ""
    }
}
