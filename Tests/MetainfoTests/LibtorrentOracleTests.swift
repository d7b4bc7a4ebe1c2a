import CLibtorrentOracle
import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

/// A torrent as a stock libtorrent reads it.
@safe
private struct Oracle: ~Copyable {
    private let handle: OpaquePointer

    init(_ torrent: Torrent) throws {
        // The oracle copies the bytes.
        unsafe handle = try #require(unsafe oracle_read(torrent.bytes, torrent.bytes.count))
    }

    deinit { unsafe oracle_free(handle) }

    var infoHash: InfoHash? {
        var bytes = [UInt8](repeating: 0, count: InfoHash.byteCount)
        unsafe oracle_info_hash(handle, &bytes)
        return InfoHash(bytes: bytes)
    }
    var pieceLength: Int { unsafe Int(oracle_piece_length(handle)) }
    var pieceCount: Int { unsafe Int(oracle_piece_count(handle)) }
    var paths: [String] { files.map { unsafe String(cString: oracle_file_path(handle, $0)) } }
    var sizes: [Int64] { files.map { unsafe oracle_file_size(handle, $0) } }
    var offsets: [Int64] { files.map { unsafe oracle_file_offset(handle, $0) } }
    var padding: [Bool] { files.map { unsafe oracle_file_is_pad(handle, $0) } }
    private var files: Range<Int32> { unsafe 0..<oracle_file_count(handle) }

    /// How many pieces are intact below the directory.
    static func intactPieces(_ torrent: Torrent, in directory: String) throws -> Int {
        let oracle = try Oracle(torrent)
        for entry in torrent.files {
            unsafe oracle_rename(oracle.handle, Int32(entry), "\(torrent.name)/\(torrent.path(entry))")
        }
        return unsafe Int(oracle_check(oracle.handle, directory))
    }
}

/// What is written here, read by libtorrent.
struct LibtorrentOracleTests {
    @Test("libtorrent sees the same info-hash, paths, sizes, offsets and pads")
    func inspect() throws {
        let torrent = try SampleTorrent.mixed()
        let layout = try Oracle(torrent)
        #expect(layout.infoHash == torrent.infoHash)
        #expect(layout.pieceLength == torrent.pieceLength && layout.pieceCount == torrent.pieceCount)
        #expect(layout.sizes == (0..<torrent.entryCount).map { torrent.length($0) })
        #expect(layout.offsets == (0..<torrent.entryCount).map { torrent.offset($0) })
        #expect(layout.padding == (0..<torrent.entryCount).map { torrent.kind($0) == .pad })
        let paths = layout.paths
        for entry in torrent.files {
            let own = "debian/\(torrent.path(entry))"
            // Of two that collide when case is ignored, libtorrent numbers the second.
            if own.lowercased() != "debian/pool/case" { #expect(paths[entry] == own) }
        }
        #expect(paths.contains("debian/pool/日本語/ö ü"))
    }

    @Test("libtorrent's check of a tree on disk finds every piece, and misses the one that is damaged")
    func hashCheck() throws {
        let torrent = try SampleTorrent.mixed()
        let directory = try TemporaryDirectory("oracle")
        let writer = try FileTreeWriter(directory["debian"])
        for (path, content) in SampleTorrent.contents() { try writer.write(path, content) }
        for link in torrent.links { try writer.symbolicLink(link.path, to: link.target) }
        #expect(try Oracle.intactPieces(torrent, in: directory.path) == torrent.pieceCount)
        try writer.write("pool/tiny", [0x55, 0x55])
        #expect(try Oracle.intactPieces(torrent, in: directory.path) == torrent.pieceCount - 1)
    }

    @Test("a torrent that grew over many snapshots is still what libtorrent reads")
    func history() throws {
        var random = SeededRandom(seed: 21)
        var contents: [String: [UInt8]] = [:]
        var torrent: Torrent?
        for round in 0..<12 {
            var change = ShardLayout.Change()
            for _ in 0..<10 {
                let path = "f\(Int.random(in: 0...30, using: &random))"
                guard !change.removed.contains(path), !change.added.contains(where: { $0.path == path }) else {
                    continue
                }
                if contents[path] != nil { change.removed.insert(path) }
                contents[path] = nil
                if round.isMultiple(of: 3), Bool.random(using: &random) { continue }
                let content = random.bytes([10, 5000, 20_000, 70_000].randomElement(using: &random) ?? 0)
                contents[path] = content
                change.added.append(SampleTorrent.entry(path, content))
            }
            var layout =
                torrent.map { ShardLayout($0, policy: SampleTorrent.policy) }
                ?? ShardLayout(policy: SampleTorrent.policy)
            layout.apply(change, largeFileHashes: [:]) { _ in false }
            SampleTorrent.complete(
                &layout,
                Dictionary(contents.values.map { (Digest.sha256($0), $0) }, uniquingKeysWith: { first, _ in first }))
            torrent = try Torrent(parsing: layout.encode(name: "set"))
        }
        let final = try #require(torrent)
        let directory = try TemporaryDirectory("oracle")
        let writer = try FileTreeWriter(directory["set"])
        for (path, content) in contents { try writer.write(path, content) }
        #expect(try Oracle(final).infoHash == final.infoHash)
        #expect(try Oracle.intactPieces(final, in: directory.path) == final.pieceCount)
    }
}
