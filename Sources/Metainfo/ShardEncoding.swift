public import SwarmCore

extension ShardLayout {
    /// A stretch of a piece's content.
    public enum Slice: Hashable, Sendable {
        /// `length` bytes of the file at `path`, from `offset`.
        case file(path: String, offset: Int64, length: Int)
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
            if segment.hashes.contains(where: { $0 == nil }) {
                for (index, slices) in slices(of: segment).enumerated() where segment.hashes[index] == nil {
                    result.append(MissingPiece(piece: PieceIndex(base + index), slices: slices))
                }
            }
            base += segment.hashes.count
        }
        return result
    }

    private func slices(of segment: Segment) -> [[Slice]] {
        var pieces: [[Slice]] = []
        var current: [Slice] = []
        var room = policy.pieceLength
        func add(_ slice: Slice, _ length: Int) {
            current.append(slice)
            room -= length
            if room == 0 {
                pieces.append(current)
                current = []
                room = policy.pieceLength
            }
        }
        for item in segment.items {
            var done: Int64 = 0
            let end = length(of: item)
            let path = end > 0 ? file(item)?.path : nil
            while done < end {
                let length = Int(min(end - done, Int64(room)))
                if let path {
                    add(.file(path: path, offset: done, length: length), length)
                } else {
                    add(.zeros(length), length)
                }
                done += Int64(length)
            }
        }
        if room < policy.pieceLength { add(.zeros(room), room) }
        return pieces
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
                case .file(let file):
                    copyKept()
                    Self.encode(file, &writer)
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
