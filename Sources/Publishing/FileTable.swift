internal import FileTree
internal import Metainfo
internal import SwarmCore

/// New and changed files with what is known of their content, in flat columns: a first snapshot has all files of a set
/// here, and must not cost an object for each.
struct FileTable: Sendable {
    /// What is known of a file's content.
    enum Content: UInt8, Sendable {
        case unknown
        /// Its digest; the snapshot has the file anew.
        case changed
        /// Its digest, and all that is published of the file is as it was.
        case same
        /// The file is gone, or is a file no more.
        case gone
    }

    private var pathBytes: [UInt8] = []
    private var pathEnds: [UInt32] = []
    private var statuses: [FileStatus] = []
    private var keeps: [Bool] = []
    private var contents: [Content] = []
    private var digests: [UInt8] = []
    /// A hash table of the paths: indices plus one, 0 for a free slot. Empty before it is asked for.
    private var slots: [UInt32] = []

    /// How many files there are.
    var count: Int { pathEnds.count }
    var indices: Range<Int> { 0..<count }
    var isEmpty: Bool { pathEnds.isEmpty }

    /// - Parameter keepsInode: whether the path had this inode in the index.
    mutating func append(_ path: String, _ status: FileStatus, keepsInode: Bool) {
        pathBytes.append(contentsOf: path.utf8)
        pathEnds.append(UInt32(pathBytes.count))
        statuses.append(status)
        keeps.append(keepsInode)
        slots = []
    }

    mutating func append(_ other: FileTable) {
        let base = UInt32(pathBytes.count)
        pathBytes += other.pathBytes
        pathEnds.append(contentsOf: other.pathEnds.lazy.map { $0 + base })
        statuses += other.statuses
        keeps += other.keeps
        slots = []
    }

    func pathUTF8(_ index: Int) -> ArraySlice<UInt8> {
        pathBytes[Int(index == 0 ? 0 : pathEnds[index - 1])..<Int(pathEnds[index])]
    }

    func path(_ index: Int) -> String { String(decoding: pathUTF8(index), as: UTF8.self) }
    /// As it was found, then as it was read.
    func status(_ index: Int) -> FileStatus { statuses[index] }
    func keepsInode(_ index: Int) -> Bool { keeps[index] }
    func content(_ index: Int) -> Content { contents.isEmpty ? .unknown : contents[index] }

    /// The content's digest; nil while it is not known.
    func digest(_ index: Int) -> SHA256Digest? {
        switch content(index) {
        case .unknown, .gone: return nil
        case .changed, .same: break
        }
        return SHA256Digest(digests, at: index * SHA256Digest.byteCount)
    }

    /// Whether the snapshot has the file anew.
    func isChanged(_ index: Int) -> Bool { content(index) == .changed }

    /// Notes a content, and the status that it has by now.
    mutating func set(_ index: Int, _ content: Content, _ digest: SHA256Digest? = nil, status: FileStatus? = nil) {
        if contents.isEmpty {
            contents = Array(repeating: .unknown, count: count)
            digests = Array(repeating: 0, count: count * SHA256Digest.byteCount)
        }
        contents[index] = content
        if let digest {
            digests.replaceSubrange(
                (index * SHA256Digest.byteCount)..<((index + 1) * SHA256Digest.byteCount), with: digest.bytes)
        }
        if let status { statuses[index] = status }
    }

    /// Notes the status that a file has by now.
    mutating func setStatus(_ index: Int, _ status: FileStatus) { statuses[index] = status }

    /// The file as its torrent will have it; nil when it is gone.
    func entry(_ index: Int, _ priority: Priority) -> FileEntry? {
        guard let digest = digest(index) else { return nil }
        let status = statuses[index]
        return FileEntry(
            path: path(index), length: status.size, mtime: status.mtimeSeconds, executable: status.isExecutable,
            priority: priority, sha256: digest)
    }

    /// The indices in the order of their paths.
    func sortedByPath() -> [UInt32] {
        indices.map { UInt32($0) }.sorted { TreePath.precedes(pathUTF8(Int($0)), pathUTF8(Int($1))) }
    }

    // MARK: Looking paths up

    /// Makes `index(of:)` fast. Without it, nothing is found.
    mutating func makeIndex() {
        var size = 16
        while size < count * 2 { size *= 2 }
        slots = Array(repeating: 0, count: size)
        for index in indices {
            var slot = Self.hash(pathUTF8(index)) & (size - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = UInt32(index + 1)
        }
    }

    /// The file at a path; nil when none is new or changed there.
    func index(of path: String) -> Int? {
        guard !slots.isEmpty else { return nil }
        let bytes = path.utf8
        var slot = Self.hash(bytes) & (slots.count - 1)
        while slots[slot] != 0 {
            let index = Int(slots[slot] - 1)
            if pathUTF8(index).elementsEqual(bytes) { return content(index) == .gone ? nil : index }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }

    /// FNV-1a with 64 bits, of Fowler, Noll and Vo.
    private static func hash(_ bytes: some Sequence<UInt8>) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int(truncatingIfNeeded: hash ^ (hash >> 32))
    }
}

extension SourceIndex.Row {
    /// Whether all that is published of a file, by this row, is so of the file in the table too.
    func isPublished(as files: FileTable, _ index: Int) -> Bool {
        let status = files.status(index)
        return kind == .file && size == status.size && executable == status.isExecutable && sha256 != nil
            && sha256 == files.digest(index) && FileStatus.seconds(mtime) == status.mtimeSeconds
    }
}
