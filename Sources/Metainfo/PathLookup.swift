/// Some paths among many: whether a path is one of them is asked in bytes, so that nothing is made of the others.
struct PathLookup {
    private var paths: [Int: [String]] = [:]

    init(_ paths: Set<String>) {
        self.paths.reserveCapacity(paths.count)
        for path in paths { self.paths[Self.hash(ArraySlice(path.utf8)), default: []].append(path) }
    }

    var isEmpty: Bool { paths.isEmpty }

    func contains(_ path: ArraySlice<UInt8>) -> Bool {
        guard let candidates = paths[Self.hash(path)] else { return false }
        return candidates.contains { $0.utf8.elementsEqual(path) }
    }

    private static func hash(_ path: ArraySlice<UInt8>) -> Int {
        var hasher = Hasher()
        // unsafe: the bytes are read while the closure runs.
        unsafe path.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return hasher.finalize()
    }
}
