internal import Dispatch
internal import FileTree
internal import Metainfo
internal import SwarmCore

/// Reads files back from disk, compares their content with what the torrent says, and gives them time and mode.
struct FileVerifier: Sendable {
    /// The directory with the snapshot's files.
    let root: String

    /// Checks fetched files on all cores and puts them on disk: a few of them one by one, many by a sync of the whole file
    /// system. Blocking.
    ///
    /// - Returns: Whether it was the whole file system, so that everything written until now is on disk, the directories
    ///   included.
    /// - Throws: `MirrorError.corrupt` when a content is not what it should be; that file is removed, so that it is
    ///   fetched again.
    func finish(_ files: [FileEntry]) throws -> Bool {
        let areFew = files.count <= 32
        _ = try Parallel.map(chunks: files) { chunk in
            for file in chunk { try finish(file, syncing: areFew) }
        }
        if !areFew { try FileSystem.syncAll(on: root) }
        return !areFew
    }

    private func finish(_ file: FileEntry, syncing: Bool) throws {
        let location = "\(root)/\(file.path)"
        let descriptor = try Descriptor.file(location)
        guard try digest(descriptor, length: file.length) == file.sha256 else {
            try FileSystem.remove(location)
            throw MirrorError(
                .corrupt,
                "\(location) does not have its SHA-256 after it was written: the disk or the memory of this machine is at fault, "
                    + "or the torrent is; the file was removed and is fetched again")
        }
        try FileSystem.setModificationTime(location, seconds: file.mtime)
        try FileSystem.setMode(location, file.executable ? 0o555 : 0o444)
        if syncing { try descriptor.sync() }
    }

    /// The digest of a file of the snapshot; nil when it does not have its length. Blocking.
    func digest(_ file: FileEntry) throws -> SHA256Digest? {
        try digest(try Descriptor.file("\(root)/\(file.path)"), length: file.length)
    }

    private func digest(_ file: borrowing Descriptor, length: Int64) throws -> SHA256Digest? {
        guard try file.status().size == length else { return nil }
        var hasher = SHA256Hasher()
        guard try file.forEachBlock({ hasher.update($0) }) == length else { return nil }
        return hasher.finalize()
    }

    /// Which of `pieces` are on disk with their right content. Blocking; only what was in flight is read.
    func verify(_ pieces: [Int], of torrent: TorrentExcerpt) throws -> [Int] {
        try Parallel.map(chunks: pieces, smallest: 4) { chunk in try chunk.filter { try isThere($0, torrent) } }.flatMap
        { $0 }
    }

    private func isThere(_ piece: Int, _ torrent: TorrentExcerpt) throws -> Bool {
        let start = Int64(piece) * Int64(torrent.pieceLength)
        var content = [UInt8](repeating: 0, count: torrent.length(ofPiece: piece))
        for entry in torrent.entries(inPiece: piece) where torrent.kind(entry) == .file {
            let from = max(start, torrent.offset(entry))
            let end = min(start + Int64(content.count), torrent.offset(entry) + torrent.length(entry))
            let file: Descriptor
            do { file = try Descriptor.file("\(root)/\(torrent.path(entry))") } catch {
                if error.isMissing { return false }
                throw error
            }
            let range = Int(from - start)..<Int(end - start)
            guard try file.read(into: &content, range: range, at: from - torrent.offset(entry)) == range.count else {
                return false
            }
        }
        return Digest.sha1(content).bytes.elementsEqual(torrent.pieceHash(piece))
    }
}

/// Runs blocking work on a thread of Dispatch and not on Swift's cooperative pool.
func offPool<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Swift.Result { try work() }) }
    }
}
