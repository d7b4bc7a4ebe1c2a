/// A path inside a snapshot's tree, decoded and normalised: no component is empty, `.` or `..`, and none holds a slash
/// or NUL.
struct TreePath: Hashable, Sendable, CustomStringConvertible {
    /// The names from the top of the tree down; empty for the top itself.
    var components: [[UInt8]]
    /// Whether the request ended in a slash, and so asks for a directory.
    var isDirectory: Bool

    /// The path for messages to people.
    var description: String {
        let path = components.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
        return isDirectory && !components.isEmpty ? path + "/" : path
    }

    /// The path as it stands in a URL after `prefix`, with a slash at the end.
    func directoryURL(after prefix: String) -> String {
        components.reduce(prefix + "/") { $0 + PercentCoding.encode(segment: $1) + "/" }
    }
}
