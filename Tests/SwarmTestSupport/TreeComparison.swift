import Foundation

/// How diff(1) and rsync(1) compare two directories: judges that know nothing of this package, and take names for bytes.
public enum TreeComparison {
    /// What diff and rsync say; empty when the trees are equal in names, contents, times of files, executable bits, and
    /// hard and symbolic links.
    public static func differences(_ mirror: String, from source: String) async throws -> String {
        let diff = try LoggedProcess("diff", ["-r", "--no-dereference", source, "\(mirror)/."])
        let difference = await diff.exit()
        let rsync = try LoggedProcess(
            "rsync",
            [
                "-anc", "--hard-links", "--executability", "--no-perms", "--no-owner", "--no-group", "--omit-dir-times",
                "--delete", "--itemize-changes", "\(source)/", "\(mirror)/",
            ])
        let change = await rsync.exit()
        var said = try await diff.output() + (try await rsync.output())
        if difference != 0 { said += "\ndiff ends with \(difference)" }
        if change != 0 { said += "\nrsync ends with \(change)" }
        return said
    }
}
