import SwarmCore

extension TorrentEngine {
    /// Takes note of a failed announce, and sees to it that it is made again. Returns whether it is worth telling.
    func announceFailed(_ infoHash: InfoHash, _ url: String, failures: Int) -> Bool {
        guard torrents[infoHash]?.isBeingRemoved == false else { return false }
        var random = SystemRandomNumberGenerator()
        let isLasting = retries.fail(infoHash, url, failures: failures, now: .now, using: &random)
        awaitRetry()
        return isLasting
    }

    /// Wakes the engine when the next torrent is due.
    private func awaitRetry() {
        guard let next = retries.next else { return }
        // Many torrents fail and are due at about the same time; they are looked through together.
        let wakeAt = max(next, .now + .milliseconds(50))
        if let retry, retry.at <= wakeAt { return }
        retry?.task.cancel()
        let task = Task { [weak self] in
            // Cancelled for an earlier one, or because the session has ended.
            guard (try? await Task.sleep(until: wakeAt)) != nil else { return }
            await self?.announceDue()
        }
        retry = (wakeAt, task)
    }

    private func announceDue() {
        retry = nil
        // A torrent that has gone meanwhile has nothing to announce.
        for infoHash in retries.takeDue(.now) { try? session?.announce(infoHash) }
        if session != nil { awaitRetry() }
    }
}
