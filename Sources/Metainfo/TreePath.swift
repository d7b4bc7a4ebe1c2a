/// The rules for names that come from a torrent or go into one: relative paths of clean UTF-8 components.
public enum TreePath {
    /// Bytes of one component, as file systems limit it.
    public static let componentLimit = 255
    /// Bytes of a whole path.
    public static let lengthLimit = 4000
    /// Components of a path.
    public static let depthLimit = 100

    /// Why `component` cannot be a part of a path; nil when it can.
    public static func fault(inComponent component: some Collection<UInt8>) -> String? {
        if component.isEmpty { return "an empty name" }
        if component.count > componentLimit { return "a name of more than \(componentLimit) bytes" }
        if component.elementsEqual([UInt8(ascii: ".")]) { return "a name that is “.”" }
        if component.elementsEqual([UInt8(ascii: "."), UInt8(ascii: ".")]) { return "a name that is “..”" }
        if component.contains(0) { return "a name with a NUL byte" }
        if component.contains(UInt8(ascii: "/")) { return "a name with a slash" }
        if component.contains(where: { $0 >= 0x80 }), String(validating: component, as: UTF8.self) == nil {
            return "a name that is not UTF-8"
        }
        return nil
    }

    /// Why `path`, components joined by `/`, cannot be in a tree; nil when it can.
    public static func fault(in path: String) -> String? {
        if path.isEmpty { return "an empty path" }
        if path.utf8.first == UInt8(ascii: "/") { return "an absolute path" }
        if path.utf8.count > lengthLimit { return "a path of more than \(lengthLimit) bytes" }
        let components = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        if components.count > depthLimit { return "a path of more than \(depthLimit) levels" }
        for component in components {
            if let fault = fault(inComponent: component) { return fault }
        }
        return nil
    }

    /// Where the link at `path` with the text `target` leads, as a path from the tree's root (empty for the root
    /// itself); nil when it is absolute, leaves the tree, or holds what no path may hold.
    ///
    /// A `..` may stand only before the first name: after one, it would lead to wherever that name leads when it is a
    /// link itself, and a chain of such links leaves the tree.
    public static func resolve(link path: String, target: String) -> String? {
        let slash = UInt8(ascii: "/")
        // By bytes: to Swift, a slash that a combining mark follows is another character.
        guard !target.isEmpty, target.utf8.first != slash, target.utf8.count <= lengthLimit, !target.utf8.contains(0)
        else {
            return nil
        }
        var stack = path.utf8.split(separator: slash).dropLast()
        var sawName = false
        for part in target.utf8.split(separator: slash) {
            if part.elementsEqual(".".utf8) { continue }
            if part.elementsEqual("..".utf8) {
                guard !stack.isEmpty, !sawName else { return nil }
                stack.removeLast()
            } else {
                sawName = true
                stack.append(part)
            }
        }
        let resolved = stack.map { String(Substring($0)) }.joined(separator: "/")
        return resolved.isEmpty || fault(in: resolved) == nil ? resolved : nil
    }

    /// The shortest relative text by which a link at `path` reaches `destination`.
    public static func relativeTarget(from path: String, to destination: String) -> String {
        let base = path.utf8.split(separator: UInt8(ascii: "/")).dropLast()
        let goal = destination.utf8.split(separator: UInt8(ascii: "/"))
        let shared = zip(base, goal).prefix { $0.elementsEqual($1) }.count
        let steps =
            Array(repeating: "..", count: base.count - shared) + goal.dropFirst(shared).map { String(Substring($0)) }
        return steps.isEmpty ? "." : steps.joined(separator: "/")
    }

    /// Whether `left` comes before `right` when both are compared component by component: the order of a walk that
    /// takes each directory's names by their bytes, so that a directory stands directly before what is in it.
    public static func precedes(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
        let slash = UInt8(ascii: "/")
        var (first, second) = (left.makeIterator(), right.makeIterator())
        while true {
            switch (first.next(), second.next()) {
            case (nil, nil), (.some, nil): return false
            case (nil, .some): return true
            case (.some(let one), .some(let two)) where one == two: continue
            case (.some(let one), .some(let two)):
                if one == slash { return true }
                if two == slash { return false }
                return one < two
            }
        }
    }

    /// The directory part of `path`; empty at the root.
    public static func directory(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        return String(path[..<slash])
    }
}
