internal import FoundationEssentials
internal import GRDB
internal import SwarmCore
internal import TrackerCore

/// The progress over time: one row for each sample.
extension TrackerStore {
    static func migrateHistory(_ migrator: inout DatabaseMigrator) {
        migrator.registerMigration("progress") { database in
            try database.execute(
                sql: """
                    CREATE TABLE progress (
                        set_name TEXT NOT NULL, snapshot TEXT NOT NULL, time INTEGER NOT NULL, nodes INTEGER NOT NULL,
                        complete INTEGER NOT NULL, active INTEGER NOT NULL, bytes_total INTEGER NOT NULL,
                        bytes_had INTEGER NOT NULL, PRIMARY KEY (set_name, snapshot, time)
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
    }

    /// Stores what changed, all or nothing.
    func save(_ changes: ProgressHistory.Changes) throws(TrackerError) {
        try attempt { database in
            try database.write { database in
                for key in changes.forgotten { try Self.delete(key, in: database) }
                for (key, samples) in changes.added { try Self.insert(samples, of: key, in: database) }
                let statement = try database.cachedStatement(
                    sql: "DELETE FROM progress WHERE set_name = ? AND snapshot = ? AND time = ?")
                for (key, times) in changes.removed {
                    for time in times {
                        try statement.execute(arguments: [
                            key.set.rawValue, key.snapshot.rawValue, Int64(time.timeIntervalSince1970),
                        ])
                    }
                }
            }
        }
    }

    /// Stores a history in place of the one that is there.
    func replaceHistory(_ history: ProgressHistory) throws(TrackerError) {
        try attempt { database in
            try database.write { database in
                try database.execute(sql: "DELETE FROM progress")
                for (key, samples) in history.samples { try Self.insert(samples, of: key, in: database) }
            }
        }
    }

    /// What was stored.
    func history() throws(TrackerError) -> ProgressHistory {
        try attempt { database in
            try database.read { database in
                var samples: [SnapshotKey: [ProgressSample]] = [:]
                let rows = try Row.fetchCursor(
                    database, sql: "SELECT * FROM progress ORDER BY set_name, snapshot, time")
                while let row = try rows.next() {
                    guard let set = SwarmCore.SetName(row["set_name"] as String),
                        let snapshot = SnapshotID(row["snapshot"] as String)
                    else { continue }
                    let time = Date(timeIntervalSince1970: TimeInterval(row["time"] as Int64))
                    let counts = ProgressSample.Counts(
                        nodes: row["nodes"], complete: row["complete"], active: row["active"],
                        bytesTotal: row["bytes_total"], bytesHad: row["bytes_had"])
                    samples[SnapshotKey(set, snapshot), default: []].append(ProgressSample(time: time, counts: counts))
                }
                return ProgressHistory(samples)
            }
        }
    }

    private static func insert(_ samples: [ProgressSample], of key: SnapshotKey, in database: Database) throws {
        let statement = try database.cachedStatement(
            sql: "INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        for sample in samples {
            try statement.execute(arguments: [
                key.set.rawValue, key.snapshot.rawValue, Int64(sample.time.timeIntervalSince1970), sample.counts.nodes,
                sample.counts.complete, sample.counts.active, sample.counts.bytesTotal, sample.counts.bytesHad,
            ])
        }
    }

    private static func delete(_ key: SnapshotKey, in database: Database) throws {
        try database.execute(
            sql: "DELETE FROM progress WHERE set_name = ? AND snapshot = ?",
            arguments: [key.set.rawValue, key.snapshot.rawValue])
    }
}

/// Takes samples of the progress and stores them. What cannot be stored, as when the disk is full, is kept in memory, and
/// stored as a whole once that is possible.
struct HistoryKeeper {
    let tracker: Tracker
    let store: TrackerStore
    private var isBehind = false

    init(_ tracker: Tracker, _ store: TrackerStore) {
        self.tracker = tracker
        self.store = store
    }

    /// To be called every second or so.
    mutating func work() throws(TrackerError) {
        let changes = tracker.takeSample()
        guard !changes.isEmpty else { return }
        do throws(TrackerError) {
            if isBehind { try store.replaceHistory(tracker.history) } else { try store.save(changes) }
            isBehind = false
        } catch {
            isBehind = true
            throw error
        }
    }
}
