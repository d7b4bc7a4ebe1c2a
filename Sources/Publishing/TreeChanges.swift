internal import Metainfo
internal import SwarmCore

/// A file of a tree, apart from where its torrent has it.
struct TreeFile: Sendable, Hashable {
    let path: String
    let sha256: SHA256Digest
    /// Seconds since 1970.
    let mtime: Int64
    let executable: Bool

    init(path: String, sha256: SHA256Digest, mtime: Int64, executable: Bool) {
        self.path = path
        self.sha256 = sha256
        self.mtime = mtime
        self.executable = executable
    }

    init(_ file: FileEntry) {
        self.init(path: file.path, sha256: file.sha256, mtime: file.mtime, executable: file.executable)
    }

    var identity: FileIdentity { FileIdentity(sha256: sha256, mtime: mtime, executable: executable) }
    var mode: UInt32 { executable ? 0o555 : 0o444 }
}

/// What has to happen to one tree so that it is another one.
struct TreeChanges: Sendable, Hashable {
    var removedFiles: Set<String> = []
    var placedFiles: [String: TreeFile] = [:]
    var removedLinks: Set<String> = []
    var addedLinks: [String: String] = [:]
    var removedDirectories: Set<String> = []
    var addedDirectories: Set<String> = []

    /// Nothing.
    init() {}

    /// What a snapshot changes in its parent.
    init(_ change: SnapshotChange) {
        removedFiles = Set(change.removedFiles)
        for index in change.files.indices where change.files.isChanged(index) {
            // (Its class does not matter on a disk.)
            guard let file = change.files.entry(index, .payload) else { continue }
            placedFiles[file.path] = TreeFile(file)
        }
        removedLinks = Set(change.removedLinks)
        for link in change.addedLinks { addedLinks[link.path] = link.target }
        removedDirectories = Set(change.removedDirectories)
        addedDirectories = Set(change.addedDirectories)
    }

    /// Adds what happens after this. What was added and goes again was never there; what was removed stays so, whatever
    /// took its name for a while.
    mutating func append(_ next: TreeChanges) {
        for path in next.removedFiles where placedFiles.removeValue(forKey: path) == nil { removedFiles.insert(path) }
        placedFiles.merge(next.placedFiles) { _, new in new }
        for path in next.removedLinks where addedLinks.removeValue(forKey: path) == nil { removedLinks.insert(path) }
        addedLinks.merge(next.addedLinks) { _, new in new }
        for path in next.removedDirectories where addedDirectories.remove(path) == nil {
            removedDirectories.insert(path)
        }
        addedDirectories.formUnion(next.addedDirectories)
    }
}
