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
    /// One block, as peers ask for them.
    private static let smallestPiece = 16 << 10
    /// Of a tree of small files no more than this: when one of them changes, all that share its piece are read again.
    private static let largestSharedPiece = 64 << 10
    private static let largestPiece = 4 << 20

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

    /// A power of two near a quarter of the mean size of a file, from 64 KiB to 4 MiB; where files are so small that they
    /// share pieces, near twice their mean size, from 16 KiB.
    public var pieceLength: Int { Self.pieceLength(for: totals) }

    /// The same for a tree with these totals.
    static func pieceLength(for totals: Manifest.Totals) -> Int {
        guard totals.files > 0 else { return largestSharedPiece }
        let mean = Double(totals.bytes) / Double(totals.files)
        let goal = max(mean / 4, min(mean * 2, Double(largestSharedPiece)))
        var length = smallestPiece
        // The next power is nearer, on a scale of ratios, above length × √2.
        while length < largestPiece, goal > Double(length) * 2.0.squareRoot() { length *= 2 }
        return length
    }
}
