import SwarmCore

extension TorrentEngine {
    /// Passes on what happened since the last time.
    func drain() {
        guard let notices = session?.poll(), !notices.isEmpty else { return }
        report(
            notices.compactMap { notice in
                if case .piece(let infoHash, let piece) = notice { (infoHash, piece) } else { nil }
            })
        var fileErrors: Set<String> = []
        for notice in notices {
            switch notice {
            case .piece: break
            case .listening(let endpoint):
                listening.append(endpoint)
                output.yield(.listening(endpoint))
            case .listenFailed(let endpoint, let message): output.yield(.listenFailed(endpoint, message))
            case .refused(let infoHash, let piece): output.yield(.pieceRefused(infoHash, piece))
            case .banned(let infoHash, let peer): output.yield(.peerBanned(infoHash, peer))
            case .fileError(let infoHash, let path, let message, let errno):
                torrents[infoHash]?.error = "\(path): \(message)"
                // Every block that is under way fails alike; one notice is enough.
                guard fileErrors.insert("\(errno) \(path)").inserted else { continue }
                output.yield(.fileError(infoHash, path: path, message: message, errno: errno))
            case .trackerError(let infoHash, let url, let message, let failures):
                if announceFailed(infoHash, url, failures: failures) {
                    output.yield(.trackerError(infoHash, url: url, message: message))
                }
            case .flushed(let infoHash):
                guard torrents[infoHash]?.flushes.isEmpty == false else { continue }
                torrents[infoHash]?.flushes.removeFirst().resume()
            case .dropped: resynchronize()
            }
        }
    }

    /// Reads anew what lost notices may have said. (Answers to flushes are never lost: libtorrent keeps room for alerts
    /// of high priority.)
    func resynchronize() {
        output.yield(.resynchronized)
        for status in session?.status(nil) ?? [] {
            report(status.have.indices.map { (status.infoHash, PieceIndex($0)) })
        }
    }

    /// Emits `pieces` for those pieces that are new, and `finished` where they were the last wanted ones.
    private func report(_ arrived: [(infoHash: InfoHash, piece: PieceIndex)]) {
        var batches: [InfoHash: [PieceIndex]] = [:]
        var order: [InfoHash] = []
        var finished: Set<InfoHash> = []
        for (infoHash, piece) in arrived where torrents[infoHash]?.have[piece] == false {
            torrents[infoHash]?.have[piece] = true
            if batches[infoHash] == nil { order.append(infoHash) }
            batches[infoHash, default: []].append(piece)
            guard torrents[infoHash]?.wanted[piece] == true else { continue }
            torrents[infoHash]?.missing -= 1
            if torrents[infoHash]?.missing == 0 { finished.insert(infoHash) }
        }
        for infoHash in order {
            output.yield(.pieces(infoHash, batches[infoHash] ?? []))
            if finished.contains(infoHash) { output.yield(.finished(infoHash)) }
        }
    }
}
