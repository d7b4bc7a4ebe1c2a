/// Which paths of a set are wanted, by globs.
public struct PathFilter: Sendable, Hashable, Codable {
    /// What is wanted; empty for everything.
    public var include: [String]
    /// What is not wanted, whatever `include` says.
    public var exclude: [String]

    /// A filter of patterns, which `compiled` checks.
    public init(include: [String] = [], exclude: [String] = []) {
        self.include = include
        self.exclude = exclude
    }

    /// The filter that lets everything through.
    public static let everything = PathFilter()

    /// Whether the filter lets everything through.
    public var isEverything: Bool { include.isEmpty && exclude.isEmpty }

    /// The filter in the form that answers fast; throws for the first pattern that is not a glob.
    public func compiled() throws(GlobError) -> CompiledFilter {
        var compiled = CompiledFilter()
        for pattern in include { compiled.include.append(try Glob(pattern)) }
        for pattern in exclude { compiled.exclude.append(try Glob(pattern)) }
        return compiled
    }

    /// Whether the path is wanted. For more than one path, ask `compiled()`.
    public func includes(_ path: String) throws(GlobError) -> Bool { try compiled().includes(path) }

    private enum CodingKeys: String, CodingKey { case include, exclude }

    /// Reads a filter; a list that is missing is empty.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        include = try container.decodeIfPresent([String].self, forKey: .include) ?? []
        exclude = try container.decodeIfPresent([String].self, forKey: .exclude) ?? []
    }
}

/// A `PathFilter` whose patterns are compiled.
public struct CompiledFilter: Sendable, Hashable {
    fileprivate(set) var include: [Glob] = []
    fileprivate(set) var exclude: [Glob] = []

    /// Whether the filter lets everything through.
    public var isEverything: Bool { include.isEmpty && exclude.isEmpty }

    /// Whether the path is wanted.
    public func includes(_ path: String) -> Bool {
        if isEverything { return true }
        let bytes = path.utf8.span
        if !include.isEmpty, !Self.any(of: include, matches: bytes) { return false }
        return !Self.any(of: exclude, matches: bytes)
    }

    /// Whether the directory itself is wanted: not so when it is excluded with all that is below, as by `private/`.
    public func includesDirectory(_ path: String) -> Bool {
        guard includes(path) else { return false }
        let inside = "\(path)/."
        return !exclude.contains { $0.pattern.utf8.last == UInt8(ascii: "/") && $0.matches(inside) }
    }

    private static func any(of globs: [Glob], matches path: Span<UInt8>) -> Bool {
        for glob in globs where glob.matches(utf8: path) { return true }
        return false
    }
}
