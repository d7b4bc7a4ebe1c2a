internal import Glibc

/// One record of inotify(7).
struct InotifyEvent: Hashable, Sendable {
    /// What happened, by the kernel's bits.
    struct Mask: OptionSet, Hashable, Sendable {
        let rawValue: UInt32

        static let modified = Mask(rawValue: 0x2)
        static let attributes = Mask(rawValue: 0x4)
        static let closedAfterWriting = Mask(rawValue: 0x8)
        static let movedFrom = Mask(rawValue: 0x40)
        static let movedTo = Mask(rawValue: 0x80)
        static let created = Mask(rawValue: 0x100)
        static let deleted = Mask(rawValue: 0x200)
        static let selfDeleted = Mask(rawValue: 0x400)
        static let selfMoved = Mask(rawValue: 0x800)
        /// Its file system was unmounted.
        static let unmounted = Mask(rawValue: 0x2000)
        /// The kernel's queue was full; the record belongs to no watch.
        static let overflow = Mask(rawValue: 0x4000)
        /// The watch is gone.
        static let ignored = Mask(rawValue: 0x8000)
        /// In a request: only if the path is a directory.
        static let onlyDirectory = Mask(rawValue: 0x0100_0000)
        /// In a request: a link is not followed.
        static let notFollowing = Mask(rawValue: 0x0200_0000)
        /// In a request: nothing of files that have no name any more.
        static let excludingUnlinked = Mask(rawValue: 0x0400_0000)
        /// The name is that of a directory.
        static let isDirectory = Mask(rawValue: 0x4000_0000)
    }

    /// What a record may name.
    enum Name: Hashable, Sendable {
        /// The watched directory itself.
        case none
        case text(String)
        case notUTF8
    }

    /// The watch descriptor.
    let watch: Int32
    let mask: Mask
    /// Joins the two halves of a rename.
    let cookie: UInt32
    let name: Name

    private static let headerSize = 16

    /// The records that a read brought. A record that is cut short, which the kernel never hands out, ends the list.
    static func parse(_ bytes: UnsafeRawBufferPointer) -> [InotifyEvent] {
        var events: [InotifyEvent] = []
        var start = 0
        while start + headerSize <= bytes.count {
            let length = Int(bytes.loadUnaligned(fromByteOffset: start + 12, as: UInt32.self))
            let end = start + headerSize + length
            guard end <= bytes.count else { break }
            // The name is followed by one NUL or more, up to the next record.
            let name = bytes[(start + headerSize)..<end].prefix { $0 != 0 }
            events.append(
                InotifyEvent(
                    watch: bytes.loadUnaligned(fromByteOffset: start, as: Int32.self),
                    mask: Mask(rawValue: bytes.loadUnaligned(fromByteOffset: start + 4, as: UInt32.self)),
                    cookie: bytes.loadUnaligned(fromByteOffset: start + 8, as: UInt32.self),
                    name: name.isEmpty ? .none : String(validating: name, as: UTF8.self).map { .text($0) } ?? .notUTF8))
            start = end
        }
        return events
    }
}
