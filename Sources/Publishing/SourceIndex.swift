internal import FileTree
internal import FoundationEssentials
internal import GRDB
internal import Metainfo
internal import SwarmCore

/// What the last snapshot saw of the source: a row per name, so that the next one reads only what changed.
struct SourceIndex: Sendable {
    /// One name in a directory of the source.
    struct Row: Sendable {
        enum Kind: Int64, Sendable {
            case file, symlink, directory
        }

        var kind: Kind
        var size: Int64
        /// Nanoseconds since 1970, both.
        var mtime: Int64
        var ctime: Int64
        var inode: UInt64
        var links: UInt64
        var executable: Bool
        var sha256: SHA256Digest?
        var target: String?

        init(file status: FileStatus, sha256: SHA256Digest?) {
            kind = .file
            size = status.size
            mtime = status.mtime
            ctime = status.ctime
            inode = status.inode
            links = status.links
            executable = status.isExecutable
            self.sha256 = sha256
        }

        init(link target: String, status: FileStatus) {
            self.init(file: status, sha256: nil)
            kind = .symlink
            self.target = target
        }

        /// A directory; `isEmpty` when it holds nothing.
        init(directoryIsEmpty isEmpty: Bool) {
            kind = .directory
            size = isEmpty ? 0 : 1
            mtime = 0
            ctime = 0
            inode = 0
            links = 0
            executable = false
        }

        init(_ row: GRDB.Row, from column: Int) {
            kind = Kind(rawValue: row[column]) ?? .file
            size = row[column + 1]
            mtime = row[column + 2]
            ctime = row[column + 3]
            inode = UInt64(bitPattern: row[column + 4] as Int64)
            links = UInt64(bitPattern: row[column + 5] as Int64)
            executable = row[column + 6]
            sha256 = (row[column + 7] as Data?).flatMap { SHA256Digest(bytes: $0) }
            target = row[column + 8]
        }

        /// Whether the file, as it is now, is the one that was read. A change of the inode's link count explains a
        /// new ctime: our own trees are made of hard links.
        func isCurrent(_ status: FileStatus) -> Bool {
            size == status.size && mtime == status.mtime && inode == status.inode
                && executable == status.isExecutable && (ctime == status.ctime || links != status.links)
        }
    }

    static let columns = "kind, size, mtime, ctime, inode, links, executable, sha256, target"
    private let database: any DatabaseWriter
    private let path: String

    /// Opens the index, or makes it.
    ///
    /// - Parameter readers: how many threads may read at once. For one alone, nothing is written before something is to be:
    ///   a pool of connections begins and ends with writes that wait for the disk.
    init(_ path: String, readers: Int = 8) throws {
        var configuration = GRDB.Configuration()
        configuration.busyMode = .timeout(10)
        configuration.maximumReaderCount = readers
        // What a power loss takes from the index, the next snapshot finds again.
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = NORMAL") }
        self.path = path
        database = try Self.explaining(path) { () -> any DatabaseWriter in
            guard readers == 1, FileSystem.exists(path) else {
                return try DatabasePool(path: path, configuration: configuration)
            }
            return try DatabaseQueue(path: path, configuration: configuration)
        }
        var migrator = DatabaseMigrator()
        migrator.registerMigration("names and the rules that they were published by") { database in
            try database.execute(
                sql: """
                    CREATE TABLE name (
                        directory TEXT NOT NULL, name BLOB NOT NULL, kind INTEGER NOT NULL, size INTEGER NOT NULL,
                        mtime INTEGER NOT NULL, ctime INTEGER NOT NULL, inode INTEGER NOT NULL, links INTEGER NOT NULL,
                        executable INTEGER NOT NULL, sha256 BLOB, target TEXT,
                        PRIMARY KEY (directory, name)) WITHOUT ROWID;
                    CREATE INDEX name_inode ON name (inode) WHERE kind = 0;
                    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
                    """)
        }
        try Self.explaining(path) { [database] in try migrator.migrate(database) }
    }

