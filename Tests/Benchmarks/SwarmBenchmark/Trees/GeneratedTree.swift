import FileTree
import Foundation
import Glibc
import SwarmTestSupport

/// What one change did to a tree.
public struct TreeChange: Sendable {
    /// Paths that are new, replaced or gone, relative to the root.
    public var paths: [String] = []
    /// Files that changed: a rename counts once.
    public var files = 0
    /// Files with content that was not there before.
    public var newFiles = 0
    /// Bytes of that content.
    public var newBytes: Int64 = 0
    /// Bytes of files that lost or got another name, a hard link, and are as they were: only their ctime changed, which
    /// might as well tell of a write.
    public internal(set) var relinkedBytes: Int64 = 0
    /// Numbers of the files that have changed: none does so twice.
    fileprivate var touched: Set<Int> = []

    fileprivate mutating func note(_ size: Int) {
        newFiles += 1
        newBytes += Int64(size)
    }
}

/// A tree on the disk that is made, and changed, in the same way in every run.
public final class GeneratedTree {
    private struct Entry {
        var file: Int
        var size: Int
    }

    /// Where it is.
    public let root: String
    /// What it is like.
    public let shape: TreeShape
    /// Regular files, by now.
    public private(set) var files = 0
    /// Bytes of content over all names, by now.
    public private(set) var bytes: Int64 = 0
    private var directories: [[Entry]] = []
    private var random: SeededRandom
    private var filler: Filler
    private var nextFile = 0
    private var generation = 0

    /// Writes a tree into a directory that does not exist.
    public init(_ root: String, _ shape: TreeShape) throws {
        self.root = root
        self.shape = shape
        random = SeededRandom(seed: shape.seed)
        filler = Filler(seed: shape.seed)
        directories = Array(repeating: [], count: shape.directories)
        for directory in 0..<shape.directories {
            try Interruption.check()
            try FileSystem.makeDirectories("\(root)/\(shape.directory(directory))")
            // The remainder of the division goes to the first directories.
            let count = shape.files / shape.directories + (directory < shape.files % shape.directories ? 1 : 0)
            for _ in 0..<count { try add(to: directory) }
        }
        try addLinksAndEmptyDirectories()
    }

    /// A file that is there now, as a path relative to the root.
    var someFile: String {
        let directory = directories.firstIndex { !$0.isEmpty } ?? 0
        return shape.path(directory, directories[directory].first?.file ?? 0)
    }

    /// Returns whether the file has content of its own, and is no second name of another.
    @discardableResult
    private func add(to directory: Int) throws -> Bool {
        let file = nextFile
        nextFile += 1
        files += 1
        let path = "\(root)/\(shape.path(directory, file))"
        if let existing = directories[directory].first, Double.random(in: 0..<1, using: &random) < shape.hardLinks {
            guard link("\(root)/\(shape.path(directory, existing.file))", path) == 0 else {
                throw BenchmarkError.system("link", path)
            }
            directories[directory].append(Entry(file: file, size: existing.size))
            bytes += Int64(existing.size)
            return false
        }
        let size = randomSize()
        try filler.write(path, size: size, mtime: mtime(file), random: &random)
        directories[directory].append(Entry(file: file, size: size))
        bytes += Int64(size)
        return true
    }

    /// One symbolic link for 200 files, one empty directory for 500.
    private func addLinksAndEmptyDirectories() throws {
        for number in 0..<(shape.files / 200) {
            let directory = number * 200 / shape.filesPerDirectory % shape.directories
            guard let target = directories[directory].last else { continue }
            let name = (shape.path(directory, target.file) as NSString).lastPathComponent
            try FileSystem.symlink(name, at: "\(root)/\(shape.directory(directory))/latest")
        }
        for number in 0..<(shape.files / 500) {
            try FileSystem.makeDirectories("\(root)/empty/e\(padded(number, 5))")
        }
    }

    /// By Box and Muller, from a normal distribution of the logarithm.
    private func randomSize() -> Int {
        let sigma = (2 * log(shape.meanSize / shape.medianSize)).squareRoot()
        let radius = (-2 * log(Double.random(in: Double.leastNonzeroMagnitude..<1, using: &random))).squareRoot()
        let normal = radius * cos(2 * .pi * Double.random(in: 0..<1, using: &random))
        return min(shape.maximumSize, max(16, Int(shape.medianSize * exp(sigma * normal))))
    }

    /// Long ago, and different for each state of a file, so that no program has to distrust it.
    private func mtime(_ file: Int) -> Int { 1_700_000_000 + generation * 100_000 + file % 100_000 }

    // MARK: Changing

    /// Changes a share of the files, as mirrors do: by writing others and renaming them into place. What changes lies
    /// together in directories that are chosen at random.
    public func change(_ share: Double) throws -> TreeChange {
        generation += 1
        var change = TreeChange()
        var before: [Int: [Int: FileStatus]] = [:]
        let wanted = max(1, Int((Double(files) * share).rounded()))
        while change.files < wanted {
            try Interruption.check()
            let directory = Int.random(in: 0..<directories.count, using: &random)
            if before[directory] == nil { before[directory] = try statuses(directory) }
            for _ in 0..<min(shape.changesPerDirectory, wanted - change.files) {
                try changeOne(directory, &change)
            }
        }
        for (directory, before) in before {
            // By inode, so that each counts once.
            var relinked: [UInt64: Int64] = [:]
            for (file, status) in try statuses(directory) where !change.touched.contains(file) {
                guard status.ctime != before[file]?.ctime || status.links != before[file]?.links else { continue }
                relinked[status.inode] = status.size
            }
            change.relinkedBytes += relinked.values.reduce(0, +)
        }
        return change
    }

    /// Of the files of a directory, by their numbers.
    private func statuses(_ directory: Int) throws -> [Int: FileStatus] {
        var result: [Int: FileStatus] = [:]
        for entry in directories[directory] {
            result[entry.file] = try FileSystem.status("\(root)/\(shape.path(directory, entry.file))")
        }
        return result
    }

    private func changeOne(_ directory: Int, _ change: inout TreeChange) throws {
        let mix = shape.mix
        let choice = Double.random(in: 0..<1, using: &random)
        if choice < mix.added || directories[directory].isEmpty {
            let hasContent = try add(to: directory)
            guard let entry = directories[directory].last else { return }
            change.files += 1
            change.touched.insert(entry.file)
            change.paths.append(shape.path(directory, entry.file))
            if hasContent { change.note(entry.size) }
            return
        }
        let index = Int.random(in: 0..<directories[directory].count, using: &random)
        let old = directories[directory][index]
        guard change.touched.insert(old.file).inserted else { return }
        change.files += 1
        let path = shape.path(directory, old.file)
        change.paths.append(path)
        if choice < mix.added + mix.replaced {
            let size = randomSize()
            // A fresh inode: what links to the old one keeps the old content.
            try filler.write("\(root)/\(path).new", size: size, mtime: mtime(old.file), random: &random)
            try FileSystem.rename("\(root)/\(path).new", to: "\(root)/\(path)")
            directories[directory][index].size = size
            bytes += Int64(size - old.size)
            change.note(size)
        } else if choice < mix.added + mix.replaced + mix.removed {
            try FileSystem.remove("\(root)/\(path)")
            directories[directory].remove(at: index)
            files -= 1
            bytes -= Int64(old.size)
        } else {
            let renamed = shape.path(directory, nextFile)
            try FileSystem.rename("\(root)/\(path)", to: "\(root)/\(renamed)")
            directories[directory][index].file = nextFile
            change.touched.insert(nextFile)
            nextFile += 1
            change.paths.append(renamed)
        }
    }
}
