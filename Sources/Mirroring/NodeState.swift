internal import FileTree
internal import FoundationEssentials
internal import GRDB
internal import SwarmCore

/// What a node knows of its snapshots, in SQLite: states, counters, and the journal of fetched files. There is no row
/// per file: the journal is a bit field for each shard, and only while a snapshot is fetched.
struct NodeState: Sendable {
    /// One snapshot's row.
    struct Snapshot: Sendable {
        var uuid: SnapshotID
        var serial: Serial
        var state: LocalSnapshot.State
        /// What the tree holds of the snapshot.
        var filter: PathFilter
        /// The tree that this one is made from, while it is being built.
        var base: SnapshotID?
        /// Whose files the tree has: another snapshot's in a spare tree that was brought up to that one.
        var holds: SnapshotID
        /// The snapshot that a spare tree is being brought up to: of the other one it may lack files, and have some of this.
        var becoming: SnapshotID?
        var status: NodeStatus.Snapshot

        init(
            uuid: SnapshotID, serial: Serial, state: LocalSnapshot.State, filter: PathFilter, base: SnapshotID? = nil,
            holds: SnapshotID? = nil, becoming: SnapshotID? = nil, status: NodeStatus.Snapshot
        ) {
            self.uuid = uuid
            self.serial = serial
            self.state = state
            self.filter = filter
            self.base = base
            self.holds = holds ?? uuid
            self.becoming = becoming
            self.status = status
        }
    }

    private let queue: DatabaseQueue
    private let path: String

    init(_ path: String) throws {
        do { try self.init(opening: path) } catch let error as DatabaseError { throw Self.failure(error, path) }
    }

    /// What a fault of the database means for whoever has to mend it.
    private static func failure(_ error: DatabaseError, _ path: String) -> MirrorError {
        let reason = error.message ?? "\(error)"
        // On a full disk SQLite says at times that it cannot map or read a file.
        let free = (try? FileSystem.freeBytes(path)) ?? .max
        if error.resultCode == .SQLITE_FULL || (error.resultCode == .SQLITE_IOERR && free < 1 << 20) {
            return MirrorError(
                .noSpace,
                "\(path) cannot be written: \(reason), with \(Quantities.format(bytes: free)) free; free some space and "
                    + "try again")
        }
        if error.resultCode == .SQLITE_IOERR || error.resultCode == .SQLITE_READONLY {
            return MirrorError(
                .file, "\(path) cannot be read or written: \(reason); see the system's log for faults of the disk")
        }
        return MirrorError(
            .file,
            "the state of the mirror, \(path), cannot be used: \(reason); restore it, or move it and \(path)-wal away: "
                + "the files that are in the trees are then checked and kept")
    }

    private func write(_ body: (Database) throws -> Void) throws {
        do { try queue.write(body) } catch let error as DatabaseError { throw Self.failure(error, path) }
    }

