internal import Glibc

/// A file descriptor with one owner, which closes it.
struct OwnedDescriptor: ~Copyable {
    let number: CInt

    /// Takes ownership of an open descriptor.
    init(_ number: CInt) { self.number = number }

    deinit { close(number) }

    /// Gives the descriptor away: the caller closes it.
    consuming func release() -> CInt {
        let number = number
        discard self
        return number
    }
}

/// What the validators and the length of a response are made of.
struct FileFacts: Hashable, Sendable {
    var size: Int64
    var modified: Int64
    var modifiedNanoseconds: Int64
    var inode: UInt64

    init(size: Int64, modified: Int64, modifiedNanoseconds: Int64, inode: UInt64) {
        self.size = size
        self.modified = modified
        self.modifiedNanoseconds = modifiedNanoseconds
        self.inode = inode
    }

    init(_ status: stat) {
        self.init(
            size: Int64(status.st_size), modified: Int64(status.st_mtim.tv_sec),
            modifiedNanoseconds: Int64(status.st_mtim.tv_nsec), inode: UInt64(status.st_ino))
    }

    /// A strong entity tag (RFC 9110, section 8.8.1). A published file is never written in place, so another content
    /// has another inode, even with equal time and size.
    var validators: Validators {
        let time = String(modified, radix: 16) + (modifiedNanoseconds == 0 ? "" : ".\(modifiedNanoseconds)")
        let etag = "\"\(time)-\(String(size, radix: 16))-\(String(inode, radix: 16))\""
        return Validators(etag: etag, lastModified: HTTPDate(seconds: modified))
    }
}
