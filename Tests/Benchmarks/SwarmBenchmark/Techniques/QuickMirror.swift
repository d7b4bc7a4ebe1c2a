import FileTree
import Foundation

/// The technique of quick-fedora-mirror: the master keeps a list of all files with their times; a mirror that finds
/// another list compares it with its own, and names the differences to rsync, so that nobody walks a tree.
struct QuickMirror {
    let workspace: Workspace
    let directory: String

    /// Writes the list of a tree, in order. What it cost.
    static func makeList(_ workspace: Workspace, tree: String, to directory: String) throws -> ProcessCost {
        try FileSystem.makeDirectories(directory)
        let script = """
            set -e; cd "$1"
            find . -type f -printf '%T@\\t%s\\t%P\\n' -o -type l -printf '%T@\\tl\\t%P\\n' | LC_ALL=C sort >"$2/new"
            if cmp -s "$2/new" "$2/list"; then rm "$2/new"; else mv "$2/new" "$2/list"; fi
            """
        return try workspace.run(["sh", "-c", script, "sh", tree, directory]).cost
    }

    /// Takes a list over for a mirror that has the tree already.
    func adopt(list: String) throws { try workspace.run(["cp", "-p", "\(list)/list", "\(directory)/list"]) }

    /// Arguments of a shell that brings the mirror up to date.
    func updateCommand(_ daemon: RsyncDaemon) -> [String] {
        let script = """
            set -e; cd "$1"
            ln -f list list.old
            rsync -t --stats "$2/list/list" list
            [ list -ef list.old ] && exit 0
            export LC_ALL=C
            comm -13 list.old list | cut -f3- >changed
            comm -23 list.old list | cut -f3- | sort >was
            sort changed | comm -23 was - >gone
            rsync -aH --trust-sender --files-from=changed --stats "$2/tree/" tree/
            cd tree; tr '\\n' '\\0' <../gone | xargs -0 -r rm -f
            """
        return ["sh", "-c", script, "sh", directory, daemon.url]
    }
}
