import FileTree
import Glibc
import SwarmTestSupport

/// Content that cannot be compressed, and of which no two files have the same: windows of a block of random bytes, each
/// file with a stamp of its own.
struct Filler {
    private static let blockSize = 1 << 20
    private static let windowSize = 256 << 10
    private let block: [UInt8]

    init(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        block = [UInt8](unsafeUninitializedCapacity: Self.blockSize) { buffer, count in
            let words = UnsafeMutableRawBufferPointer(buffer)
            for offset in stride(from: 0, to: Self.blockSize, by: 8) {
                words.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
            }
            count = Self.blockSize
        }
    }

    /// Writes a new file with a time in seconds since 1970.
    func write(_ path: String, size: Int, mtime: Int, random: inout SeededRandom) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL, 0o644)
        guard file >= 0 else { throw BenchmarkError.system("open", path) }
        defer { close(file) }
        var rest = size
        while rest > 0 {
            // The stamp at the head of each window makes it unlike every other.
            var stamp = random.next()
            let head = withUnsafeBytes(of: &stamp) { Glibc.write(file, $0.baseAddress, min(8, rest)) }
            guard head > 0 else { throw BenchmarkError.system("write", path) }
            rest -= head
            let count = min(rest, Self.windowSize - 8)
            let offset = Int.random(in: 0...(Self.blockSize - Self.windowSize), using: &random)
            let written = block.withUnsafeBytes {
                Glibc.write(file, UnsafeRawBufferPointer(rebasing: $0[offset...]).baseAddress, count)
            }
            guard written == count else { throw BenchmarkError.system("write", path) }
            rest -= written
        }
        let times = [timespec(tv_sec: mtime, tv_nsec: 0), timespec(tv_sec: mtime, tv_nsec: 0)]
        guard futimens(file, times) == 0 else { throw BenchmarkError.system("futimens", path) }
    }
}
