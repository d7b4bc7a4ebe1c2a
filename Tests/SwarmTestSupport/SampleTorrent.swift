public import Metainfo
public import SwarmCore

/// Layouts with contents, and what they encode to.
public enum SampleTorrent {
    /// Small pieces, and few files that begin with one.
    public static let policy = ShardLayout.Policy(pieceLength: 16 << 10, alignFrom: 32 << 10)

    /// Random numbers that are the same in each run.
    public static func random(seed: UInt64) -> SeededRandom { SeededRandom(seed: seed) }

    /// A file with a content.
    public static func entry(
        _ path: String, _ content: [UInt8], mtime: Int64 = 1_700_000_000, executable: Bool = false,
        priority: Priority = .payload
    ) -> FileEntry {
        FileEntry(
            path: path, length: Int64(content.count), mtime: mtime, executable: executable, priority: priority,
            sha256: Digest.sha256(content))
    }

    /// Computes what is missing, with each file's content by its digest.
    public static func complete(_ layout: inout ShardLayout, _ contents: [SHA256Digest: [UInt8]]) {
        let byPath = Dictionary(uniqueKeysWithValues: layout.files.map { ($0.path, contents[$0.sha256] ?? []) })
        var hashes: [PieceIndex: InfoHash] = [:]
        for missing in layout.missingPieces { hashes[missing.piece] = hash(missing.slices, byPath) }
        layout.complete(hashes)
    }

    /// The SHA-1 of a piece, with each file's content by its path.
    public static func hash(_ slices: [ShardLayout.Slice], _ byPath: [String: [UInt8]]) -> InfoHash {
        var content: [UInt8] = []
        for slice in slices {
            switch slice {
            case .zeros(let count): content += [UInt8](repeating: 0, count: count)
            case .file(let path, _, let offset, let length):
                content += (byPath[path] ?? [])[Int(offset)..<(Int(offset) + length)]
            }
        }
        return Digest.sha1(content)
    }

    /// Files of all sizes, with contents by path.
    public static func contents() -> [String: [UInt8]] {
        var random = random(seed: 1)
        return [
            "dists/sid/Release": random.bytes(200), "dists/sid/main/Packages": random.bytes(5000),
            "pool/empty": [], "pool/tiny": random.bytes(1), "pool/Case": random.bytes(10),
            "pool/case": random.bytes(11),
            "pool/日本語/ö ü": random.bytes(700), "pool/large": random.bytes(100_001),
            "pool/exact": random.bytes(32 << 10),
            "pool/program": random.bytes(3000),
        ]
    }

    /// A torrent with files, links and directories of every kind.
    public static func mixed() throws -> Torrent {
        var layout = ShardLayout(policy: policy)
        var change = ShardLayout.Change()
        let contents = contents()
        for (path, content) in contents {
            change.added.append(
                entry(
                    path, content, executable: path == "pool/program",
                    priority: path.hasPrefix("dists/") ? .metadata : .payload))
        }
        change.addedLinks = [
            LinkEntry(path: "pool/to-tiny", target: "tiny"), LinkEntry(path: "latest", target: "pool/large"),
            LinkEntry(path: "pool/odd", target: "./tiny"), LinkEntry(path: "pool/root", target: ".."),
        ]
        change.addedDirectories = ["hollow", "pool/hollow/inner"]
        layout.apply(change, largeFileHashes: [:]) { _ in false }
        complete(
            &layout,
            Dictionary(contents.values.map { (Digest.sha256($0), $0) }, uniquingKeysWith: { first, _ in first }))
        return try Torrent(parsing: layout.encode(name: "debian"))
    }
}
