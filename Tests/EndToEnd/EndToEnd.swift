import Foundation
import Glibc
import SwarmCore
import SwarmTestSupport
import Testing

/// The programs themselves, as processes that talk over loopback. One test at a time: they measure bytes and moments.
@Suite("End to end", .serialized)
enum EndToEnd {}

/// A small archive with everything that a tree can have.
struct SampleArchive {
    var random: SeededRandom
    /// Packages large enough to begin on a piece of their own.
    let large: [String]
    /// Packages that are packed.
    let small: [String]

    /// An archive of which `large` and `small` files are packages.
    init(seed: UInt64, large: Int = 24, small: Int = 60) {
        random = SeededRandom(seed: seed)
        self.large = (0..<large).map { "pool/main/l/large\($0)/large\($0)_1.0_amd64.deb" }
        self.small = (0..<small).map { "pool/main/s/small\($0 % 7)/small\($0)_1.0_all.deb" }
    }

    /// Paths of the metadata, and of what leads to it.
    static let metadata = ["dists/stable/main/binary-amd64/Packages", "dists/stable/main/binary-amd64/Packages.xz"]
    static let entryPoints = ["dists/stable/Release", "dists/stable/InRelease", "dists/stable/Release.gpg"]

    /// Writes all files.
    mutating func write(_ tree: FileTreeWriter) throws {
        for (index, path) in large.enumerated() {
            try tree.write(path, random.bytes(200_000 + index * 3001), mtime: 1_600_000_000 + index)
        }
        for (index, path) in small.enumerated() {
            try tree.write(path, random.bytes(700 + index * 301), mtime: 1_610_000_000 + index)
        }
        try writeMetadata(tree, mtime: 1_620_000_000)
        try tree.write("tools/update", "#!/bin/sh\nexit 0\n", executable: true)
        try tree.write("tools/empty", "")
        try tree.write("doc/Größe, 100 % of it.txt", "names are bytes\n")
        try tree.hardLink("doc/twin.deb", to: large[0])
        try tree.hardLink("doc/small-twin.deb", to: small[0])
        try tree.symbolicLink("dists/testing", to: "stable")
        try tree.symbolicLink("doc/latest", to: "../\(large[1])")
        try tree.makeDirectory("incoming/empty")
    }

    /// Writes the metadata, as each change of an archive does.
    mutating func writeMetadata(_ tree: FileTreeWriter, mtime: Int) throws {
        try tree.write(Self.metadata[0], random.bytes(150_000), mtime: mtime)
        try tree.write(Self.metadata[1], random.bytes(30_000), mtime: mtime)
        for path in Self.entryPoints { try tree.write(path, random.bytes(1500), mtime: mtime + 1) }
    }

    /// Exchanges the content of one package and the metadata. Returns the bytes and the number of files.
    mutating func update(_ tree: FileTreeWriter, round: Int) throws -> (bytes: Int64, files: Int) {
        let path = large[round % large.count]
        let size = 210_000 + round
        try tree.write(path, random.bytes(size), mtime: 1_630_000_000 + round)
        try writeMetadata(tree, mtime: 1_630_000_000 + round)
        return (Int64(size + 150_000 + 30_000 + 3 * 1500), 6)
    }
}

extension Master {
    /// A master of a sample archive.
    static func sample(
        _ bench: TestBench, _ archive: inout SampleArchive, preset: String = "apt", configuration: String = "",
        options: [String] = []
    ) async throws -> Master {
        var filled = archive
        let master = try await Master(bench, preset: preset, configuration: configuration, options: options) {
            try filled.write($0)
        }
        archive = filled
        return master
    }
}

/// The number of the inode at a path.
func inode(_ path: String) throws -> UInt {
    var info = stat()
    guard lstat(path, &info) == 0 else { throw SystemCallFailure("lstat", path) }
    return info.st_ino
}

/// The permission bits at a path.
func mode(_ path: String) throws -> UInt32 {
    var info = stat()
    guard lstat(path, &info) == 0 else { throw SystemCallFailure("lstat", path) }
    return info.st_mode & 0o7777
}

/// When what is at a path was last changed, name and links included, in seconds since 1970.
func changeTime(_ path: String) throws -> Double {
    var info = stat()
    guard lstat(path, &info) == 0 else { throw SystemCallFailure("lstat", path) }
    return Double(info.st_ctim.tv_sec) + Double(info.st_ctim.tv_nsec) / 1e9
}

/// Expects that readers of the node see the source as it is.
func expectSource(_ node: Node, _ master: Master, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let differences = try node.tree().differences(from: master.tree(), allowingMoreLinks: true)
    #expect(differences == [], "on \(node.address)", sourceLocation: sourceLocation)
}
