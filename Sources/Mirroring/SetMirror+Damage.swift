internal import FileTree
internal import Metainfo
internal import SwarmCore

/// What becomes of a tree that lacks files.
extension SetMirror {
    /// Notes what a tree lacks beside what was known to be lost. Returns whether that is anything.
    func noteLosses(_ damage: DamagedTree) async throws -> Bool {
        let found = try await survey(damage)
        damaged[damage.snapshot, default: [:]].merge(found) { known, found in known.union(found) }
        return !found.isEmpty
    }

    /// Where one file is lost, others may be: all of the tree are looked at, once, for what is gone or has another size
    /// or time than it should. What was known to be lost is left out.
    private func survey(_ damage: DamagedTree) async throws -> [InfoHash: PieceSet] {
        guard let row = snapshots[damage.snapshot] else { return [:] }
        let tree = try await localTree(row)
        return try await offPool {
            var result: [InfoHash: PieceSet] = [:]
            for shard in tree.shards {
                let torrent = try tree.shelf.torrent(shard)
                var lost = PieceSet(pieceCount: torrent.entryCount)
                for entry in torrent.files where tree.holds(torrent, entry) {
                    let file = torrent.file(entry)
                    let status = try FileSystem.status("\(damage.files)/\(file.path)")
                    if status?.kind != .regular || status?.size != file.length || status?.mtimeSeconds != file.mtime {
                        lost[entry] = true
                    }
                }
                if !lost.isEmpty { result[torrent.infoHash] = lost }
            }
            return result
        }
    }
}
