public import SwarmCore

/// What happens in the session, in the order in which it came to be known.
public enum EngineEvent: Sendable {
    /// A socket listens; with an unspecified host in the settings there is one event per address of the machine.
    case listening(Endpoint)
    /// A socket could not be opened; the text says why.
    case listenFailed(Endpoint, String)
    /// Pieces passed their hash check, in order of arrival, at most once each. They may not be written yet: see
    /// `TorrentEngine.flush`.
    case pieces(InfoHash, [PieceIndex])
    /// Every wanted piece is had. Raised once for each `add` and `setWanted`, at once where that is true already.
    case finished(InfoHash)
    /// A piece failed its hash check; it is fetched again.
    case pieceRefused(InfoHash, PieceIndex)
    /// A peer sent refused data and is not talked to again.
    case peerBanned(InfoHash, Endpoint)
    /// Reading or writing a file failed. The torrent fetches nothing further, and of the pieces that
    /// were reported some may not be there: remove it, see what the disk holds, and add it again.
    case fileError(InfoHash, path: String, message: String, errno: Int32)
    /// A tracker has been refusing a torrent's announces, or not answering them, for longer than a moment. They are
    /// repeated, less and less often.
    case trackerError(InfoHash, url: String, message: String)
    /// Notices were lost. What follows was read anew: `pieces` for all that are had and not reported yet, and
    /// `finished` where due; refusals, bans and errors may be missing.
    case resynchronized
}
