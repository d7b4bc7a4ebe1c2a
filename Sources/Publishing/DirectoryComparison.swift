internal import FileTree
internal import FoundationEssentials
internal import GRDB
internal import Metainfo
internal import SwarmCore

/// Walks a directory's names and its rows in the index side by side; both are in the order of their bytes.
struct DirectoryComparison {
    let scanner: SourceScanner
    let database: Database
    var changes = SourceChanges()
    var subdirectories: [String] = []
    private var forms: NameForms

    init(scanner: SourceScanner, database: Database) {
        self.scanner = scanner
        self.database = database
        forms = NameForms(source: scanner.source)
    }

    /// Compares the directory at `path`, relative to the source.
    mutating func compare(_ path: String) throws {
        let listing: DirectoryListing
        do {
            listing =
                try path.isEmpty
                ? DirectoryListing(scanner.source, followingLink: true) : DirectoryListing("\(scanner.source)/\(path)")
        } catch {
            if error.isReplaced, path.isEmpty {
                throw PublishingError(
                    .source,
                    "the source \(scanner.source) is no directory any more: mount it or put it back, "
                        + "or set source in config.toml; nothing was published")
            }
            // Gone since its parent was listed: the next snapshot sees it missing there.
            if error.isReplaced, !path.isEmpty { return }
            throw error
        }
        let statement = try database.cachedStatement(
            sql: "SELECT name, \(SourceIndex.columns) FROM name WHERE directory = ? ORDER BY name")
        let rows = try Row.fetchCursor(statement, arguments: [path])
        var row = try rows.next()
        var present = 0
        var index = 0
        while index < listing.count || row != nil {
            let order: Int
            if index == listing.count {
                order = 1
            } else if let row {
                order = try row.withUnsafeData(atIndex: 0) { data in
                    guard let data else { return -1 }
                    return data.withUnsafeBytes { listing.compare(index, $0) }
                }
            } else {
                order = -1
            }
            if order > 0, let known = row {
                try gone(
                    SourceIndex.join(path, String(decoding: known[0] as Data, as: UTF8.self)),
                    SourceIndex.Row(known, from: 1))
                row = try rows.next()
                continue
            }
            if try look(listing, index, path, known: order == 0 ? row : nil) { present += 1 }
            if order == 0 { row = try rows.next() }
            index += 1
        }
        try noteEmptiness(path, isEmpty: present == 0)
    }

    /// Compares one name; returns whether it belongs to the tree.
    private mutating func look(
        _ listing: DirectoryListing, _ index: Int, _ directory: String, known: Row?
    ) throws -> Bool {
        changes.seen += 1
        guard let status = try listing.status(index) else {
            // Gone while we look: treated as gone.
            if let known, let name = listing.name(index) {
                try gone(SourceIndex.join(directory, name), SourceIndex.Row(known, from: 1))
            }
            return false
        }
        // The hot path: a file that is as it was costs no string. Columns: name, kind, size, mtime, ctime, inode, links,
        // executable.
        if scanner.exclude.isEverything, status.kind == .regular, let known, known[1] == Int64(0),
            known[2] == status.size, known[3] == status.mtime, known[4] == status.ctime,
            known[5] == Int64(bitPattern: status.inode), known[6] == Int64(bitPattern: status.links),
            known[7] == status.isExecutable
        {
            return true
        }
        guard let name = listing.name(index) else {
            throw PublishingError(
                .badName,
                "\(scanner.source)/\(directory) holds a name that is not UTF-8: “\(printable(listing.nameBytes(index)))”; "
                    + "rename it")
        }
        let path = SourceIndex.join(directory, name)
        let previous = known.map { SourceIndex.Row($0, from: 1) }
        guard scanner.isIncluded(path, status.kind) else {
            if let previous { try gone(path, previous) }
            return false
        }
        if let fault = TreePath.fault(in: path) {
            throw PublishingError(
                .badName, "\(scanner.source)/\(path) has \(fault), which a torrent cannot carry; rename it")
        }
        if known == nil { try forms.check(path, in: listing) }
        guard path != ".pad" else {
            throw PublishingError(
                .badName, "\(scanner.source)/.pad has the name that torrents give to padding (BEP 47); rename it")
        }
        if status.kind == .directory {
            if let previous, previous.kind != .directory { changes.removed.append((path, previous)) }
            subdirectories.append(path)
        } else {
            if let previous, previous.kind == .directory {
                try gone(path, previous)
                try scanner.compare(path, status, previous: nil, &changes)
            } else {
                try scanner.compare(path, status, previous: previous, &changes)
            }
        }
        return true
    }

    private mutating func gone(_ path: String, _ row: SourceIndex.Row) throws {
        changes.removed.append((path, row))
        if row.kind == .directory { changes.removed += try SourceIndex.below(path, database) }
    }

    private mutating func noteEmptiness(_ path: String, isEmpty: Bool) throws {
        guard !path.isEmpty else { return }
        let (directory, name) = SourceIndex.split(path)
        let size = try Int64.fetchOne(
            database.cachedStatement(sql: "SELECT size FROM name WHERE directory = ? AND name = ? AND kind = 2"),
            arguments: [directory, name])
        if size == nil || (size == 0) != isEmpty {
            changes.directories.append((path, isEmpty, size == 0))
        }
    }
}
