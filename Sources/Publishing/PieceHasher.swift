internal import FileTree
internal import Metainfo
internal import SwarmCore

/// Computes the hashes of pieces that hold several small files, or lost one.
struct PieceHasher: Sendable {
    let contents: ContentPlaces
    /// Bytes of files that were read.
    let bytesRead = SharedCounter()

    func hash(_ pieces: [ShardLayout.MissingPiece]) throws -> [PieceIndex: InfoHash] {
        var result: [PieceIndex: InfoHash] = [:]
        for part in try Parallel.map(chunks: pieces, smallest: 16, hash) {
            for (piece, hash) in part { result[piece] = hash }
        }
        return result
    }

    private func hash(_ pieces: ArraySlice<ShardLayout.MissingPiece>) throws -> [(PieceIndex, InfoHash)] {
        let reader = PieceReader(contents: contents)
        defer { bytesRead.add(reader.bytesRead) }
        // After a scan, few are looked up. Otherwise all are, in one transaction: each takes longer to begin and end than
        // the question that is asked in it.
        guard contents.scanned == nil else {
            return try pieces.map { try reader.hash($0) { try contents.index.row($0) } }
        }
        return try contents.index.read { database in
            try pieces.map { piece in try reader.hash(piece) { try SourceIndex.row($0, database) } }
        }
    }
}

/// One thread's buffers for the content of pieces.
private final class PieceReader {
    let contents: ContentPlaces
    private(set) var bytesRead: Int64 = 0
    private var sha1 = SHA1Hasher()
    private var buffer: [UInt8] = []
    private var zeros: [UInt8] = []

    init(contents: ContentPlaces) { self.contents = contents }

    /// - Parameter row: looks a path up in the index.
    func hash(
        _ piece: ShardLayout.MissingPiece, row: (String) throws -> SourceIndex.Row?
    ) throws -> (PieceIndex, InfoHash) {
        sha1.reset()
        for slice in piece.slices {
            switch slice {
            case .zeros(let count):
                if zeros.count < count { zeros = [UInt8](repeating: 0, count: count) }
                sha1.update(zeros.span.extracting(0..<count))
            case .file(let path, let size, let offset, let length):
                if buffer.count < length { buffer = [UInt8](repeating: 0, count: length) }
                let place = contents.place(path)
                let file = try place.directory.file(path)
                let count = try file.read(into: &buffer, range: 0..<length, at: offset)
                try contents.check(place, count == length ? file.status() : nil, size: size, row: row)
                sha1.update(buffer.span.extracting(0..<length))
                bytesRead += Int64(length)
            }
        }
        return (piece.piece, sha1.finalize())
    }
}
