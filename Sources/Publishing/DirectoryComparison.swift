internal import FileTree
internal import GRDB
internal import Metainfo
internal import SwarmCore

/// Walks a directory's names and its rows in the index side by side; both are in the order of their bytes.
struct DirectoryComparison {
    let scanner: SourceScanner
    let database: Database
    var changes = SourceChanges()
    var subdirectories: [PendingDirectory] = []
    private var forms: NameForms

    init(scanner: SourceScanner, database: Database) {
        self.scanner = scanner
        self.database = database
        forms = NameForms(source: scanner.source)
    }

    /// Compares a directory.
    mutating func compare(_ directory: PendingDirectory) throws {
        let path = directory.path
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
        var rows = try DirectoryRows(of: path, database)
        var present = 0
        var index = 0
        while index < listing.count || !rows.isAtEnd {
            let order = index == listing.count ? 1 : rows.isAtEnd ? -1 : rows.compare(listing, index)
            if order > 0 {
                try gone(SourceIndex.join(path, rows.name))
            } else {
                if try look(listing, index, path, rows, isKnown: order == 0) { present += 1 }
                index += 1
            }
            if order >= 0 { try rows.advance() }
        }
        try noteEmptiness(directory, isEmpty: present == 0)
    }

    /// Compares one name; returns whether it belongs to the tree.
    ///
    /// - Parameter isKnown: whether the current row is for it.
    private mutating func look(
        _ listing: DirectoryListing, _ index: Int, _ directory: String, _ rows: borrowing DirectoryRows, isKnown: Bool
    ) throws -> Bool {
        changes.seen += 1
        guard let status = try listing.status(index) else {
            // Gone while we look: treated as gone.
            if isKnown { try gone(SourceIndex.join(directory, rows.name)) }
            return false
        }
        // The hot path: what is as it was is not looked up, and a file costs no string.
        if isKnown, scanner.exclude.isEverything {
            if status.kind == .regular, rows.isFile(asIn: status) { return true }
            if status.kind == .directory, let known = rows.directory {
                subdirectories.append(PendingDirectory(path: SourceIndex.join(directory, rows.name), known: known))
                return true
            }
        }
        guard let name = listing.name(index) else {
            throw PublishingError(
                .badName,
                "\(scanner.source)/\(directory) holds a name that is not UTF-8: “\(printable(listing.nameBytes(index)))”; "
                    + "rename it")
        }
        let path = SourceIndex.join(directory, name)
        let previous = isKnown ? try SourceIndex.row(path, database) : nil
        guard scanner.isIncluded(path, status.kind) else {
            if let previous { try gone(path, previous) }
            return false
        }
        if let fault = TreePath.fault(in: path) {
            throw PublishingError(
                .badName, "\(scanner.source)/\(path) has \(fault), which a torrent cannot carry; rename it")
        }
        if !isKnown { try forms.check(path, in: listing) }
        guard path != ".pad" else {
            throw PublishingError(
                .badName, "\(scanner.source)/.pad has the name that torrents give to padding (BEP 47); rename it")
        }
        if status.kind == .directory {
            if let previous, previous.kind != .directory { changes.removed.append((path, previous)) }
            subdirectories.append(PendingDirectory(path: path, known: .init(previous)))
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

    private mutating func gone(_ path: String) throws {
        if let row = try SourceIndex.row(path, database) { try gone(path, row) }
    }

    private mutating func gone(_ path: String, _ row: SourceIndex.Row) throws {
        changes.removed.append((path, row))
        if row.kind == .directory { changes.removed += try SourceIndex.below(path, database) }
    }

    private mutating func noteEmptiness(_ directory: PendingDirectory, isEmpty: Bool) throws {
        guard !directory.path.isEmpty else { return }
        let known = try directory.known ?? .init(SourceIndex.row(directory.path, database))
        if known != (isEmpty ? .empty : .filled) {
            changes.directories.append((directory.path, isEmpty, known == .empty))
        }
    }
}