    /// Reads in one transaction; as many threads as there are readers may at once.
    func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try Self.explaining(path) { try database.read(body) }
    }

    /// Writes in one transaction.
    func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try Self.explaining(path) { try database.write(body) }
    }

    /// Says which file SQLite speaks of, and what to do.
    static func explaining<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
        do { return try body() } catch let error as DatabaseError {
            let advice =
                switch error.resultCode {
                case .SQLITE_CORRUPT, .SQLITE_NOTADB:
                    "remove \(path)*; the next snapshot reads the whole source and makes it again"
                case .SQLITE_BUSY, .SQLITE_LOCKED: "another program has it open; end that one"
                case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM: "check its owner and mode"
                default: "free some space, or look for faults of the disk, and try again"
                }
            throw PublishingError(
                .store, "the index \(path) cannot be used: \(error.message ?? "\(error.resultCode)"); \(advice)")
        }
    }

    /// A setting that decides what is published, as it was for the last snapshot.
    func meta(_ key: String) throws -> String? {
        try read { try String.fetchOne($0, sql: "SELECT value FROM meta WHERE key = ?", arguments: [key]) }
    }

    /// The row of one path; nil when there is none.
    func row(_ path: String) throws -> Row? {
        try read { try Self.row(path, $0) }
    }

    static func row(_ path: String, _ database: Database) throws -> Row? {
        let (directory, name) = split(path)
        return try GRDB.Row.fetchOne(
            database.cachedStatement(sql: "SELECT \(columns) FROM name WHERE directory = ? AND name = ?"),
            arguments: [directory, name]
        ).map { Row($0, from: 0) }
    }

    /// All paths below a directory, itself left out, with their rows.
    func below(_ directory: String) throws -> [(path: String, row: Row)] {
        try read { try Self.below(directory, $0) }
    }

    static func below(_ directory: String, _ database: Database) throws -> [(path: String, row: Row)] {
        // Every directory below has a path between `directory/` and `directory0`, as `0` follows `/`.
        let cursor = try GRDB.Row.fetchCursor(
            database,
            sql:
                "SELECT directory, name, \(columns) FROM name WHERE directory = ? OR (directory > ? AND directory < ?)",
            arguments: [directory, "\(directory)/", "\(directory)0"])
        var result: [(path: String, row: Row)] = []
        while let row = try cursor.next() {
            let name = String(decoding: row[1] as Data, as: UTF8.self)
            result.append((join(row[0], name), Row(row, from: 2)))
        }
        return result
    }

    /// The content of a file that has this inode, size and time under another name.
    func digest(inode: UInt64, size: Int64, mtime: Int64) throws -> SHA256Digest? {
        try read { database in
            try Data.fetchOne(
                database.cachedStatement(
                    sql: "SELECT sha256 FROM name WHERE inode = ? AND kind = 0 AND size = ? AND mtime = ? LIMIT 1"),
                arguments: [Int64(bitPattern: inode), size, mtime])
        }.flatMap { SHA256Digest(bytes: $0) }
    }

    /// Takes over what a snapshot saw, in one transaction.
    ///
    /// - Parameter relinked: files that our own links changed since: all names of their inodes. Without it, one that lost a
    ///   name in a tree and got another there would look as if it had been written to, and be read again.
    func apply(
        refreshed: FileTable, removed: some Sequence<String>, set: some Sequence<(String, Row)>,
        relinked: [Relinking] = [],
        meta: [String: String]
    ) throws {
        try write { database in
            for file in refreshed.indices { try Self.refresh(refreshed.path(file), refreshed.status(file), database) }
            for path in removed { try Self.delete(path, database) }
            for (path, row) in set { try Self.set(path, row, database) }
            for relinking in relinked { try Self.refresh(relinking, database) }
            for (key, value) in meta {
                try database.execute(
                    sql: "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", arguments: [key, value])
            }
        }
    }

    /// Only what our own links change of a file.
    private static func refresh(_ path: String, _ status: FileStatus, _ database: Database) throws {
        let (directory, name) = split(path)
        try database.cachedStatement(sql: "UPDATE name SET ctime = ?, links = ? WHERE directory = ? AND name = ?")
            .execute(arguments: [status.ctime, Int64(bitPattern: status.links), directory, name])
    }

    /// The same, for all names of a file that were current before.
    private static func refresh(_ relinking: Relinking, _ database: Database) throws {
        let (before, after) = (relinking.before, relinking.after)
        try database.cachedStatement(
            sql: """
                UPDATE name SET ctime = ?, links = ? WHERE inode = ? AND kind = 0 AND size = ? AND mtime = ?
                AND (ctime = ? OR links != ?)
                """
        ).execute(arguments: [
            after.ctime, Int64(bitPattern: after.links), Int64(bitPattern: after.inode), after.size, after.mtime,
            before.ctime, Int64(bitPattern: before.links),
        ])
    }

    static func delete(_ path: String, _ database: Database) throws {
        let (directory, name) = split(path)
        try database.cachedStatement(sql: "DELETE FROM name WHERE directory = ? AND name = ?")
            .execute(arguments: [directory, name])
    }

    static func set(_ path: String, _ row: Row, _ database: Database) throws {
        let (directory, name) = split(path)
        try database.cachedStatement(
            sql: "INSERT OR REPLACE INTO name (directory, name, \(columns)) VALUES (?,?,?,?,?,?,?,?,?,?,?)"
        ).execute(arguments: [
            directory, name, row.kind.rawValue, row.size, row.mtime, row.ctime, Int64(bitPattern: row.inode),
            Int64(bitPattern: row.links), row.executable, row.sha256.map { Data($0.bytes) }, row.target,
        ])
    }

    static func join(_ directory: String, _ name: String) -> String {
        directory.isEmpty ? name : "\(directory)/\(name)"
    }

    static func split(_ path: String) -> (String, Data) {
        let directory = TreePath.directory(of: path)
        return (directory, Data(path.utf8.dropFirst(directory.isEmpty ? 0 : directory.utf8.count + 1)))
    }
}
