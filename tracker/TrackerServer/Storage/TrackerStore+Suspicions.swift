internal import FoundationEssentials
internal import GRDB
internal import SwarmCore
internal import TrackerCore

// Suspicions are kept, so that a restart sends nobody to a node that was found wrong.

extension TrackerStore {
    static func addSuspicions(to migrator: inout DatabaseMigrator) {
        migrator.registerMigration("suspicions") { database in
            try database.execute(
                sql: """
                    CREATE TABLE suspicion (
                        node TEXT NOT NULL REFERENCES node (name) ON DELETE CASCADE, set_name TEXT NOT NULL,
                        since REAL NOT NULL, reason TEXT NOT NULL, question BLOB, PRIMARY KEY (node, set_name)
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
    }

    /// Keeps what is suspected, nil for nothing, with the question to ask again. Of a node that is gone nothing is kept.
    func save(_ suspicion: Suspicion?, _ open: OpenQuestion?, of key: ProbeCandidate.Key) throws(TrackerError) {
        let place: [(any DatabaseValueConvertible)?] = [key.node.rawValue, key.set.rawValue]
        try attempt { database in
            try database.write { database in
                guard let suspicion else {
                    return try database.execute(
                        sql: "DELETE FROM suspicion WHERE node = ? AND set_name = ?",
                        arguments: StatementArguments(place))
                }
                try database.execute(
                    sql: """
                        INSERT OR REPLACE INTO suspicion (since, reason, question, node, set_name)
                        SELECT ?, ?, ?, name, ? FROM node WHERE name = ?
                        """,
                    arguments: [
                        suspicion.since.timeIntervalSince1970, suspicion.reason,
                        try open.map { Data(try Documents.encode($0)) }, key.set.rawValue, key.node.rawValue,
                    ])
            }
        }
    }

    /// What is suspected of a node's mirror of a set.
    struct StoredSuspicion: Hashable {
        let key: ProbeCandidate.Key
        let suspicion: Suspicion
        let open: OpenQuestion?
    }

    /// All that is suspected.
    func suspicions() throws(TrackerError) -> [StoredSuspicion] {
        try attempt { database in
            try database.read { database in
                try Row.fetchAll(database, sql: "SELECT * FROM suspicion").compactMap { row in
                    guard let node = NodeName(row["node"]), let set = SwarmCore.SetName(row["set_name"] as String)
                    else { return nil }
                    let since = Date(timeIntervalSince1970: row["since"])
                    return StoredSuspicion(
                        key: .init(node: node, set: set), suspicion: Suspicion(since: since, reason: row["reason"]),
                        open: try (row["question"] as Data?).map { try Documents.decode(OpenQuestion.self, from: $0) })
                }
            }
        }
    }
}
