internal import Glibc

/// Keeps the kernel's watches in step with a tree's directories, and turns its records into events. Blocking.
///
/// Unchecked: it is used by the thread that makes it, and then by one serial queue alone.
final class TreeWatchReader: @unchecked Sendable {
    private typealias Mask = InotifyEvent.Mask

    /// A name that went, for as long as the record may follow that says where to.
    private struct Departure {
        let cookie: UInt32
        let directory: Int32
        let name: String
        let path: String
        let isDirectory: Bool
    }

    private static let directoryMask: Mask = [
        .created, .deleted, .modified, .closedAfterWriting, .movedFrom, .movedTo, .attributes, .onlyDirectory,
        .excludingUnlinked,
    ]

    private let inotify: Descriptor
    private let root: String
    private let includes: (@Sendable (String, _ isDirectory: Bool) -> Bool)?
    private let emit: (TreeWatch.Event) -> Void
    private var table = WatchedDirectories()
    private var departure: Departure?
    private var isLost = false
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)

    /// Readable when there is something to read.
    var descriptor: Int32 { inotify.rawValue }
    var directoryCount: Int { table.count }

    init(
        _ root: String, includes: (@Sendable (String, _ isDirectory: Bool) -> Bool)?,
        emit: @escaping (TreeWatch.Event) -> Void
    ) throws(FileError) {
        let number = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard number >= 0 else {
            throw .last("make one more inotify instance (fs.inotify.max_user_instances) for", root)
        }
        inotify = Descriptor(adopting: number, path: root)
        self.root = root
        self.includes = includes
        self.emit = emit
    }

    /// Watches all directories that are there now.
    func begin() throws {
        let watch = inotify_add_watch(
            inotify.rawValue, root, Self.directoryMask.union([.selfMoved, .selfDeleted]).rawValue)
        guard watch >= 0 else {
            guard errno == ENOSPC else { throw FileError.last("watch", root) }
            throw limitReached(try countDirectories())
        }
        table.insert(root: watch)
        try watchAll(below: (watch, ""))
    }

    /// Takes what the kernel has. Returns whether the watch goes on.
    func read() -> Bool {
        while !isLost {
            let count = Glibc.read(inotify.rawValue, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                if errno != EAGAIN { lose("\(FileError.last("read the events of", root))") }
                break
            }
            for event in buffer.withUnsafeBytes({ InotifyEvent.parse(UnsafeRawBufferPointer(rebasing: $0[..<count])) })
            where !isLost {
                handle(event)
            }
        }
        settleDeparture()
        return !isLost
    }

    /// Takes one record.
    func handle(_ event: InotifyEvent) {
        if event.mask.contains(.overflow) {
            return lose("more happened at once than fs.inotify.max_queued_events lets the kernel remember")
        }
        if event.mask.contains(.unmounted) { return lose("a file system in \(root) was unmounted") }
        if event.watch == table.root, !event.mask.isDisjoint(with: [.selfMoved, .selfDeleted, .ignored]) {
            return lose("\(root) was moved or removed")
        }
        if let departure, !(event.mask.contains(.movedTo) && event.cookie == departure.cookie) { settleDeparture() }
        if event.mask.contains(.ignored) {
            table.remove(event.watch)
            return
        }
        guard let directory = table.path(event.watch) else { return }
        switch event.name {
        case .none: break
        case .notUTF8: emit(.changed(directory))
        case .text(let name):
            let path = directory.isEmpty ? name : "\(directory)/\(name)"
            if event.mask.contains(.isDirectory) {
                handle(directory: path, name, event)
            } else if includes?(path, false) ?? true {
                handle(file: path, name, event)
            }
        }
    }

    private func handle(file path: String, _ name: String, _ event: InotifyEvent) {
        if event.mask.contains(.movedFrom) {
            departure = Departure(
                cookie: event.cookie, directory: event.watch, name: name, path: path, isDirectory: false)
        } else if event.mask.contains(.movedTo), let from = departure {
            departure = nil
            emit(.renamed(from.path, to: path))
        } else if event.mask.contains(.modified) || (event.mask.contains(.created) && isEmptyFile(path)) {
            emit(.beingWritten(path))
        } else {
            emit(.changed(path))
        }
    }

    private func handle(directory path: String, _ name: String, _ event: InotifyEvent) {
        if event.mask.contains(.movedFrom) {
            departure = Departure(
                cookie: event.cookie, directory: event.watch, name: name, path: path, isDirectory: true)
            return
        }
        if event.mask.contains(.movedTo), let from = departure {
            departure = nil
            report(directory: from.path)
            if let moved = table.child(from.name, of: from.directory) {
                if includes == nil {
                    table.place(moved, in: event.watch, as: name)
                } else {
                    // Under another path, other directories below may belong to the tree.
                    forget(moved)
                }
            }
        }
        // The mode and the times of a directory are nobody's concern.
        guard !event.mask.isDisjoint(with: [.created, .movedTo, .deleted]) else { return }
        report(directory: path)
        if event.mask.contains(.deleted) { return }
        // The name is looked up even after a rename that was followed above: by now, it may be another directory's, or
        // the rename may have come in between while what is below was looked up by the old name.
        arrive(path, in: event.watch, as: name, wasRenamed: event.mask.contains(.movedTo))
    }

    private func report(directory path: String) {
        if includes?(path, true) ?? true { emit(.changed(path)) }
    }

    /// A file that was made and holds nothing yet: whoever made it is about to write it, or closes it empty.
    private func isEmptyFile(_ path: String) -> Bool {
        guard let status = (try? FileSystem.status("\(root)/\(path)")) ?? nil else { return false }
        return status.kind == .regular && status.size == 0 && status.links == 1
    }

    /// The name that went did not come back: what is below it is not watched any more.
    private func settleDeparture() {
        guard let gone = departure else { return }
        departure = nil
        guard gone.isDirectory else { return emit(.changed(gone.path)) }
        report(directory: gone.path)
        if let watch = table.child(gone.name, of: gone.directory) { forget(watch) }
        // There may be another directory of that name by now, whose watch was forgotten with it.
        arrive(gone.path, in: gone.directory, as: gone.name, wasRenamed: false)
    }

    private func forget(_ watch: Int32) {
        for watch in table.remove(watch) { inotify_rm_watch(inotify.rawValue, watch) }
    }

    private func arrive(_ path: String, in parent: Int32, as name: String, wasRenamed: Bool) {
        guard !isLost, includes?(path, true) ?? true else { return }
        do {
            guard let added = try add(path, in: parent, as: name), added.isNew || wasRenamed else { return }
            try watchAll(below: (added.watch, path))
        } catch { lose("\(error)") }
    }

    private func lose(_ reason: String) {
        guard !isLost else { return }
        isLost = true
        emit(.lost(reason))
    }

    // MARK: Watches

    /// Watches one directory, unless it is watched already. Returns nil when it is gone.
    private func add(_ path: String, in parent: Int32, as name: String) throws -> (watch: Int32, isNew: Bool)? {
        let mask = Self.directoryMask.union(.notFollowing)
        let watch = inotify_add_watch(inotify.rawValue, "\(root)/\(path)", mask.rawValue)
        guard watch >= 0 else {
            let error = FileError.last("watch", "\(root)/\(path)")
            // Its next record says what became of it.
            if error.isReplaced { return nil }
            guard error.errno == ENOSPC else { throw error }
            throw limitReached(try countDirectories())
        }
        let isKnown = table.contains(watch)
        table.place(watch, in: parent, as: name)
        return (watch, !isKnown)
    }

    /// Watches what is below directories that are watched. A directory is listed after its watch began, so that none
    /// comes in between unseen.
    private func watchAll(below start: (watch: Int32, path: String)) throws {
        var pending = [start]
        while let (watch, path) = pending.popLast() {
            for (name, below) in try subdirectories(of: path) {
                if let added = try add(below, in: watch, as: name) { pending.append((added.watch, below)) }
            }
        }
    }

    private func subdirectories(of path: String) throws(FileError) -> [(name: String, path: String)] {
        let names: [String]
        do {
            names = try Descriptor.directory(path.isEmpty ? root : "\(root)/\(path)", followingLink: path.isEmpty)
                .subdirectories()
        } catch {
            if error.isReplaced, !path.isEmpty { return [] }
            throw error
        }
        return names.map { ($0, path.isEmpty ? $0 : "\(path)/\($0)") }.filter { includes?($0.1, true) ?? true }
    }

    private func countDirectories() throws(FileError) -> Int {
        var pending = [""]
        var count = 0
        while let path = pending.popLast() {
            count += 1
            pending += try subdirectories(of: path).map(\.path)
        }
        return count
    }

    private func limitReached(_ count: Int) -> TreeWatch.LimitReached {
        let limits = ["fs/inotify/max_user_watches", "user/max_inotify_watches"].compactMap { name in
            Self.number(in: "/proc/sys/\(name)")
        }
        return TreeWatch.LimitReached(directory: root, count: count, limit: limits.min() ?? 0)
    }

    /// The number that a file of /proc/sys holds, whose size is said to be 0.
    private static func number(in path: String) -> Int? {
        var bytes = [UInt8](repeating: 0, count: 32)
        guard let file = try? Descriptor.file(path), let count = try? file.read(into: &bytes, at: 0) else { return nil }
        return Int(String(decoding: bytes[..<count].prefix { $0 > UInt8(ascii: " ") }, as: UTF8.self))
    }
}
