internal import FileTree
public import SwarmCore

/// What a tree is like, to choose the settings of a new set by.
public struct SourceSurvey: Sendable {
    /// Regular files and their bytes.
    public private(set) var totals = Manifest.Totals()
    /// The preset that fits the tree's paths.
    public private(set) var preset = Preset.plain

    /// Repositories are looked for this many levels below the root.
    private static let repositoryDepth = 2
    private static let smallestPiece: Int64 = 64 << 10
    private static let largestPiece: Int64 = 4 << 20

    /// Walks the tree. Blocking.
    public init(_ source: String) throws {
        var pending: [(path: String, depth: Int)] = [(source, 0)]
        var repositories = false
        while let (directory, depth) = pending.popLast() {
            let listing: DirectoryListing
            do { listing = try DirectoryListing(directory, followingLink: depth == 0) } catch {
                if error.isReplaced, depth > 0 { continue }
                throw error
            }
            for index in 0..<listing.count {
                guard let status = try listing.status(index) else { continue }
                switch status.kind {
                case .regular:
                    totals.files += 1
                    totals.bytes += status.size
                case .directory:
                    guard let name = listing.name(index) else { continue }
                    let path = "\(directory)/\(name)"
                    pending.append((path, depth + 1))
                    if depth <= Self.repositoryDepth, name == "repodata", FileSystem.exists("\(path)/repomd.xml") {
                        repositories = true
                    }
                case .symlink, .other: break
                }
            }
        }
        preset = Preset.detect(
            hasDirectory: { (try? FileSystem.status("\(source)/\($0)"))??.kind == .directory },
            hasFile: { (try? FileSystem.status("\(source)/\($0)"))??.kind == .regular })
        if preset == .plain, repositories { preset = .rpmMD }
    }

    /// A power of two near a quarter of the mean size of a file, from 64 KiB to 4 MiB.
    public var pieceLength: Int { Self.pieceLength(for: totals) }

    /// The same for a tree with these totals.
    static func pieceLength(for totals: Manifest.Totals) -> Int {
        let goal = Double(totals.bytes) / Double(max(1, totals.files)) / 4
        var length = smallestPiece
        // The next power is nearer, on a scale of ratios, above length × √2.
        while length < largestPiece, goal > Double(length) * 2.0.squareRoot() { length *= 2 }
        return Int(length)
    }
}
