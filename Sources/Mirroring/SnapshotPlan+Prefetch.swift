internal import Metainfo
internal import SwarmCore

extension SnapshotPlan {
    /// Of each transfer, the pieces of files that the master suggests to fetch before the others of their class; of the
    /// twins of a file, those of the one that is fetched.
    func preferred(_ suggested: PrefetchList) -> [PieceSet] {
        var preferred = transfers.map { PieceSet(pieceCount: $0.torrent.pieceCount) }
        guard !suggested.isEmpty else { return preferred }
        var paths = Set(suggested.paths.map { ArraySlice(Array($0.utf8)) })
        for (file, source) in twins where paths.contains(ArraySlice(Array(file.path.utf8))) {
            paths.insert(ArraySlice(Array(source.path.utf8)))
        }
        for (index, transfer) in transfers.enumerated() {
            for entry in transfer.entries(.fetch) where paths.contains(transfer.torrent.pathUTF8(entry)) {
                for piece in transfer.torrent.pieces(entry) { preferred[index][piece] = true }
            }
            preferred[index] = preferred[index].intersection(transfer.allWanted)
        }
        return preferred
    }
}
