/// The kinds of trees whose metadata is known by its paths.
public enum Preset: String, Sendable, Hashable, Codable, CaseIterable {
    /// No metadata: all files are of one class.
    case plain
    /// A Debian archive (https://wiki.debian.org/DebianRepository/Format): all below `dists` is metadata, the files
    /// `Release`, `InRelease` and `Release.gpg` there are entry points.
    case apt
    /// RPM repositories at any depth (createrepo_c(8)): all below a directory `repodata` is metadata, the files
    /// `repomd.xml*` in it are entry points.
    case rpmMD = "rpm-md"

    /// The preset that fits a tree, by what is at its root. Paths are relative to the tree. An archive of many RPM
    /// repositories is not known by its root alone: for that, see `detect(among:)`.
    public static func detect(hasDirectory: (String) -> Bool, hasFile: (String) -> Bool) -> Preset {
        if hasDirectory("dists") { return .apt }
        if hasFile("repodata/repomd.xml") { return .rpmMD }
        return .plain
    }

    /// The preset that fits a tree with these paths.
    public static func detect(among paths: some Sequence<String>) -> Preset {
        var preset = Preset.plain
        for path in paths {
            if path.hasPrefix("dists/"), PriorityRules.apt(path.utf8.span) == .entryPoint { return .apt }
            if PriorityRules.rpmMD(path.utf8.span) == .entryPoint { preset = .rpmMD }
        }
        return preset
    }
}

/// Which class each path of a set belongs to: the first override that matches decides, then the preset.
public struct PriorityRules: Sendable {
    /// What decides where no override matches.
    public let preset: Preset
    private let overrides: [(glob: Glob, priority: Priority)]

    /// Compiles the overrides; throws `GlobError` for the first that is not a glob.
    public init(preset: Preset, overrides: [(glob: String, priority: Priority)] = []) throws(GlobError) {
        self.preset = preset
        var compiled: [(glob: Glob, priority: Priority)] = []
        for override in overrides { compiled.append((try Glob(override.glob), override.priority)) }
        self.overrides = compiled
    }

    /// The class of a file, by its path from the set's root.
    public func priority(of path: String) -> Priority {
        let bytes = path.utf8.span
        for override in overrides where override.glob.matches(utf8: bytes) { return override.priority }
        switch preset {
        case .plain: return .payload
        case .apt: return Self.apt(bytes)
        case .rpmMD: return Self.rpmMD(bytes)
        }
    }

    // The presets are asked for every file of every run, so they compare bytes instead of globs.

    fileprivate static func apt(_ path: Span<UInt8>) -> Priority {
        guard hasBytes(path, at: 0, "dists/") else { return .payload }
        let name = lastSlash(in: path, before: path.count) + 1
        let isEntryPoint =
            switch path.count - name {
            case 7: hasBytes(path, at: name, "Release")
            case 9: hasBytes(path, at: name, "InRelease")
            case 11: hasBytes(path, at: name, "Release.gpg")
            default: false
            }
        return isEntryPoint ? .entryPoint : .metadata
    }

    fileprivate static func rpmMD(_ path: Span<UInt8>) -> Priority {
        let name = lastSlash(in: path, before: path.count) + 1
        var end = name - 1
        while end > 0 {
            let start = lastSlash(in: path, before: end) + 1
            if end - start == 8, hasBytes(path, at: start, "repodata") {
                return end == name - 1 && hasBytes(path, at: name, "repomd.xml") ? .entryPoint : .metadata
            }
            end = start - 1
        }
        return .payload
    }

    private static func hasBytes(_ path: Span<UInt8>, at start: Int, _ text: StaticString) -> Bool {
        guard start + text.utf8CodeUnitCount <= path.count else { return false }
        return text.withUTF8Buffer { bytes in
            for offset in bytes.indices where path[start + offset] != bytes[offset] { return false }
            return true
        }
    }

    /// The index of the last slash before `end`; -1 when there is none.
    private static func lastSlash(in path: Span<UInt8>, before end: Int) -> Int {
        var index = end - 1
        while index >= 0, path[index] != UInt8(ascii: "/") { index -= 1 }
        return index
    }
}
