internal import FileTree
internal import Metainfo
internal import SwarmCore

/// The content of a file of the source: what it is, and its pieces where it is large enough to have its own.
struct HashedContent: Sendable {
    /// The status that the content was read under.
    let status: FileStatus
    let sha256: SHA256Digest
    /// SHA-1 of each piece, the last one filled with zeros; empty for small files.
    let pieces: [UInt8]
}

/// Reads files on all cores: SHA-256 of the whole, and SHA-1 of the pieces of large files, in one pass.
struct ContentHasher: Sendable {
    let source: String
    let layout: ShardLayout.Policy
    /// Called with the bytes that were read since the last call; from any thread.
    let progress: @Sendable (Int64) -> Void

    /// A source that changes while it is read is read again, this often.
    static let attempts = 3

    /// Reads the files of a table with these indices; `take` is called with each, in no order and one at a time, with nil
    /// for a file that is gone meanwhile.
    func hash(_ files: [UInt32], of table: FileTable, take: (UInt32, HashedContent?) -> Void) throws {
        // Large ones first, so that the cores end together; and in parts, so that not all results are in memory at once.
        let sorted = files.sorted { table.status(Int($0)).size > table.status(Int($1)).size }
        for start in stride(from: 0, to: sorted.count, by: Self.batch) {
            let part = Self.interleaved(Array(sorted[start..<min(sorted.count, start + Self.batch)]))
            let results = try Parallel.map(chunks: part) { chunk in
                let reader = FileReader(hasher: self)
                return try chunk.map { ($0, try reader.hash(table.path(Int($0)))) }
            }
            for (index, content) in results.joined() { take(index, content) }
        }
    }

    private static let batch = 1 << 16

    /// The SHA-256 of one file, as it is now.
    static func digest(ofFileAt path: String) throws -> SHA256Digest {
        var hasher = SHA256Hasher()
        try Descriptor.file(path).forEachBlock { hasher.update($0) }
        return hasher.finalize()
    }

    /// Deals the files out so that each chunk gets its share of the large ones.
    private static func interleaved(_ files: [UInt32]) -> [UInt32] {
        let parts = Parallel.width * 4
        guard files.count > parts else { return files }
        return (0..<parts).flatMap { part in stride(from: part, to: files.count, by: parts).map { files[$0] } }
    }
}

/// One thread's buffers.
private final class FileReader {
    let hasher: ContentHasher
    private var buffer = [UInt8](repeating: 0, count: 1 << 20)
    private var sha256 = SHA256Hasher()
    private var sha1 = SHA1Hasher()

    init(hasher: ContentHasher) { self.hasher = hasher }

    /// Nil when the file is gone.
    func hash(_ path: String) throws -> HashedContent? {
        let absolute = "\(hasher.source)/\(path)"
        for _ in 0..<ContentHasher.attempts {
            let file: Descriptor
            do { file = try Descriptor.file(absolute) } catch {
                if error.isMissing { return nil }
                throw error
            }
            let before = try file.status()
            guard before.kind == .regular else { return nil }
            var pieces: [UInt8] = []
            let aligned = before.size >= hasher.layout.alignFrom
            var offset: Int64 = 0
            sha256.reset()
            while offset < before.size {
                let pieceRest = Int64(hasher.layout.pieceLength) - offset % Int64(hasher.layout.pieceLength)
                let wanted = min(before.size - offset, Int64(buffer.count), aligned ? pieceRest : .max)
                let count = try file.read(into: &buffer, range: 0..<Int(wanted), at: offset)
                if count == 0 { break }
                sha256.update(buffer.span.extracting(0..<count))
                if aligned {
                    sha1.update(buffer.span.extracting(0..<count))
                    if Int64(count) == pieceRest { sha1.finalize(appendingTo: &pieces) }
                }
                offset += Int64(count)
            }
            let used = Int(offset % Int64(hasher.layout.pieceLength))
            if aligned, used > 0 {
                sha1.update([UInt8](repeating: 0, count: hasher.layout.pieceLength - used))
                sha1.finalize(appendingTo: &pieces)
            }
            let digest = sha256.finalize()
            hasher.progress(offset)
            let after = try file.status()
            // A new ctime with as many links as before tells of a writer that set the time back.
            let isQuiet = before.ctime == after.ctime || before.links != after.links
            if offset == before.size, before.size == after.size, before.mtime == after.mtime, isQuiet {
                return HashedContent(status: after, sha256: digest, pieces: pieces)
            }
            sha1.reset()
        }
        throw PublishingError(
            .changing,
            "\(absolute) changed each of the \(ContentHasher.attempts) times that it was read; "
                + "nothing was published. Wait until it is complete, or exclude it in the configuration")
    }
}
