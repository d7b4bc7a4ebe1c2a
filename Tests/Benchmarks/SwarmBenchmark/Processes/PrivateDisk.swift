import Foundation
import Glibc

/// A file system of the benchmark's own, in one file, which root alone can have.
///
/// Millions of small files are gone with that file at once; to remove them one by one takes minutes, and on a disk that
/// discards freed blocks hours. The mount is seen in the benchmark's own mount namespace only, so it also goes away when
/// the benchmark is killed.
struct PrivateDisk {
    private static let mark = "SWARM_BENCH_NAMESPACE"
    private let image: String
    private let directory: String
    private let bytes: Int64

    /// Whether this process has a mount namespace of its own.
    private static var hasNamespace: Bool { getenv(mark) != nil }

    /// Starts this program again in a mount namespace of its own, when that is possible; otherwise returns.
    static func enterNamespace() {
        guard getuid() == 0, !hasNamespace else { return }
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
        let line = ["unshare", "--mount", "--propagation", "private", program] + CommandLine.arguments.dropFirst()
        var words: [UnsafeMutablePointer<CChar>?] = line.map { strdup($0) }
        words.append(nil)
        setenv(mark, "1", 1)
        execvp("unshare", words)
        // Only without the program; then the trees are in a plain directory.
        unsetenv(mark)
        for word in words { free(word) }
    }

    /// Mounts a file system in memory at a directory, where that is possible; it goes away with the disk that it is on.
    static func mountMemory(at directory: String, bytes: Int64) {
        guard hasNamespace else { return }
        _ = run(["mount", "-t", "tmpfs", "-o", "size=\(bytes)", "tmpfs", directory])
    }

    /// Makes a file of `bytes` beside `directory`, and mounts it there; nil where that is not possible.
    init?(at directory: String, bytes: Int64) {
        guard Self.hasNamespace else { return nil }
        image = "\(directory).img"
        self.directory = directory
        self.bytes = bytes
        let file = open(image, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard file >= 0 else { return nil }
        let isSized = ftruncate(file, Int(bytes)) == 0
        close(file)
        // An inode for each block: most files are small.
        guard isSized, Self.run(["mkfs.ext4", "-q", "-F", "-m", "0", "-i", "4096", "-E", "nodiscard", image]),
            Self.run(["mount", "-o", "loop,nodiscard,noinit_itable", image, directory])
        else {
            unlink(image)
            return nil
        }
    }

    /// An empty one in the place of this one, which is removed.
    func renewed() -> PrivateDisk? {
        remove()
        return PrivateDisk(at: directory, bytes: bytes)
    }

    /// Unmounts it and removes the file. Nothing may run there any more.
    func remove() {
        _ = Self.run(["umount", "--lazy", directory])
        unlink(image)
    }

    private static func run(_ command: [String]) -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
