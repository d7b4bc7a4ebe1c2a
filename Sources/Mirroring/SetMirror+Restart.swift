internal import FileTree
internal import Logging
internal import Metainfo
internal import SwarmCore

extension SetMirror {
    /// The link is the truth: what it names is active, whatever the state says since a crash, or a fault of its disk.
    func reconcileActive() throws {
        if let current = visible, let row = snapshots[current], row.state == .ready || row.state == .retained {
            try setActive(row)
        }
    }

    /// Makes the state, the links and the trees fit to each other.
    func reconcileAfterRestart() async throws {
        if let note = try FileSystem.contents(layout.feed), let accepted = try? accept(note, stored: true) {
            feed = accepted
            onFeed(accepted.version, FeedBundle(feed: note, documents: [:]))
        }
        try reconcileActive()
        // The tree that a half made one is made over has that one's name by now, and tells what is in it.
        let bases = Set(snapshots.values.compactMap { $0.state == .building ? $0.base : nil })
        for (id, row) in snapshots
        where row.state != .building && !bases.contains(id) && layout.existingTree(id) == nil {
            logger.warning("the tree of a snapshot was removed by somebody", metadata: ["snapshot": "\(id)"])
            try state.remove(id)
            snapshots[id] = nil
        }
        if let active = snapshots.values.first(where: { $0.state == .active }), !FileSystem.exists(layout.current) {
            logger.warning("the link \(layout.current) was removed by somebody; it is made again")
            try FileSystem.replaceLink(at: layout.current, target: layout.currentTarget(active.uuid))
        }
        try FileSystem.remove(layout.current + FileSystem.temporaryLinkSuffix)
        try restoreLinks()
        try FileSystem.removeTree("\(layout.swarm)/parts")
        try removeLeftovers()
        let trash = trash
        do { try await offPool { try FileSystem.removeTree(trash) } } catch { logger.warning("\(error)") }
    }

    /// What no row tells of, since a crash, or since the state was lost: spare trees, files that wait to be moved, documents.
    private func removeLeftovers() throws {
        func strays(_ directory: String) throws -> [SnapshotID] {
            guard FileSystem.exists(directory) else { return [] }
            return try FileSystem.names(in: directory).compactMap { SnapshotID(String($0.prefix(36))) }
        }
        for id in try strays(layout.spares) where snapshots[id] == nil { try putAside(id) }
        let unfinished = snapshots.values.filter { $0.state == .building || $0.becoming != nil }.map(\.uuid)
        for id in try strays(layout.stages) where !unfinished.contains(id) {
            try FileSystem.removeTree("\(layout.stages)/\(id)")
        }
        // Trees that are taken up again later may need theirs.
        guard let feed else { return }
        let trees = Set(try strays(layout.trees))
        for id in try strays(layout.manifests) where feed.entry(id) == nil && !trees.contains(id) { try forget(id) }
    }
}
