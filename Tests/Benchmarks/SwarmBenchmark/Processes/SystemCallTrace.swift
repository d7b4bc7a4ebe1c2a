import Foundation

/// System calls on files, as strace writes them down. Under strace everything is slower: nothing is timed meanwhile.
struct SystemCallTrace {
    /// How often each call was made, and for which of the generated files.
    struct Calls {
        var counts: [String: Int] = [:]
        /// Generated files, by their last names, that a call is about.
        var files: Set<String> = []

        /// All calls.
        var total: Int { counts.values.reduce(0, +) }
        /// Calls that look at a file without opening it.
        var stats: Int { ["newfstatat", "statx", "stat", "lstat"].reduce(0) { $0 + (counts[$1] ?? 0) } }
        /// Opened directories and files.
        var opens: Int { ["openat", "open"].reduce(0) { $0 + (counts[$1] ?? 0) } }

        /// The most frequent ones.
        var summary: String {
            counts.sorted { $0.value > $1.value }.prefix(8).map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        }
    }

    /// Where strace writes.
    let file: String

    private static let traced =
        "%file,fchmod,fchmodat,fchown,futimesat,utimensat,fsetxattr,getdents64,ftruncate,fallocate"

    /// The words to put in front of a command.
    var command: [String] {
        [
            "strace", "-f", "-qq", "--seccomp-bpf", "-ttt", "-y", "-s", "512", "-e", "trace=\(Self.traced)", "-e",
            "signal=none", "-o", file,
        ]
    }

    /// The calls that name `directory`, between two moments in seconds since 1970.
    func calls(since: Double, until: Double, below directory: String) throws -> Calls {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw BenchmarkError("strace wrote nothing to \(file); may this user trace processes?")
        }
        var result = Calls()
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n") {
            // 1234 1700000000.123456 openat(AT_FDCWD</>, "path", O_RDONLY) = 3
            let parts = line.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: true)
            guard parts.count == 3, let moment = Double(parts[1]), moment >= since, moment <= until,
                parts[2].contains(directory), let bracket = parts[2].firstIndex(of: "("),
                !parts[2].hasPrefix("<...")
            else { continue }
            let name = String(parts[2][..<bracket])
            result.counts[name, default: 0] += 1
            // What a new name is linked from is there already, and is not looked at.
            let files = Self.generatedFiles(parts[2])
            result.files.formUnion(name == "linkat" ? files.suffix(1) : files[...])
        }
        return result
    }

    /// Last names of generated files: `f`, eight digits and `.bin`.
    static func generatedFiles(_ line: Substring) -> [String] {
        let bytes = Array(line.utf8)
        guard bytes.count >= 13 else { return [] }
        var result: [String] = []
        for start in 0...(bytes.count - 13)
        where bytes[start] == UInt8(ascii: "f") && bytes[start + 9] == UInt8(ascii: ".") {
            let digits = bytes[(start + 1)..<(start + 9)]
            guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
                bytes[(start + 10)..<(start + 13)].elementsEqual("bin".utf8)
            else { continue }
            result.append(String(decoding: bytes[start..<(start + 13)], as: UTF8.self))
        }
        return result
    }
}
