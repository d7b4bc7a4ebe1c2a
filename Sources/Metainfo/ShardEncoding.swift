public import SwarmCore

extension ShardLayout {
    /// A stretch of a piece's content.
    public enum Slice: Hashable, Sendable {
        /// `length` bytes, from `offset`, of the file at `path`, which has `size` bytes.
        case file(path: String, size: Int64, offset: Int64, length: Int)
        case zeros(Int)
    }

    /// A piece whose SHA-1 has to be computed.
    public struct MissingPiece: Hashable, Sendable {
        /// Number of the piece in the torrent.
        public let piece: PieceIndex
        /// Its content, one piece long in all.
        public let slices: [Slice]
    }

    /// Pieces of the torrent.
    public var pieceCount: Int { segments.reduce(0) { $0 + $1.hashes.count } }

    /// The pieces whose hash is not known from the parent or from hashing a large file, in order.
    public var missingPieces: [MissingPiece] {
        var result: [MissingPiece] = []
        var base = 0
        for segment in segments {
            if segment.hashes.contains(where: { $0 == nil }) { appendMissing(of: segment, from: base, to: &result) }
            base += segment.hashes.count
        }
        return result
    }

    /// Nothing is made of the items that lie in other pieces: most do.
    private func appendMissing(of segment: Segment, from base: Int, to result: inout [MissingPiece]) {
        let pieceLength = Int64(policy.pieceLength)
        var missing: (piece: Int, slices: [Slice])?
        func close() {
            if let missing {
                result.append(MissingPiece(piece: PieceIndex(base + missing.piece), slices: missing.slices))
            }
            missing = nil
        }
        func add(_ item: Item?, _ offset: Int64, _ size: Int64) {
            var path: String?
            for piece in pieces(offset, size) where segment.hashes[piece] == nil {
                if missing?.piece != piece {
                    close()
                    missing = (piece, [])
                }
                let start = max(offset, Int64(piece) * pieceLength)
                let length = Int(min(offset + size, Int64(piece + 1) * pieceLength) - start)
                if path == nil { path = item.flatMap { file($0) }?.path }
                missing?.slices.append(
                    path.map { .file(path: $0, size: size, offset: start - offset, length: length) } ?? .zeros(length))
            }
        }
        var offset: Int64 = 0
        for item in segment.items {
            let size = length(of: item)
            add(item, offset, size)
            offset += size
        }
        add(nil, offset, Int64(segment.hashes.count) * pieceLength - offset)
        close()
    }

    /// Sets the hashes that were missing; `hashes` has one for each of `missingPieces`.
    public mutating func complete(_ hashes: [PieceIndex: InfoHash]) {
        var base = 0
        for index in segments.indices {
            for piece in segments[index].hashes.indices {
                if let hash = hashes[PieceIndex(base + piece)] { segments[index].hashes[piece] = hash.bytes[...] }
            }
            base += segments[index].hashes.count
        }
    }

    /// The `.torrent`. Every hash must be known; `name` is the set's name.
    public func encoded(name: String) -> EncodedShard { EncodedShard(bytes: encode(name: name), classes: classes) }

    /// The bencoded `.torrent`. Every hash must be known; `name` is the set's name.
    public func encode(name: String) -> [UInt8] {
        let estimate = segments.reduce(4096) { $0 + $1.items.count * 140 + $1.hashes.count * InfoHash.byteCount }
        var writer = BencodeWriter(capacity: max(estimate, (origin?.bytes.count ?? 0) / 8 * 9))
        writer.dictionary { writer in
            writer.key("info")
            writer.dictionary { writer in
                writer.key("files")
                writer.list { writer in encodeEntries(&writer) }
                writer.key("name")
                writer.string(name)
                writer.key("piece length")
                writer.integer(policy.pieceLength)
                writer.key("pieces")
                var hashes: [UInt8] = []
                hashes.reserveCapacity(pieceCount * InfoHash.byteCount)
                for segment in segments {
                    for hash in segment.hashes {
                        guard let hash else {
                            preconditionFailure("a torrent is written when all its hashes are known")
                        }
                        hashes.append(contentsOf: hash)
                    }
                }
                writer.string(hashes)
                writer.key("swarm")
                encodeExtras(&writer)
            }
        }
        return writer.bytes
    }

