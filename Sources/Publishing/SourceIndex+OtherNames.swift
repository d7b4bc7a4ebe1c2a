internal import FileTree
internal import FoundationEssentials
internal import GRDB

extension SourceIndex {
    /// The paths with the other names of their inodes, as the index at `index` knows them. Who writes to a file by one of
    /// its names changes all of them, and the kernel tells of that one name, which may be gone by now.
    static func addingOtherNames(_ paths: Set<String>, source: String, index: String) throws -> Set<String> {
        guard FileSystem.exists(index) else { return paths }
        // A connection that only reads is opened without a write to the disk.
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(10)
        return try explaining(index) {
            try DatabaseQueue(path: index, configuration: configuration).read { database in
                var inodes: Set<Int64> = []
                for path in paths {
                    if let row = try row(path, database), row.kind == .file, row.links > 1 {
                        inodes.insert(Int64(bitPattern: row.inode))
                    }
                    if let status = try FileSystem.status("\(source)/\(path)"), status.kind == .regular,
                        status.links > 1
                    {
                        inodes.insert(Int64(bitPattern: status.inode))
                    }
                }
                let statement = try database.cachedStatement(
                    sql: "SELECT directory, name FROM name WHERE inode = ? AND kind = 0")
                var result = paths
                for inode in inodes {
                    let rows = try GRDB.Row.fetchCursor(statement, arguments: [inode])
                    while let row = try rows.next() {
                        result.insert(join(row[0], String(decoding: row[1] as Data, as: UTF8.self)))
                    }
                }
                return result
            }
        }
    }
}
