/// What a generated tree is like. Equal shapes give equal trees, down to the bytes and times.
public struct TreeShape: Sendable, Codable, Hashable {
    /// How the files that change are spread over new content, new files, removals and renames; the rest of one.
    public struct ChangeMix: Sendable, Codable, Hashable {
        /// Files that are replaced by others of the same name.
        public var replaced: Double
        /// Files with a new name and new content.
        public var added: Double
        /// Files that go.
        public var removed: Double
    }

    /// A name for the reports.
    public var name: String
    /// Regular files, hard links among them.
    public var files: Int
    /// Half of the files are smaller, in bytes.
    public var medianSize: Double
    /// The mean of the log-normal distribution of sizes, in bytes.
    public var meanSize: Double
    /// No file is larger, in bytes.
    public var maximumSize: Int
    /// Files in a directory.
    public var filesPerDirectory: Int
    /// The share of files that are a second name of another.
    public var hardLinks: Double
    /// What a change is made of.
    public var mix: ChangeMix
    /// The share of files that a change touches.
    public var changedShare: Double
    /// How many files of a directory change together.
    public var changesPerDirectory: Int
    /// Where the random numbers begin.
    public var seed: UInt64 = 20_26

    /// Many small files, as in a tree of metadata, sources or a language's packages.
    public static func tiny(files: Int) -> TreeShape {
        TreeShape(
            name: "tiny files", files: files, medianSize: 2048, meanSize: 6144, maximumSize: 8 << 20,
            filesPerDirectory: 20, hardLinks: 0.05, mix: ChangeMix(replaced: 0.5, added: 0.3, removed: 0.15),
            changedShare: 0.01, changesPerDirectory: 4)
    }

    /// Files of the sizes of Debian packages, which are rarely replaced but followed by another version. Of the 63,440
    /// packages in Debian 12's main for amd64, half are below 59 kB and nine tenths below 1.45 MB: as here. No technique
    /// looks into them, so that what they hold does not matter.
    public static func packages(files: Int) -> TreeShape {
        TreeShape(
            name: "packages", files: files, medianSize: 59_000, meanSize: 1_340_000, maximumSize: 64 << 20,
            filesPerDirectory: 3, hardLinks: 0, mix: ChangeMix(replaced: 0.1, added: 0.45, removed: 0.45),
            changedShare: 0.02, changesPerDirectory: 1)
    }

    /// A few large files of the same size.
    public static func large(bytes: Int64, fileSize: Int) -> TreeShape {
        TreeShape(
            name: "large files", files: max(1, Int(bytes) / fileSize), medianSize: Double(fileSize),
            meanSize: Double(fileSize), maximumSize: fileSize, filesPerDirectory: 8, hardLinks: 0,
            mix: ChangeMix(replaced: 1, added: 0, removed: 0), changedShare: 0.01, changesPerDirectory: 1)
    }

    /// What the tree is expected to hold, in bytes.
    var expectedBytes: Int64 { Int64(Double(files) * meanSize) }

    /// Directories of the tree.
    var directories: Int { max(1, files / filesPerDirectory) }

    /// The directory with a number: the letters spread them as in the pool of an archive.
    func directory(_ number: Int) -> String {
        let letter = Character(UnicodeScalar(UInt8(ascii: "a") + UInt8(number % 26)))
        return "pool/\(letter)/d\(padded(number, 6))"
    }

    /// The path of a file. No other file, earlier or later, has the same last name.
    func path(_ directory: Int, _ file: Int) -> String { "\(self.directory(directory))/f\(padded(file, 8)).bin" }
}

/// A number with zeros in front.
func padded(_ number: Int, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
}