    private func encodeEntries(_ writer: inout BencodeWriter) {
        for segment in segments {
            // Neighbours that are neighbours in the origin as well are one range of its bytes.
            var kept = 0..<0
            func copyKept() {
                if let origin, !kept.isEmpty { writer.raw(origin.encodedEntries(kept)) }
                kept = 0..<0
            }
            for item in segment.items {
                switch item {
                case .kept(let entry):
                    if kept.isEmpty || kept.upperBound != entry {
                        copyKept()
                        kept = entry..<entry
                    }
                    kept = kept.lowerBound..<(entry + 1)
                case .new(let index):
                    copyKept()
                    Self.encode(arrivals[index], &writer)
                case .pad(let length):
                    copyKept()
                    Self.encodePad(length, &writer)
                }
            }
            copyKept()
            let tail = Int64(segment.hashes.count) * Int64(policy.pieceLength) - length(of: segment.items)
            if tail > 0 { Self.encodePad(tail, &writer) }
        }
        for (path, resolved) in standardLinks {
            writer.dictionary { writer in
                writer.key("attr")
                writer.string("l")
                writer.key("length")
                writer.integer(0)
                writer.key("path")
                Self.encodePath(path, &writer)
                writer.key("symlink path")
                Self.encodePath(resolved, &writer)
            }
        }
    }

    /// Links that BEP 47 can say without loss, with their destinations from the root.
    private var standardLinks: [(String, String)] {
        links.sorted { $0.key < $1.key }.compactMap { path, target in
            guard let resolved = TreePath.resolve(link: path, target: target), !resolved.isEmpty,
                TreePath.relativeTarget(from: path, to: resolved) == target
            else { return nil }
            return (path, resolved)
        }
    }

    private func encodeExtras(_ writer: inout BencodeWriter) {
        let standard = Set(standardLinks.map(\.0))
        writer.dictionary { writer in
            if !emptyDirectories.isEmpty {
                writer.key("directories")
                writer.list { writer in
                    for directory in emptyDirectories.sorted() { writer.string(directory) }
                }
            }
            let others = links.filter { !standard.contains($0.key) }.sorted { $0.key < $1.key }
            if !others.isEmpty {
                writer.key("links")
                writer.list { writer in
                    for (path, target) in others {
                        writer.list { writer in
                            writer.string(path)
                            writer.string(target)
                        }
                    }
                }
            }
            writer.key("version")
            writer.integer(Torrent.formatVersion)
        }
    }

    private static func encode(_ file: FileEntry, _ writer: inout BencodeWriter) {
        writer.dictionary { writer in
            if file.executable {
                writer.key("attr")
                writer.string("x")
            }
            writer.key("length")
            writer.integer(file.length)
            writer.key("mtime")
            writer.integer(file.mtime)
            writer.key("path")
            encodePath(file.path, &writer)
            if file.priority != .payload {
                writer.key("priority")
                writer.integer(file.priority.rawValue)
            }
            writer.key("sha256")
            writer.string(file.sha256.bytes)
        }
    }

    private static func encodePad(_ length: Int64, _ writer: inout BencodeWriter) {
        writer.dictionary { writer in
            writer.key("attr")
            writer.string("p")
            writer.key("length")
            writer.integer(length)
            writer.key("path")
            writer.list { writer in
                writer.string(".pad")
                writer.string(String(length))
            }
        }
    }

    private static func encodePath(_ path: String, _ writer: inout BencodeWriter) {
        writer.list { writer in
            for component in path.utf8.split(separator: UInt8(ascii: "/")) { writer.string(component) }
        }
    }
}

extension ShardLayout {
    /// The piece hashes of those large files among `paths` whose hashes are known, by content.
    public func largeFileHashes(of paths: Set<String>) -> [SHA256Digest: [UInt8]] {
        var result: [SHA256Digest: [UInt8]] = [:]
        for segment in segments {
            guard segment.items.count == 1, length(of: segment.items[0]) >= policy.alignFrom,
                let file = file(segment.items[0]), paths.contains(file.path)
            else { continue }
            let known = segment.hashes.compactMap { $0 }
            if known.count == segment.hashes.count { result[file.sha256] = known.flatMap { $0 } }
        }
        return result
    }
}
