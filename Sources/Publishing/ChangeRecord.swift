internal import Metainfo
internal import SwarmCore

/// What a snapshot changed in its parent, on the master's disk: with those of all snapshots between the two, an old tree
/// becomes the newest one without a look into any torrent. Bencoded (BEP 3), as it is read for each snapshot and holds an
/// entry for each file that changed.
struct ChangeRecord: Sendable, Hashable {
    let parent: SnapshotID
    let changes: TreeChanges

    init(parent: SnapshotID, changes: TreeChanges) {
        self.parent = parent
        self.changes = changes
    }

    /// The record's bytes.
    var encoded: [UInt8] {
        var writer = BencodeWriter(capacity: 256 + 128 * (changes.placedFiles.count + changes.removedFiles.count))
        writer.dictionary { writer in
            writer.key(Field.addedDirectories)
            Self.write(changes.addedDirectories, &writer)
            writer.key(Field.addedLinks)
            writer.list { writer in
                for (path, target) in changes.addedLinks {
                    writer.string(path)
                    writer.string(target)
                }
            }
            writer.key(Field.parent)
            writer.string(parent.rawValue)
            writer.key(Field.placedFiles)
            writer.list { writer in
                for file in changes.placedFiles.values {
                    writer.string(file.path)
                    writer.integer(file.mtime)
                    writer.integer(file.executable ? 1 : 0)
                    writer.string(file.sha256.bytes)
                }
            }
            writer.key(Field.removedDirectories)
            Self.write(changes.removedDirectories, &writer)
            writer.key(Field.removedFiles)
            Self.write(changes.removedFiles, &writer)
            writer.key(Field.removedLinks)
            Self.write(changes.removedLinks, &writer)
        }
        return writer.bytes
    }

    /// Reads a record; nil for anything else.
    init?(_ bytes: [UInt8]) {
        var reader = BencodeReader(bytes)
        guard let record = try? Self.read(&reader) else { return nil }
        self = record
    }

    private static func write(_ paths: Set<String>, _ writer: inout BencodeWriter) {
        writer.list { writer in
            for path in paths { writer.string(path) }
        }
    }

    private static func read(_ reader: inout BencodeReader) throws(BencodeError) -> ChangeRecord? {
        var parent: SnapshotID?
        var changes = TreeChanges()
        try reader.dictionary(mapping: { $0 }) { (reader, key) throws(BencodeError) in
            switch String(decoding: reader.bytes[key], as: UTF8.self) {
            case Field.addedDirectories: changes.addedDirectories = try paths(&reader)
            case Field.addedLinks:
                try reader.list(mapping: { $0 }) { (reader) throws(BencodeError) in
                    let path = try text(&reader)
                    changes.addedLinks[path] = try text(&reader)
                }
            case Field.parent: parent = SnapshotID(try text(&reader))
            case Field.placedFiles:
                try reader.list(mapping: { $0 }) { (reader) throws(BencodeError) in
                    let file = try file(&reader)
                    changes.placedFiles[file.path] = file
                }
            case Field.removedDirectories: changes.removedDirectories = try paths(&reader)
            case Field.removedFiles: changes.removedFiles = try paths(&reader)
            case Field.removedLinks: changes.removedLinks = try paths(&reader)
            default: try reader.skip()
            }
        }
        try reader.finish()
        return parent.map { ChangeRecord(parent: $0, changes: changes) }
    }

    private static func paths(_ reader: inout BencodeReader) throws(BencodeError) -> Set<String> {
        var paths: Set<String> = []
        try reader.list(mapping: { $0 }) { (reader) throws(BencodeError) in paths.insert(try text(&reader)) }
        return paths
    }

    private static func file(_ reader: inout BencodeReader) throws(BencodeError) -> TreeFile {
        let path = try text(&reader)
        let mtime = try reader.integer()
        let executable = try reader.integer() != 0
        let digest = try reader.string()
        guard let sha256 = SHA256Digest(bytes: reader.bytes[digest]) else {
            throw .badLength(offset: digest.lowerBound)
        }
        return TreeFile(path: path, sha256: sha256, mtime: mtime, executable: executable)
    }

    private static func text(_ reader: inout BencodeReader) throws(BencodeError) -> String {
        String(decoding: reader.bytes[try reader.string()], as: UTF8.self)
    }

    /// In the order in which a dictionary has them.
    private enum Field {
        static let addedDirectories = "added directories"
        static let addedLinks = "added links"
        static let parent = "parent"
        static let placedFiles = "placed files"
        static let removedDirectories = "removed directories"
        static let removedFiles = "removed files"
        static let removedLinks = "removed links"
    }
}
