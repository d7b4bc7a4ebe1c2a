import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

@Suite("What was read of a torrent is put aside")
struct TorrentColumnsTests {
    private func expectEqual(_ one: Torrent, _ two: Torrent, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(one.entryCount == two.entryCount, sourceLocation: sourceLocation)
        #expect(one.encodedColumns == two.encodedColumns, sourceLocation: sourceLocation)
        #expect(one.links == two.links, sourceLocation: sourceLocation)
        #expect(one.emptyDirectories == two.emptyDirectories, sourceLocation: sourceLocation)
        #expect(one.infoHash == two.infoHash && one.name == two.name, sourceLocation: sourceLocation)
        #expect(one.pieceCount == two.pieceCount, sourceLocation: sourceLocation)
        for entry in one.files {
            #expect(one.file(entry) == two.file(entry), sourceLocation: sourceLocation)
            #expect(one.pieces(entry) == two.pieces(entry), sourceLocation: sourceLocation)
        }
    }

    @Test("a torrent is the same with its columns, alone and beside another one")
    func same() throws {
        let torrent = try SampleTorrent.mixed()
        try #require(!torrent.links.isEmpty && !torrent.emptyDirectories.isEmpty)
        let again = try Torrent(parsing: torrent.bytes, columns: torrent.encodedColumns)
        expectEqual(again, torrent)

        var layout = ShardLayout(torrent, policy: SampleTorrent.policy)
        var change = ShardLayout.Change()
        change.removed = ["pool/tiny"]
        change.added = [SampleTorrent.entry("pool/new", [1, 2, 3])]
        layout.apply(change, largeFileHashes: [:]) { _ in false }
        SampleTorrent.complete(
            &layout,
            Dictionary(
                uniqueKeysWithValues: (SampleTorrent.contents().values + [[1, 2, 3]]).map { (Digest.sha256($0), $0) }))
        let next = layout.encode(name: torrent.name)
        let (beside, besideAgain) = (try Torrent(parsing: next, like: torrent), try Torrent(parsing: next, like: again))
        expectEqual(besideAgain, beside)
        #expect(besideAgain.origin == beside.origin && beside.origin != nil)
    }

    @Test("what cannot be the columns of a torrent is not taken for them")
    func others() throws {
        let torrent = try SampleTorrent.mixed()
        let columns = torrent.encodedColumns
        var tooMany = columns
        tooMany[7] = 0x7f
        var tooFar = columns
        let lastStart = 16 + torrent.entryCount * (3 * 8 + 2 * 4) + 4
        tooFar.replaceSubrange(lastStart..<(lastStart + 4), with: [255, 255, 255, 127])
        for wrong in [[], [1], Array(columns.dropLast()), columns + [0], tooMany, tooFar] {
            expectEqual(try Torrent(parsing: torrent.bytes, columns: wrong), torrent)
        }
    }
}
