import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

@Suite("Excerpts of torrents")
struct TorrentExcerptTests {
    private static let pieceLength = 16 << 10

    /// Files of many sizes, some over several pieces, some that share one, and an empty one.
    private func torrent() throws -> Torrent {
        var layout = ShardLayout(policy: ShardLayout.Policy(pieceLength: Self.pieceLength, alignFrom: 32 << 10))
        var change = ShardLayout.Change()
        for number in 0..<60 {
            let priority = number % 5 == 0 ? Priority.metadata : .payload
            change.added.append(
                FileEntry(
                    path: "d\(number % 7)/file\(number)", length: Int64(number * number * 37), mtime: Int64(number),
                    executable: number % 3 == 0, priority: priority, sha256: Digest.sha256([UInt8(number)])))
        }
        layout.apply(change, largeFileHashes: [:]) { _ in false }
        var hashes: [PieceIndex: InfoHash] = [:]
        for missing in layout.missingPieces {
            hashes[missing.piece] = Digest.sha1([UInt8(truncatingIfNeeded: missing.piece.rawValue)])
        }
        layout.complete(hashes)
        return try Torrent(parsing: layout.encode(name: "demo"))
    }

    @Test(
        "Of the pieces that it is of, an excerpt says what the torrent says", arguments: 1...20 as ClosedRange<UInt64>)
    func agrees(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let torrent = try torrent()
        var pieces = PieceSet(pieceCount: torrent.pieceCount)
        for piece in 0..<torrent.pieceCount { pieces[piece] = Int.random(in: 0...3, using: &random) == 0 }
        let excerpt = torrent.excerpt(of: pieces)
        #expect(excerpt.infoHash == torrent.infoHash && excerpt.pieceCount == torrent.pieceCount)
        #expect(excerpt.contentLength == torrent.contentLength && excerpt.pieceLength == torrent.pieceLength)
        for piece in 0..<torrent.pieceCount {
            let entries = torrent.entries(inPiece: piece).filter { torrent.length($0) > 0 }
            #expect(excerpt.entries(inPiece: piece) == (pieces[piece] ? entries : []))
            #expect(excerpt.length(ofPiece: piece) == torrent.length(ofPiece: piece))
            guard pieces[piece] else { continue }
            #expect(excerpt.pieceHash(piece).elementsEqual(torrent.pieceHash(piece)))
            for entry in entries {
                #expect(excerpt.kind(entry) == torrent.kind(entry) && excerpt.pieces(entry) == torrent.pieces(entry))
                #expect(excerpt.offset(entry) == torrent.offset(entry))
                #expect(excerpt.length(entry) == torrent.length(entry))
                guard torrent.kind(entry) == .file else { continue }
                #expect(excerpt.file(entry) == torrent.file(entry))
            }
        }
    }

    @Test("Of neighbouring pieces, each entry is told once")
    func neighbours() throws {
        let torrent = try torrent()
        let excerpt = torrent.excerpt(of: PieceSet(pieceCount: torrent.pieceCount, full: true))
        let all = (0..<torrent.entryCount).filter { torrent.length($0) > 0 }
        #expect(excerpt.entries(inPieces: 0..<torrent.pieceCount) == all)
    }
}
