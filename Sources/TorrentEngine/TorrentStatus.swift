public import SwarmCore

/// The state of one torrent at one moment.
public struct TorrentStatus: Sendable {
    /// Which torrent.
    public let infoHash: InfoHash
    /// The pieces had, including those that consist of padding only.
    public let have: PieceSet
    /// Payload received, in bytes per second.
    public let downloadRate: Int
    /// Payload sent, in bytes per second.
    public let uploadRate: Int
    /// Payload bytes sent since the torrent was added.
    public let payloadUploaded: Int64
    /// Payload bytes received since the torrent was added, refused and redundant ones included.
    public let payloadDownloaded: Int64
    /// Connected peers, seeds included.
    public let peers: Int
    /// Connected peers that have everything.
    public let seeds: Int
    /// Whether every wanted piece is had.
    public let isFinished: Bool
    /// Why the torrent stands still; nil when it does not.
    public let error: String?
}

/// A connected peer of one torrent.
public struct PeerSummary: Sendable {
    /// The peer's address; the port is that of the connection, which is not the listen port when the peer dialled.
    public let endpoint: Endpoint
    /// The client's name for itself.
    public let client: String
    /// Whether the peer-id is that of a master.
    public let isMaster: Bool
    /// Payload received from the peer, in bytes per second.
    public let downloadRate: Int
    /// Payload sent to the peer, in bytes per second.
    public let uploadRate: Int
    /// Whether the peer has every piece.
    public let isSeed: Bool
}

/// Payload bytes since the engine was made; removing a torrent does not reset them.
public struct Traffic: Sendable, Hashable {
    /// Bytes received from masters, refused and redundant ones included.
    public let fromMaster: Int64
    /// Bytes received from all other peers, refused and redundant ones included.
    public let fromPeers: Int64
    /// Bytes of pieces that failed their hash check.
    public let refused: Int64
    /// Bytes sent.
    public let uploaded: Int64
    /// Bytes received from near peers; of master and others alike.
    public let fromNear: Int64
    /// Bytes received from far peers; of master and others alike.
    public let fromFar: Int64
    /// Bytes sent to near peers.
    public let toNear: Int64
    /// Bytes sent to far peers.
    public let toFar: Int64
    /// Of `fromPeers`, bytes received from near ones.
    public let fromNearPeers: Int64
    /// Of `fromPeers`, bytes received from far ones.
    public let fromFarPeers: Int64

    /// Traffic with the given counters.
    public init(
        fromMaster: Int64 = 0, fromPeers: Int64 = 0, refused: Int64 = 0, uploaded: Int64 = 0, fromNear: Int64 = 0,
        fromFar: Int64 = 0, toNear: Int64 = 0, toFar: Int64 = 0, fromNearPeers: Int64 = 0, fromFarPeers: Int64 = 0
    ) {
        self.fromNear = fromNear
        self.fromFar = fromFar
        self.toNear = toNear
        self.toFar = toFar
        self.fromNearPeers = fromNearPeers
        self.fromFarPeers = fromFarPeers
        self.fromMaster = fromMaster
        self.fromPeers = fromPeers
        self.refused = refused
        self.uploaded = uploaded
    }
}
