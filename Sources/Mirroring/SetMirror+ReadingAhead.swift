internal import FileTree
internal import Metainfo
internal import SwarmCore

/// What is read before it is asked for, while the upstream or the disk is waited for. It is bounded: of a large set, nothing
/// is read ahead.
extension SetMirror {
    /// Bytes of `.torrent` files that may be open beside what is worked on.
    private static let limitAhead = RecentTorrents.limit / 2

    /// Opens the torrents that those of a snapshot will be compared with: of the newest whole tree, and of the one that is
    /// to be made over.
    func openAhead(of manifest: Manifest) async {
        let kept = Set(manifest.shards.map(\.infoHash))
        let trees = Set([newestWhole, spares.first].compactMap { $0?.holds })
        // Should anything be wrong with them, the plan will say it.
        try? await offPool { [documents] in
            let shards = try trees.flatMap { try documents.localManifest($0)?.shards ?? [] }
            let changed = shards.filter { !kept.contains($0.infoHash) }
            guard changed.reduce(0, { $0 + $1.torrent.size }) <= Self.limitAhead else { return }
            _ = try documents.shelf.torrents(changed)
        }
    }

    /// Lets go of what an update has opened, after a rest: what is still to be done for readers comes first.
    func startSettling() {
        settling?.cancel()
        settling = Task {
            guard (try? await Task.sleep(for: Self.restAfterUpdate)) != nil, fetching == nil else { return }
            await settle()
            try? await offPool { Allocator.trim() }
        }
    }

    /// The same at once.
    func settle() async {
        try? await offPool { [recent = documents.shelf.recent, directory = layout.swarm] in
            recent.settle(in: directory)
        }
    }
}
