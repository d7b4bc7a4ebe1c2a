public import SwarmCore

/// A torrent as it is handed to `TorrentEngine.add`.
public struct TorrentSpec: Sendable {
    /// The info-hash that the torrent must have.
    public var infoHash: InfoHash
    /// The `.torrent`, a version 1 one, in which no two files have one path. Its trackers and web seeds are ignored.
    public var torrent: [UInt8]
    /// The directory under which files land: at `savePath/<name of the torrent>/<path>`.
    public var savePath: String
    /// The pieces that are on disk already, nil for all of them; `pieceCount` must be the torrent's. Nothing checks them.
    public var have: PieceSet?
    /// The pieces to fetch from the start, nil for none; `pieceCount` must be the torrent's.
    public var wanted: PieceSet?
    /// Of the wanted pieces those that are asked for before the others, as far as somebody has them; nil for none.
    /// `pieceCount` must be the torrent's.
    public var preferred: PieceSet?
    /// Paths by file index, relative to `savePath` or absolute, for files that belong elsewhere.
    public var renamed: [Int: String]
    /// Peers that are dialled at once, with numeric addresses (see `TorrentEngine.resolve`).
    public var peers: [Endpoint]
    /// Announce URLs; all of them are announced to.
    public var trackers: [String]
    /// Whether peers of this torrent tell each other about further peers (ut_pex, BEP 11).
    public var peerExchange: Bool

    /// A torrent with no other paths than its own and, unless given, without trackers.
    public init(
        infoHash: InfoHash, torrent: [UInt8], savePath: String, have: PieceSet?, wanted: PieceSet?,
        preferred: PieceSet? = nil, renamed: [Int: String] = [:], peers: [Endpoint] = [],
        trackers: [String] = [], peerExchange: Bool = true
    ) {
        self.infoHash = infoHash
        self.torrent = torrent
        self.savePath = savePath
        self.have = have
        self.wanted = wanted
        self.preferred = preferred
        self.renamed = renamed
        self.peers = peers
        self.trackers = trackers
        self.peerExchange = peerExchange
    }
}
