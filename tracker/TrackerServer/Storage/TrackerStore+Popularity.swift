internal import GRDB
internal import SwarmCore
internal import TrackerCore

// How often files were read, by set and day.

extension TrackerStore {
    static func addPopularity(to migrator: inout DatabaseMigrator) {
        migrator.registerMigration("popularity") { database in
            try database.execute(
                sql: """
                    CREATE TABLE popularity (
                        set_name TEXT NOT NULL, day INTEGER NOT NULL, path TEXT NOT NULL, reads INTEGER NOT NULL,
                        PRIMARY KEY (set_name, day, path)
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
    }

    /// Replaces whole days, and forgets those before `oldest`.
    func save(_ days: [Popularity.Key: [PopularFiles.File]], oldest: Popularity.Day) throws(TrackerError) {
        try attempt { database in
            try database.write { database in
                try database.execute(sql: "DELETE FROM popularity WHERE day < ?", arguments: [oldest])
                for (key, files) in days {
                    try database.execute(
                        sql: "DELETE FROM popularity WHERE set_name = ? AND day = ?",
                        arguments: [key.set.rawValue, key.day])
                    let statement = try database.cachedStatement(
                        sql: "INSERT INTO popularity (set_name, day, path, reads) VALUES (?, ?, ?, ?)")
                    for file in files {
                        try statement.execute(arguments: [key.set.rawValue, key.day, file.path, file.reads])
                    }
                }
            }
        }
    }

    /// All days.
    func popularity() throws(TrackerError) -> [(key: Popularity.Key, file: PopularFiles.File)] {
        try attempt { database in
            try database.read { database in
                try Row.fetchAll(database, sql: "SELECT * FROM popularity").compactMap { row in
                    guard let set = SwarmCore.SetName(row["set_name"] as String) else { return nil }
                    let file = PopularFiles.File(path: row["path"], reads: row["reads"])
                    return (Popularity.Key(set: set, day: row["day"]), file)
                }
            }
        }
    }
}
