internal import AsyncHTTPClient
internal import Logging
internal import SwarmCore

/// Follows the feed of one set, so that the tracker knows its torrents.
struct FeedFollower: Sendable {
    let source: FeedSource
    let tracker: Tracker
    let clock: TrackerClock
    let logger: Logger

    /// Seconds for which the upstream may hold its answer back.
    private static let wait = 50
    /// From a question that brings nothing new to the next, even where the upstream does not hold its answers back.
    private static let pause = Duration.seconds(10)

    /// The same after so many failures in a row: a master that starts anew is back in a moment.
    private static func pause(after failures: Int) -> Duration {
        failures < 4 ? .seconds(1 << (failures - 1)) : pause
    }

    /// Follows until it is cancelled. What fails is logged, once for each reason, and tried again.
    func run() async {
        var version: UInt64 = 0
        var shards: [SnapshotID: [Manifest.Shard]] = [:]
        var failures = 0
        var lastFailure = ""
        while !Task.isCancelled {
            let asked = ContinuousClock.now
            var pause = Self.pause
            do {
                let feed = try await source.feed(after: version, wait: Self.wait, now: clock.date())
                if let feed {
                    var known: [SnapshotID: [Manifest.Shard]] = [:]
                    for entry in feed.snapshots {
                        if let kept = shards[entry.uuid] {
                            known[entry.uuid] = kept
                        } else {
                            known[entry.uuid] = try await source.shards(of: entry)
                        }
                    }
                    shards = known
                    // Snapshots may come one soon after the other, and announces of the next are refused until it is read.
                    if feed.version > version { pause = .zero }
                    version = feed.version
                    await tracker.files.follow(feed.set, shards) { try await source.document($0, limit: $1) }
                    tracker.follow(
                        feed, torrents: Set(shards.values.flatMap { $0.map(\.infoHash) }),
                        masters: source.masters(of: feed), isPrivate: source.set.isPrivate)
                    logger.info("feed \(version) of \(feed.set): \(feed.snapshots.count) snapshots")
                } else {
                    tracker.confirmFeed(of: source.set.name)
                }
                failures = 0
                lastFailure = ""
            } catch is CancellationError {
                return
            } catch {
                if "\(error)" != lastFailure { logger.warning("\(error)") }
                lastFailure = "\(error)"
                failures += 1
                pause = Self.pause(after: failures)
            }
            try? await Task.sleep(until: asked + pause)
        }
    }
}