    private func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        do { return try queue.read(body) } catch let error as DatabaseError { throw Self.failure(error, path) }
    }

    private init(opening path: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(10)
        configuration.prepareDatabase { database in
            // What was committed survives a power loss: the journal is what a restart trusts.
            try database.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
        }
        self.path = path
        queue = try DatabaseQueue(path: path, configuration: configuration)
        var migrator = DatabaseMigrator()
        migrator.registerMigration("snapshots and the journal") { database in
            try database.execute(
                sql: """
                    CREATE TABLE snapshot (
                        uuid TEXT PRIMARY KEY, serial INTEGER NOT NULL, state TEXT NOT NULL, filter TEXT NOT NULL,
                        base TEXT, status TEXT NOT NULL);
                    CREATE TABLE journal (
                        snapshot TEXT NOT NULL REFERENCES snapshot ON DELETE CASCADE, shard TEXT NOT NULL,
                        missing BLOB NOT NULL, PRIMARY KEY (snapshot, shard)) WITHOUT ROWID;
                    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
                    """)
        }
        migrator.registerMigration("what spare trees hold") { database in
            try database.execute(
                sql: "ALTER TABLE snapshot ADD COLUMN holds TEXT; ALTER TABLE snapshot ADD COLUMN becoming TEXT")
        }
        guard try !queue.read({ try migrator.hasBeenSuperseded($0) }) else {
            throw MirrorError(
                .file,
                "the state of the mirror, \(path), was written by a newer version; run that one, or move it and "
                    + "\(path)-wal away: the files that are in the trees are then checked and kept")
        }
        try migrator.migrate(queue)
    }

    func snapshots() throws -> [Snapshot] {
        try read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM snapshot ORDER BY serial").compactMap { row in
                guard let uuid = SnapshotID(row["uuid"]), let state = LocalSnapshot.State(rawValue: row["state"]) else {
                    return nil
                }
                return Snapshot(
                    uuid: uuid, serial: UInt64(bitPattern: row["serial"] as Int64), state: state,
                    filter: try Documents.decode(PathFilter.self, from: Array((row["filter"] as String).utf8)),
                    base: (row["base"] as String?).flatMap { SnapshotID($0) },
                    holds: (row["holds"] as String?).flatMap { SnapshotID($0) },
                    becoming: (row["becoming"] as String?).flatMap { SnapshotID($0) },
                    status: try Documents.decode(NodeStatus.Snapshot.self, from: Array((row["status"] as String).utf8)))
            }
        }
    }

    func save(_ snapshot: Snapshot) throws {
        try write { try Self.save(snapshot, $0) }
    }

    private static func save(_ snapshot: Snapshot, _ database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO snapshot (uuid, serial, state, filter, base, holds, becoming, status)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (uuid) DO UPDATE SET serial = excluded.serial, state = excluded.state,
                    filter = excluded.filter, base = excluded.base, holds = excluded.holds,
                    becoming = excluded.becoming, status = excluded.status
                """,
            arguments: [
                snapshot.uuid.rawValue, Int64(bitPattern: snapshot.serial), snapshot.state.rawValue,
                String(decoding: try Documents.encode(snapshot.filter), as: UTF8.self), snapshot.base?.rawValue,
                snapshot.holds == snapshot.uuid ? nil : snapshot.holds.rawValue, snapshot.becoming?.rawValue,
                String(decoding: try Documents.encode(snapshot.status), as: UTF8.self),
            ])
    }

    /// The tree is built: what it was made from is gone.
    func finishBuilding(_ snapshot: Snapshot, replacing base: SnapshotID?, missing: [InfoHash: PieceSet]) throws {
        try write { database in
            try Self.save(snapshot, database)
            try database.execute(sql: "DELETE FROM journal WHERE snapshot = ?", arguments: [snapshot.uuid.rawValue])
            try Self.write(missing, of: snapshot.uuid, database)
            if let base { try database.execute(sql: "DELETE FROM snapshot WHERE uuid = ?", arguments: [base.rawValue]) }
        }
    }

    /// One snapshot became current; the one that was is retained.
    func activate(_ snapshot: Snapshot) throws {
        try write { database in
            try database.execute(
                sql: "UPDATE snapshot SET state = 'retained' WHERE state = 'active' AND uuid <> ?",
                arguments: [snapshot.uuid.rawValue])
            try Self.save(snapshot, database)
            try database.execute(sql: "DELETE FROM journal WHERE snapshot = ?", arguments: [snapshot.uuid.rawValue])
        }
    }

    func setState(_ uuid: SnapshotID, _ state: LocalSnapshot.State) throws {
        try write {
            try $0.execute(
                sql: "UPDATE snapshot SET state = ? WHERE uuid = ?", arguments: [state.rawValue, uuid.rawValue])
        }
    }

    func remove(_ uuid: SnapshotID) throws {
        try write { try $0.execute(sql: "DELETE FROM snapshot WHERE uuid = ?", arguments: [uuid.rawValue]) }
    }

    // MARK: Journal

    /// The entries of each shard that the tree lacks; shards that are whole are left out. An entry leaves the journal when its
    /// file was fetched, checked and put on disk.
    func journal(_ snapshot: SnapshotID) throws -> [InfoHash: [UInt8]] {
        try read { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT shard, missing FROM journal WHERE snapshot = ?", arguments: [snapshot.rawValue])
            return Dictionary(
                rows.compactMap { row in
                    InfoHash(hex: row["shard"] as String).map { ($0, Array(row["missing"] as Data)) }
                },
                uniquingKeysWith: { first, _ in first })
        }
    }

    func writeJournal(_ snapshot: Snapshot, _ missing: [InfoHash: PieceSet]) throws {
        try write { database in
            try Self.save(snapshot, database)
            try Self.write(missing, of: snapshot.uuid, database)
        }
    }

    private static func write(_ missing: [InfoHash: PieceSet], of snapshot: SnapshotID, _ database: Database) throws {
        for (shard, entries) in missing {
            try database.execute(
                sql: "INSERT OR REPLACE INTO journal (snapshot, shard, missing) VALUES (?, ?, ?)",
                arguments: [snapshot.rawValue, shard.description, Data(entries.bytes)])
        }
    }

    // MARK: Feed

    /// The highest version of the feed that was accepted.
    func acceptedVersion() throws -> UInt64 {
        try read { try String.fetchOne($0, sql: "SELECT value FROM meta WHERE key = 'feed'") }.flatMap {
            UInt64($0)
        } ?? 0
    }

    func setAcceptedVersion(_ version: UInt64) throws {
        try write {
            try $0.execute(
                sql: "INSERT OR REPLACE INTO meta (key, value) VALUES ('feed', ?)", arguments: [String(version)])
        }
    }
}
