public import SwarmCore

extension TorrentEngine {
    /// The state of a torrent; nil when it is not there.
    public func status(_ infoHash: InfoHash) async -> TorrentStatus? {
        session?.status(infoHash).first.map { completed($0) }
    }

    /// The state of all torrents, at the cost of one question to libtorrent.
    public func statuses() async -> [TorrentStatus] {
        session?.status(nil).map { completed($0) } ?? []
    }

    /// The peers of a torrent whose handshake is done.
    public func peers(_ infoHash: InfoHash) async -> [PeerSummary] {
        session?.peers(infoHash) ?? []
    }

    /// What a torrent has moved since the engine was made, also while it was added earlier.
    public func traffic(_ infoHash: InfoHash) async -> Traffic {
        session?.traffic(infoHash) ?? Traffic()
    }

    /// What all torrents have moved since the engine was made.
    public func totalTraffic() async -> Traffic {
        session?.traffic(nil) ?? Traffic()
    }

    /// Adds a file error, which libtorrent forgets when it only stops fetching.
    private func completed(_ status: TorrentStatus) -> TorrentStatus {
        guard status.error == nil, let error = torrents[status.infoHash]?.error else { return status }
        return TorrentStatus(
            infoHash: status.infoHash, have: status.have, downloadRate: status.downloadRate,
            uploadRate: status.uploadRate, payloadUploaded: status.payloadUploaded,
            payloadDownloaded: status.payloadDownloaded, peers: status.peers, seeds: status.seeds,
            isFinished: status.isFinished, error: error)
    }
}
