internal import FileTree
internal import SwarmCore

extension RootLayout {
    /// Where the tree lies that had this snapshot's name; nil when it is gone.
    func existingTree(_ snapshot: SnapshotID) -> String? {
        [spareTree(snapshot), tree(snapshot)].first { FileSystem.exists($0) }
    }

    /// The directory with the files of that tree; nil when it is gone.
    func existingFiles(of snapshot: SnapshotID) -> String? { existingTree(snapshot).map { "\($0)/\(set)" } }
}
