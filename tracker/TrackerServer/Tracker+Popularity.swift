internal import FoundationEssentials
internal import SwarmCore
internal import Synchronization
internal import TrackerCore

extension Tracker {
    /// Adds what a node's readers have read since its last report.
    func countReads(_ report: NodeReport, previous: NodeReport?) {
        guard report.sets.contains(where: { $0.reads != nil }) else { return }
        let now = clock.date()
        popularity.withLock { $0.take(report, previous: previous, sets: followed, now: now) }
    }

    /// The files of a followed set that are read most; nil for any other set.
    func popular(_ set: SetName, days: Int, limit: Int) -> PopularFiles? {
        guard followed.contains(set) else { return nil }
        let now = clock.date()
        return popularity.withLock { $0.popular(set, days: days, limit: limit, now: now) }
    }

    /// Takes what was saved before.
    func restorePopularity(from store: TrackerStore) throws(TrackerError) {
        let saved = try store.popularity()
        popularity.withLock { popularity in
            for (key, file) in saved { popularity.restore(key, path: file.path, reads: file.reads) }
        }
    }

    /// Saves the days that have changed; what cannot be saved waits for the next time.
    func savePopularity(to store: TrackerStore) throws(TrackerError) {
        let changed = popularity.withLock { $0.takeChanged() }
        guard !changed.isEmpty else { return }
        do throws(TrackerError) {
            try store.save(changed, oldest: Popularity.day(of: clock.date()) - Popularity.dayLimit + 1)
        } catch {
            popularity.withLock { $0.putBack(changed.keys) }
            throw error
        }
    }
}
