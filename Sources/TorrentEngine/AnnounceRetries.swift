import SwarmCore

/// When torrents are announced again that trackers refuse, or that they do not answer for.
///
/// A tracker that admits the torrents of known sets refuses a new one for as long as it has not read of it, which is a
/// moment; libtorrent would come back after ten seconds. So the first failures are followed by another attempt soon, each
/// time after twice the time, until libtorrent's own is the shorter one.
struct AnnounceRetries {
    private struct Torrent {
        /// By URL, when the present row of failures began.
        var failingSince: [String: ContinuousClock.Instant] = [:]
        /// When to announce again; nil when it was done, or is left to libtorrent.
        var due: ContinuousClock.Instant?
    }

    private static let first = Duration.milliseconds(250)
    /// What is over within this time is not worth a word.
    private static let moment = Duration.seconds(1)

    private var torrents: [InfoHash: Torrent] = [:]

    /// The time from a failure to the next attempt; nil when libtorrent's own is soon enough. `failures` counts those in
    /// a row, from 1.
    static func pause(after failures: Int) -> Duration? {
        // With a tracker_backoff of 100 (percent).
        let libtorrents = Duration.seconds(5 + 5 * failures * failures)
        guard failures < 30 else { return nil }
        let doubled = first * (1 << (failures - 1))
        return doubled < libtorrents ? doubled : nil
    }

    /// Notes a failure. Returns whether the tracker has failed for more than a moment.
    mutating func fail(
        _ infoHash: InfoHash, _ url: String, failures: Int, now: ContinuousClock.Instant,
        using random: inout some RandomNumberGenerator
    ) -> Bool {
        var torrent = torrents[infoHash] ?? Torrent()
        if failures <= 1 || torrent.failingSince[url] == nil { torrent.failingSince[url] = now }
        if let pause = Self.pause(after: max(1, failures)) {
            // Not all nodes at once: a tracker that starts anew has failed them all at the same time.
            let due = now + pause * Double.random(in: 0.75...1.25, using: &random)
            torrent.due = min(due, torrent.due ?? due)
        }
        torrents[infoHash] = torrent
        return torrent.failingSince[url].map { now - $0 >= Self.moment } ?? false
    }

    /// When the next torrent is due; nil when none is.
    var next: ContinuousClock.Instant? { torrents.values.lazy.compactMap(\.due).min() }

    /// The torrents that are due, which are taken to be announced.
    mutating func takeDue(_ now: ContinuousClock.Instant) -> [InfoHash] {
        let due = torrents.compactMap { infoHash, torrent in torrent.due.map { $0 <= now } == true ? infoHash : nil }
        for infoHash in due { torrents[infoHash]?.due = nil }
        return due
    }

    /// Forgets a torrent that was removed.
    mutating func forget(_ infoHash: InfoHash) { torrents[infoHash] = nil }
}
