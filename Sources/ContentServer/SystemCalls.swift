internal import Glibc

/// O_PATH: a descriptor that only names a place, so a directory that may be passed but not read can be opened. Glibc's
/// module hides it, as it does all of _GNU_SOURCE; this is its value on every architecture that Swift runs Linux on.
let openPathOnly: CInt = 0o10_000_000

/// The system's words for an `errno`.
func message(of error: CInt) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(error, &buffer, buffer.count) == 0 else { return "error \(error)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// What the symbolic link at `path` holds; nil when it is none.
func readLink(_ path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink(path, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
}

/// When the symbolic link at `path` took its place, in seconds since 1970.
///
/// The change time: rename(2) sets it, and nobody can set it back.
func changeTime(ofLink path: String) -> Int64? {
    var status = stat()
    return lstat(path, &status) == 0 ? Int64(status.st_ctim.tv_sec) : nil
}
