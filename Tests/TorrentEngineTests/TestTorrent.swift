import Foundation
import SwarmCore
import Testing
import TorrentEngine

/// A torrent with its content in memory.
struct TestTorrent {
    struct File {
        var path: String
        var content: [UInt8]
        var isPadding = false
    }

    let name: String
    let files: [File]
    let pieceLength: Int
    /// The SHA-1 of each piece, one after the other.
    let pieceHashes: [UInt8]
    let content: [UInt8]
    let bytes: [UInt8]
    let infoHash: InfoHash
    let pieceCount: Int

    /// Makes a version 1 torrent. With `aligned`, each file but the last is padded to a multiple of the piece length.
    init(
        name: String = "tree", files: [(String, [UInt8])], pieceLength: Int = 32_768, aligned: Bool = false,
        info extraInfo: [String: Bencode] = [:], top: [String: Bencode] = [:]
    ) throws {
        var laid: [File] = []
        for (path, content) in files {
            laid.append(File(path: path, content: content))
            let rest = content.count % pieceLength
            if aligned, rest > 0, path != files.last?.0 {
                let size = pieceLength - rest
                laid.append(File(path: ".pad/\(size)", content: [UInt8](repeating: 0, count: size), isPadding: true))
            }
        }
        let content = laid.flatMap(\.content)
        let starts = stride(from: 0, to: content.count, by: pieceLength)
        let hashes = starts.flatMap { sha1(content[$0..<min($0 + pieceLength, content.count)]) }
        let list = laid.map { file in
            var entry: [String: Bencode] = [
                "length": .integer(file.content.count),
                "path": .list(
                    file.path.split(separator: "/", omittingEmptySubsequences: false).map { Bencode(String($0)) }),
            ]
            if file.isPadding { entry["attr"] = "p" }
            return Bencode.dictionary(entry)
        }
        var info: [String: Bencode] = [
            "name": Bencode(name), "piece length": .integer(pieceLength), "pieces": .string(hashes),
            "files": .list(list),
        ]
        info.merge(extraInfo) { $1 }
        let dictionary = Bencode.dictionary(info)
        let digest = try #require(InfoHash(bytes: sha1(dictionary.bytes)))
        self.name = name
        self.files = laid
        self.pieceLength = pieceLength
        self.pieceHashes = hashes
        self.content = content
        self.bytes = Bencode.dictionary(top.merging(["info": dictionary]) { $1 }).bytes
        self.infoHash = digest
        self.pieceCount = starts.underestimatedCount
    }

    var all: PieceSet { PieceSet(pieceCount: pieceCount, full: true) }
    var none: PieceSet { PieceSet(pieceCount: pieceCount) }

    func pieces(_ indices: some Sequence<Int>) -> PieceSet {
        var result = none
        for index in indices { result[index] = true }
        return result
    }

    /// The content of one piece.
    func piece(_ index: Int) -> [UInt8] {
        [UInt8](content[index * pieceLength..<min((index + 1) * pieceLength, content.count)])
    }

    /// Writes all files, but pad files, under `directory`. A piece in `corrupted` gets one wrong byte.
    func write(under directory: URL, corrupted: Int? = nil) throws {
        var offset = 0
        for file in files {
            defer { offset += file.content.count }
            if file.isPadding { continue }
            var content = file.content
            if let corrupted, (offset..<offset + content.count).contains(corrupted * pieceLength) {
                content[corrupted * pieceLength - offset] ^= 0xff
            }
            let url = location(of: file.path, under: directory)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(content).write(to: url)
        }
    }

    func location(of path: String, under directory: URL) -> URL {
        directory.appendingPathComponent(name).appendingPathComponent(path)
    }

    /// The files whose bytes under `directory` are not those of the torrent.
    func differences(under directory: URL) -> [String] {
        files.filter { !$0.isPadding }.map(\.path).filter { path in
            let written = try? Data(contentsOf: location(of: path, under: directory))
            return written.map { [UInt8]($0) } != files.first { $0.path == path }?.content
        }
    }

    /// The pieces that lie under `directory`.
    func found(under directory: URL) -> PieceSet {
        let written = files.flatMap { file in
            let data = file.isPadding ? nil : try? Data(contentsOf: location(of: file.path, under: directory))
            return (data.map { [UInt8]($0) } ?? [])
                + Array(repeating: 0, count: max(0, file.content.count - (data?.count ?? 0)))
        }
        return pieces(
            (0..<pieceCount).filter { index in
                let range = index * pieceLength..<min((index + 1) * pieceLength, content.count)
                return written[range] == content[range]
            })
    }

    /// How an engine is given this torrent; by default it wants all that it does not have.
    func spec(at directory: URL, have: PieceSet? = nil, wanted: PieceSet? = nil) -> TorrentSpec {
        TorrentSpec(
            infoHash: infoHash, torrent: bytes, savePath: directory.path, have: have ?? none, wanted: wanted ?? all)
    }
}

/// Bytes that look random and are the same in each run.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    return (0..<count).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state >> 24)
    }
}
