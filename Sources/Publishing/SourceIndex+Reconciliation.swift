internal import FoundationEssentials
internal import GRDB
internal import Metainfo
internal import SwarmCore

extension SourceIndex {
    /// Brings the index in step with the newest snapshot, when it is that of another one: it was lost, or a run ended
    /// between the feed and the index. A row that says of a file what the snapshot says is kept, for it tells which
    /// inode has that content; any other is written anew from the snapshot, with an inode that no file has, so that the
    /// scan reads the file.
    func reconcile(with parent: Manifest?, load: (Manifest.Shard) throws -> Torrent) throws {
        guard try meta("snapshot") != parent?.uuid.rawValue else { return }
        guard let parent else {
            // No snapshot to compare with: everything is new.
            try pool.write { database in
                try database.execute(sql: "DELETE FROM name; DELETE FROM meta")
            }
            return
        }
        let torrents = try parent.shards.map { try load($0) }
        try pool.write { database in
            var rest = try Self.paths(database)
            var parents: Set<String> = []
            for torrent in torrents {
                for entry in torrent.files {
                    let file = torrent.file(entry)
                    rest.remove(file.path)
                    parents.insert(TreePath.directory(of: file.path))
                    if let row = try Self.row(file.path, database), row.matches(file) { continue }
                    try Self.set(file.path, Row(unread: file), database)
                }
                for link in torrent.links {
                    rest.remove(link.path)
                    parents.insert(TreePath.directory(of: link.path))
                    try Self.set(link.path, Row(unreadLink: link.target), database)
                }
                for directory in torrent.emptyDirectories {
                    rest.remove(directory)
                    parents.insert(TreePath.directory(of: directory))
                    try Self.set(directory, Row(directoryIsEmpty: true), database)
                }
            }
            var done: Set<String> = [""]
            for start in parents {
                var directory = start
                while done.insert(directory).inserted {
                    rest.remove(directory)
                    try Self.set(directory, Row(directoryIsEmpty: false), database)
                    directory = TreePath.directory(of: directory)
                }
            }
            for path in rest { try Self.delete(path, database) }
            try database.execute(
                sql: "INSERT OR REPLACE INTO meta (key, value) VALUES ('snapshot', ?)",
                arguments: [parent.uuid.rawValue])
        }
    }

    private static func paths(_ database: Database) throws -> Set<String> {
        var result: Set<String> = []
        let rows = try GRDB.Row.fetchCursor(database, sql: "SELECT directory, name FROM name")
        while let row = try rows.next() {
            result.insert(join(row[0], String(decoding: row[1] as Data, as: UTF8.self)))
        }
        return result
    }
}

extension SourceIndex.Row {
    /// Whether the row says of the file what the entry says.
    fileprivate func matches(_ file: FileEntry) -> Bool {
        let seconds = mtime >= 0 ? mtime / 1_000_000_000 : (mtime + 1) / 1_000_000_000 - 1
        return kind == .file && size == file.length && seconds == file.mtime && executable == file.executable
            && sha256 == file.sha256
    }

    /// The row of a file that was published and whose inode is not known.
    fileprivate init(unread file: FileEntry) {
        self.init(directoryIsEmpty: false)
        kind = .file
        size = file.length
        mtime = file.mtime.multipliedReportingOverflow(by: 1_000_000_000).partialValue
        executable = file.executable
        sha256 = file.sha256
    }

    /// The row of a link that was published.
    fileprivate init(unreadLink target: String) {
        self.init(directoryIsEmpty: false)
        kind = .symlink
        self.target = target
    }
}
