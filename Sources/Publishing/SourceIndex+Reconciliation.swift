internal import FileTree
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
            try write { database in
                try database.execute(sql: "DELETE FROM name; DELETE FROM meta")
            }
            return
        }
        let torrents = try parent.shards.map { try load($0) }
        try write { database in
            var rest = try Self.paths(database)
            var parents: Set<String> = []
            for torrent in torrents {
                for entry in torrent.files {
                    let file = torrent.file(entry)
                    rest[Array(file.path.utf8)] = nil
                    parents.insert(TreePath.directory(of: file.path))
                    if let row = try Self.row(file.path, database), row.matches(file) { continue }
                    try Self.set(file.path, Row(unread: file), database)
                }
                for link in torrent.links {
                    rest[Array(link.path.utf8)] = nil
                    parents.insert(TreePath.directory(of: link.path))
                    try Self.set(link.path, Row(unreadLink: link.target), database)
                }
                for directory in torrent.emptyDirectories {
                    rest[Array(directory.utf8)] = nil
                    parents.insert(TreePath.directory(of: directory))
                    try Self.set(directory, Row(directoryIsEmpty: true), database)
                }
            }
            var done: Set<String> = [""]
            for start in parents {
                var directory = start
                while done.insert(directory).inserted {
                    rest[Array(directory.utf8)] = nil
                    try Self.set(directory, Row(directoryIsEmpty: false), database)
                    directory = TreePath.directory(of: directory)
                }
            }
            for path in rest.values { try Self.delete(path, database) }
            try database.execute(
                sql: "INSERT OR REPLACE INTO meta (key, value) VALUES ('snapshot', ?)",
                arguments: [parent.uuid.rawValue])
        }
    }

    /// By their bytes: to Swift, two compositions of one text are one.
    private static func paths(_ database: Database) throws -> [[UInt8]: String] {
        var result: [[UInt8]: String] = [:]
        let rows = try GRDB.Row.fetchCursor(database, sql: "SELECT directory, name FROM name")
        while let row = try rows.next() {
            let path = join(row[0], String(decoding: row[1] as Data, as: UTF8.self))
            result[Array(path.utf8)] = path
        }
        return result
    }
}

extension SourceIndex.Row {
    /// Whether the row says of the file what the entry says.
    fileprivate func matches(_ file: FileEntry) -> Bool {
        kind == .file && size == file.length && FileStatus.seconds(mtime) == file.mtime && executable == file.executable
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
