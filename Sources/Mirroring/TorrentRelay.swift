internal import FileTree
internal import Metainfo
public import SwarmCore
internal import Synchronization

/// What a node makes only for the nodes that have it as their upstream.
public enum TorrentRelay {
    private static let turn = Mutex(())

    /// Compresses a torrent that is on the disk as it is. Returns whether it lies there compressed now. Blocking; one
    /// thread at a time.
    public static func compress(_ infoHash: InfoHash, in layout: RootLayout) -> Bool {
        turn.withLock { _ in
            do {
                if FileSystem.exists(layout.compressedTorrent(infoHash)) { return true }
                guard let bytes = try FileSystem.contents(layout.torrent(infoHash)),
                    try Torrent(parsing: bytes, isKnown: true).infoHash == infoHash
                else { return false }
                try FileSystem.writeAtomically(try Zstd.compress(bytes), to: layout.compressedTorrent(infoHash))
                return true
            } catch {
                // Damaged, or no space is left: then this node does not have it for others.
                return false
            }
        }
    }
}
