internal import FileTree
internal import FoundationEssentials
internal import Logging
internal import SwarmCore

extension SetMirror {
    // MARK: Activation

    /// Makes a ready snapshot current: its tree is opened, then one rename switches the link. Cut off at any point, the
    /// next start finds the links as they are and makes the rest fit to `current`.
    func activate(_ id: SnapshotID) async throws {
        guard var row = snapshots[id] else { return }
        try FileSystem.setMode(layout.tree(id), 0o755)
        try FileSystem.replaceLink(at: layout.snapshotLink(id), target: "../\(layout.currentTarget(id))")
        try FileSystem.replaceLink(at: layout.current, target: layout.currentTarget(id))
        try FileSystem.syncDirectory(of: layout.current)
        row.status.activated = Date(timeIntervalSince1970: now().timeIntervalSince1970.rounded(.down))
        try setActive(row)
        try restoreLinks()
        try await removeStrays()
        logger.info("activated", metadata: ["snapshot": "\(id)", "serial": "\(row.serial)"])
        changed.yield()
    }

    /// Takes over in the state what the link `current` says already.
    func setActive(_ row: NodeState.Snapshot) throws {
        var row = row
        row.state = .active
        row.status.state = .active
        try state.activate(row)
        for (uuid, other) in snapshots where other.state == .active && uuid != row.uuid {
            snapshots[uuid]?.state = .retained
        }
        snapshots[row.uuid] = row
    }

    // MARK: Links

    /// What the link `current` names, whatever the state says.
    var visible: SnapshotID? {
        FileSystem.readLink(layout.current).flatMap { layout.snapshot(currentTarget: $0) }
    }

    /// Whether readers may see a snapshot.
    private func isReadable(_ id: SnapshotID) -> Bool {
        switch snapshots[id]?.state {
        case .active, .retained: true
        case .building, .fetching, .ready, .spare, nil: false
        }
    }

    /// Makes the trees' modes and the links beside `current` say what the state says.
    func restoreLinks() throws {
        let current = visible
        for id in snapshots.keys {
            let mode: UInt32 = isReadable(id) || id == current ? 0o755 : 0o700
            if let status = try FileSystem.status(layout.tree(id)), status.mode != mode {
                try FileSystem.setMode(layout.tree(id), mode)
            }
            if isReadable(id) { try setLink(layout.snapshotLink(id), to: "../\(layout.currentTarget(id))") }
        }
        for name in try FileSystem.names(in: layout.snapshots) {
            let isHidden = SnapshotID(name).map { snapshots[$0] != nil && !isReadable($0) } ?? false
            if isHidden || name.hasSuffix(FileSystem.temporaryLinkSuffix) {
                try FileSystem.remove("\(layout.snapshots)/\(name)")
            }
        }
        if let active = snapshots.values.first(where: { $0.state == .active }) {
            try setLink("\(layout.snapshots)/current", to: active.uuid.rawValue)
        }
        try linkTags()
    }

    /// Makes `master-snap` hold the feed's tags of the snapshots that readers may see, and no other link.
    func linkTags() throws {
        guard let feed else { return }
        let tags = feed.tags.filter { isReadable($0.value) }
        guard !tags.isEmpty || FileSystem.exists(layout.masterTags) else { return }
        try FileSystem.makeDirectories(layout.masterTags)
        for name in try FileSystem.names(in: layout.masterTags) where tags[name] == nil {
            let path = "\(layout.masterTags)/\(name)"
            if FileSystem.readLink(path) != nil { try FileSystem.remove(path) }
        }
        for (tag, snapshot) in tags { try setLink("\(layout.masterTags)/\(tag)", to: "../snap/\(snapshot)") }
    }

    private func setLink(_ path: String, to target: String) throws {
        guard FileSystem.readLink(path) != target else { return }
        try FileSystem.replaceLink(at: path, target: target)
    }
}
