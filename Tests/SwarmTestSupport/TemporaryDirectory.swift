import Foundation

/// A directory that goes away with its owner.
public final class TemporaryDirectory: Sendable {
    /// Absolute, without a slash at the end.
    public let path: String

    /// Makes an empty directory whose name begins with `name`.
    public init(_ name: String = "swarm") throws {
        path = "\(FileManager.default.temporaryDirectory.path)/\(name)-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The place of `name` in the directory; nothing is made.
    public subscript(name: String) -> String { "\(path)/\(name)" }

    /// The place of `name` in the directory, made as a directory.
    public func directory(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: self[name], withIntermediateDirectories: true)
        return self[name]
    }
}
