import Foundation
import Glibc

/// Everything of a directory that a mirror keeps: contents, times, executable bits, links, hard links, empty directories.
public struct TreeState: Equatable, Sendable {
    /// What is at a path.
    public enum Node: Equatable, Sendable {
        /// A regular file, with its time in whole seconds.
        case file([UInt8], mtime: Int, isExecutable: Bool)
        /// A symbolic link with its text.
        case link(String)
        /// A directory that holds nothing.
        case emptyDirectory
        /// A device, a socket or a pipe.
        case other
    }

    /// By path; directories that hold something are left out.
    public private(set) var nodes: [String: Node] = [:]
    /// The files that share an inode, where there are two or more.
    public private(set) var hardLinks: Set<Set<String>> = []

    /// Reads the directory `root`, to which a link may lead.
    public init(_ root: String) throws {
        var inodes: [UInt: Set<String>] = [:]
        var pending = [""]
        while let directory = pending.popLast() {
            let place = directory.isEmpty ? root : "\(root)/\(directory)"
            let names = try FileManager.default.contentsOfDirectory(atPath: place)
            if names.isEmpty, !directory.isEmpty { nodes[directory] = .emptyDirectory }
            for name in names {
                let path = directory.isEmpty ? name : "\(directory)/\(name)"
                var info = stat()
                guard lstat("\(root)/\(path)", &info) == 0 else { throw SystemCallFailure("lstat", path) }
                switch info.st_mode & S_IFMT {
                case S_IFDIR: pending.append(path)
                case S_IFLNK:
                    nodes[path] = .link(try FileManager.default.destinationOfSymbolicLink(atPath: "\(root)/\(path)"))
                case S_IFREG:
                    let content = try Data(contentsOf: URL(fileURLWithPath: "\(root)/\(path)"))
                    nodes[path] = .file(
                        Array(content), mtime: info.st_mtim.tv_sec, isExecutable: info.st_mode & 0o111 != 0)
                    inodes[info.st_ino, default: []].insert(path)
                default: nodes[path] = .other
                }
            }
        }
        hardLinks = Set(inodes.values.filter { $0.count > 1 })
    }

    /// How this tree differs from `other`, a line for each path; empty when it does not.
    ///
    /// - Parameter allowingMoreLinks: whether this tree may join more files in one inode than the other does.
    public func differences(from other: TreeState, allowingMoreLinks: Bool = false) -> [String] {
        var lines: [String] = []
        for path in Set(nodes.keys).union(other.nodes.keys).sorted() where nodes[path] != other.nodes[path] {
            lines.append("\(path): \(Self.text(nodes[path])) instead of \(Self.text(other.nodes[path]))")
        }
        for group in other.hardLinks where !hardLinks.contains(where: { $0.isSuperset(of: group) }) {
            lines.append("\(group.sorted()) do not share an inode")
        }
        if !allowingMoreLinks {
            for group in hardLinks where !other.hardLinks.contains(where: { $0.isSuperset(of: group) }) {
                lines.append("\(group.sorted()) share an inode")
            }
        }
        return lines
    }

    private static func text(_ node: Node?) -> String {
        switch node {
        case .file(let content, let mtime, let isExecutable):
            "a file of \(content.count) bytes, time \(mtime)\(isExecutable ? ", executable" : "")"
        case .link(let target): "a link to \(target)"
        case .emptyDirectory: "an empty directory"
        case .other: "something else"
        case nil: "nothing"
        }
    }
}
