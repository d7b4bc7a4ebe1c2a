public import FoundationEssentials
internal import GRDB
internal import Metainfo
public import SwarmCore
public import TrackerCore

/// The tracker's database (SQLite in WAL mode): the registered nodes with the digests of their tokens, and the last
/// report of each. The daemon and the commands of `swarm-tracker node` use it at the same time.
///
/// All calls block for as long as the disk takes.
public final class TrackerStore: Sendable {
    private let database: DatabaseQueue
    private let path: String

    /// A report as it was received.
    public struct StoredReport: Sendable {
        /// The report.
        public let report: NodeReport
        /// When it came, by the tracker's clock.
        public let received: Date
        /// The address that it came from.
        public let address: IPAddress?

        /// Every part given.
        public init(report: NodeReport, received: Date, address: IPAddress?) {
            self.report = report
            self.received = received
            self.address = address
        }
    }

    /// Opens the database, and makes it with its tables when it is not there. Its directory must be.
    public init(path: String) throws(TrackerError) {
        self.path = path
        do {
            var configuration = Configuration()
            configuration.busyMode = .timeout(10)
            configuration.prepareDatabase { try $0.execute(sql: "PRAGMA journal_mode = WAL") }
            database = try DatabaseQueue(path: path, configuration: configuration)
            try Self.migrator.migrate(database)
        } catch {
            throw Self.failure(path, error)
        }
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("nodes and reports") { database in
            try database.execute(
                sql: """
                    CREATE TABLE node (
                        name TEXT PRIMARY KEY, token BLOB NOT NULL UNIQUE, node_group TEXT, region TEXT,
                        weight INTEGER NOT NULL, urls TEXT NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE report (
                        node TEXT PRIMARY KEY REFERENCES node (name) ON DELETE CASCADE, received REAL NOT NULL,
                        address BLOB, content BLOB NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
        addSuspicions(to: &migrator)
        addPopularity(to: &migrator)
        migrateHistory(&migrator)
        return migrator
    }

    private static func failure(_ path: String, _ error: any Error) -> TrackerError {
        TrackerError(
            .store, "the database \(path) cannot be used: \(error); is there room on the disk, and is it ours?")
    }

    /// A failure of the database as an error of ours.
    func attempt<Value: Sendable>(_ body: (DatabaseQueue) throws -> Value) throws(TrackerError) -> Value {
        do { return try body(database) } catch { throw Self.failure(path, error) }
    }

    // MARK: Nodes

    /// Registers a node with the digest of its token; one that has the name already is an error.
    public func add(_ node: NodeRegistration, token: SHA256Digest) throws(TrackerError) {
        let isNew = try attempt { database in
            try database.write { database in
                try database.execute(
                    sql: """
                        INSERT INTO node (name, token, node_group, region, weight, urls) VALUES (?, ?, ?, ?, ?, ?)
                        ON CONFLICT (name) DO NOTHING
                        """,
                    arguments: [
                        node.name.rawValue, Data(token.bytes), node.group, node.region, node.weight,
                        node.urls.joined(separator: " "),
                    ])
                return database.changesCount > 0
            }
        }
        guard isNew else {
            throw TrackerError(
                .node,
                "there is a node \(node.name) already; `node remove` it first, or give it a new token with `node rotate`"
            )
        }
    }

    /// Takes a node away with its report.
    public func remove(_ name: NodeName) throws(TrackerError) {
        try change(name, sql: "DELETE FROM node WHERE name = ?", arguments: [name.rawValue])
    }

    /// Gives a node another token; the old one is good no more.
    public func rotate(_ name: NodeName, token: SHA256Digest) throws(TrackerError) {
        try change(
            name, sql: "UPDATE node SET token = ? WHERE name = ?", arguments: [Data(token.bytes), name.rawValue])
    }

    private func change(_ name: NodeName, sql: String, arguments: StatementArguments) throws(TrackerError) {
        let isKnown = try attempt { database in
            try database.write { database in
                try database.execute(sql: sql, arguments: arguments)
                return database.changesCount > 0
            }
        }
        guard isKnown else {
            throw TrackerError(.node, "there is no node \(name); `node list` shows those that there are")
        }
    }

    /// The registered nodes by name, with the digests of their tokens.
    public func nodes() throws(TrackerError) -> [(node: NodeRegistration, token: SHA256Digest)] {
        try attempt { database in
            try database.read { database in
                try Row.fetchAll(database, sql: "SELECT * FROM node ORDER BY name").compactMap { row in
                    guard let name = NodeName(row["name"]), let token = SHA256Digest(bytes: row["token"] as Data)
                    else { return nil }
                    let urls = (row["urls"] as String).split(separator: " ").map(String.init)
                    let node = NodeRegistration(
                        name: name, group: row["node_group"], region: row["region"], weight: row["weight"], urls: urls)
                    return (node, token)
                }
            }
        }
    }

    /// A number that changes when another process has written.
    public func dataVersion() throws(TrackerError) -> Int {
        try attempt { try $0.read { try Int.fetchOne($0, sql: "PRAGMA data_version") ?? 0 } }
    }

    // MARK: Reports

    /// Keeps the last report of each node, all or none. One of a node that is gone is passed over.
    public func save(_ reports: [StoredReport]) throws(TrackerError) {
        try attempt { database in
            try database.write { database in
                let statement = try database.cachedStatement(
                    sql: """
                        INSERT INTO report (node, received, address, content)
                        SELECT name, ?, ?, ? FROM node WHERE name = ?
                        ON CONFLICT (node) DO UPDATE SET
                            received = excluded.received, address = excluded.address, content = excluded.content
                        """)
                for stored in reports {
                    try statement.execute(arguments: [
                        stored.received.timeIntervalSince1970, stored.address.map { Data($0.bytes) },
                        Data(try Documents.encode(stored.report)), stored.report.node.rawValue,
                    ])
                }
            }
        }
    }

    /// The last report of each node.
    public func reports() throws(TrackerError) -> [StoredReport] {
        try attempt { database in
            try database.read { database in
                try Row.fetchAll(database, sql: "SELECT * FROM report").map { row in
                    StoredReport(
                        report: try Documents.decode(NodeReport.self, from: row["content"] as Data),
                        received: Date(timeIntervalSince1970: row["received"]),
                        address: (row["address"] as Data?).flatMap { IPAddress(bytes: $0) })
                }
            }
        }
    }
}
