internal import FileTree
internal import GRDB
internal import GRDBSQLite

/// The rows of one directory in the order of their names. They are read where SQLite has them: a scan comes by a million, of
/// which nearly all are as they were, and nothing is made of those. One thread at a time.
// @safe: the statement belongs to the connection's cache, which outlives the closure that is given the connection.
@safe struct DirectoryRows: ~Copyable {
    private let statement: SQLiteStatement
    /// Whether all rows were seen.
    private(set) var isAtEnd: Bool

    private enum Column: Int32 {
        case name, kind, size, mtime, ctime, inode, links, executable
    }

    /// The first row is the current one, unless there is none.
    init(of directory: String, _ database: Database) throws {
        let cached = try database.cachedStatement(
            sql: """
                SELECT name, kind, size, mtime, ctime, inode, links, executable FROM name WHERE directory = ?
                ORDER BY name
                """)
        try cached.setArguments([directory])
        // unsafe: the statement is reset, and stepped by nobody else until this value is gone.
        let statement = unsafe cached.sqliteStatement
        unsafe sqlite3_reset(statement)
        isAtEnd = unsafe try Self.isDone(statement)
        unsafe self.statement = statement
    }

    deinit {
        // unsafe: ends the read, so that the statement can be used for the next directory.
        unsafe sqlite3_reset(statement)
    }

    /// Goes on to the next row.
    mutating func advance() throws { isAtEnd = unsafe try Self.isDone(statement) }

    private static func isDone(_ statement: SQLiteStatement) throws -> Bool {
        // unsafe: the statement is live, as in all calls below.
        switch unsafe sqlite3_step(statement) {
        case SQLITE_ROW: return false
        case SQLITE_DONE: return true
        case let code:
            throw DatabaseError(resultCode: ResultCode(rawValue: code), message: "the rows of a directory are not read")
        }
    }

    private func number(_ column: Column) -> Int64 { unsafe sqlite3_column_int64(statement, column.rawValue) }

    /// The row's name, for SQLite as long as the row is the current one.
    private func withName<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        // unsafe: the bytes stay where they are until the next step.
        let bytes = unsafe sqlite3_column_blob(statement, Column.name.rawValue)
        let count = unsafe sqlite3_column_bytes(statement, Column.name.rawValue)
        return unsafe body(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
    }

    /// How a name of the listing compares with the row's: negative, zero or positive.
    func compare(_ listing: DirectoryListing, _ index: Int) -> Int {
        unsafe withName { unsafe listing.compare(index, $0) }
    }

    /// The row's name.
    var name: String { unsafe withName { unsafe String(decoding: $0, as: UTF8.self) } }

    /// Whether the row is that of a file, and nothing of it changed.
    func isFile(asIn status: FileStatus) -> Bool {
        number(.kind) == SourceIndex.Row.Kind.file.rawValue && number(.size) == status.size
            && number(.mtime) == status.mtime && number(.ctime) == status.ctime
            && number(.inode) == Int64(bitPattern: status.inode) && number(.links) == Int64(bitPattern: status.links)
            && (number(.executable) != 0) == status.isExecutable
    }

    /// What is known of the directory that the row is for; nil when it is for something else.
    var directory: PendingDirectory.Known? {
        guard number(.kind) == SourceIndex.Row.Kind.directory.rawValue else { return nil }
        return .init(size: number(.size))
    }
}

/// A directory that is to be looked at.
struct PendingDirectory: Sendable {
    /// What the index has of it.
    enum Known: Sendable {
        case absent
        case empty
        case filled

        /// A row of a directory has the size 0 when it holds nothing.
        init(size: Int64) { self = size == 0 ? .empty : .filled }

        init(_ row: SourceIndex.Row?) {
            guard let row, row.kind == .directory else {
                self = .absent
                return
            }
            self.init(size: row.size)
        }
    }

    /// Relative to the source.
    let path: String
    /// Nil when it was not looked up.
    var known: Known?
}
