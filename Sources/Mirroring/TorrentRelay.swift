internal import FileTree
internal import Metainfo
public import SwarmCore
internal import Synchronization

/// What a node makes only for the nodes that have it as their upstream.
public enum TorrentRelay {
    private static let turn = Mutex(())

    /// Compresses a torrent that is on the disk as it is. Returns whether it lies there compressed now. Blocking; any
    /// number of threads.
    public static func compress(_ infoHash: InfoHash, in layout: RootLayout) -> Bool {
        let (plain, path) = (layout.torrent(infoHash), layout.compressedTorrent(infoHash))
        do {
            guard let bytes = try FileSystem.contents(plain),
                try Torrent(parsing: bytes, isKnown: true).infoHash == infoHash
            else { return false }
            let compressed = try Zstd.compress(bytes)
            try turn.withLock { _ in
                if !FileSystem.exists(path) { try FileSystem.writeAtomically(compressed, to: path) }
                // Its last snapshot may have gone meanwhile, and nobody would look here again.
                if !FileSystem.exists(plain) { try FileSystem.remove(path) }
            }
            return true
        } catch {
            // Damaged, or no space is left: then this node does not have it for others.
            return false
        }
    }
}
