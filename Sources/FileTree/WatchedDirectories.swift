/// The directories of a tree by their watch descriptors. Each knows its name and the directory above it, so that one that
/// is renamed takes all below along without a walk.
struct WatchedDirectories: Sendable {
    private struct Directory {
        var parent: Int32
        var name: String
    }

    /// Stands for the directory above the root.
    private static let none: Int32 = -1

    private var directories: [Int32: Directory] = [:]
    /// Only of directories that have others in them.
    private var children: [Int32: [String: Int32]] = [:]
    /// Events come in runs from one directory.
    private var lastPath: (watch: Int32, path: String)?

    /// The watch of the whole tree's directory.
    private(set) var root: Int32 = none

    /// How many directories are watched.
    var count: Int { directories.count }

    func contains(_ watch: Int32) -> Bool { directories[watch] != nil }

    /// Begins the tree.
    mutating func insert(root watch: Int32) {
        root = watch
        directories[watch] = Directory(parent: Self.none, name: "")
    }

    /// Adds a directory, or gives one that is there another place. Whatever had the place is there no more.
    mutating func place(_ watch: Int32, in parent: Int32, as name: String) {
        guard watch != root else { return }
        detach(watch)
        directories[watch] = Directory(parent: parent, name: name)
        children[parent, default: [:]][name] = watch
        lastPath = nil
    }

    /// The directory of that name in another.
    func child(_ name: String, of parent: Int32) -> Int32? { children[parent]?[name] }

    /// Forgets a directory and all below it; returns them.
    @discardableResult
    mutating func remove(_ watch: Int32) -> [Int32] {
        guard directories[watch] != nil else { return [] }
        detach(watch)
        var removed: [Int32] = []
        var pending = [watch]
        while let next = pending.popLast() {
            removed.append(next)
            directories[next] = nil
            if let below = children.removeValue(forKey: next) { pending += below.values }
        }
        lastPath = nil
        return removed
    }

    private mutating func detach(_ watch: Int32) {
        guard let old = directories[watch], children[old.parent]?[old.name] == watch else { return }
        children[old.parent]?[old.name] = nil
        if children[old.parent]?.isEmpty == true { children[old.parent] = nil }
    }

    /// The path of a directory from the root, whose own path is empty; nil when it is not watched.
    mutating func path(_ watch: Int32) -> String? {
        if let lastPath, lastPath.watch == watch { return lastPath.path }
        guard directories[watch] != nil else { return nil }
        var names: [String] = []
        var current = watch
        // A place inside itself, which no file system has, would go on for ever.
        while current != root, names.count <= directories.count {
            guard let directory = directories[current] else { return nil }
            names.append(directory.name)
            current = directory.parent
        }
        let path = names.reversed().joined(separator: "/")
        lastPath = (watch, path)
        return path
    }
}
