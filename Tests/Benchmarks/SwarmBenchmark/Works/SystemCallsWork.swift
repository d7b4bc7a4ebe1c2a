import FileTree
import Foundation
import SwarmCore

/// System calls on the trees, in a pass of its own: of a publication, of a node that makes a new tree from an expired
/// one, of its start, and of rsync for a change of the same size.
struct SystemCallsWork {
    let workspace: Workspace
    let ledger: Ledger
    let files: Int

    private static let section = "system calls"
    private var directory: String { workspace["calls"] }

    func run() throws {
        ledger.step("system calls: \(files) files")
        let tree = try GeneratedTree("\(directory)/source", .tiny(files: files))
        let master = try SwarmMaster(workspace, source: tree.root, store: "\(directory)/store")
        let first = try master.snapshot().report.snapshot
        try master.serve()
        let node = try SwarmMirror(master, 0, directory: directory)
        let trace = SystemCallTrace(file: "\(directory)/node-trace")
        try node.start(wrapper: trace.command)
        _ = try SwarmMirror.await([node], first)
        try tracePublication(master, tree)
        // Twice a tree is linked from the one before; from then on an expired one is made over, which lags by three.
        var changes: [TreeChange] = []
        for share in [0.01, 0.01, 0.01, 0.001, 0.001, 0.001] {
            changes.append(try tree.change(share))
            let started = Date().timeIntervalSince1970
            let snapshot = try master.snapshot().report.snapshot
            _ = try SwarmMirror.await([node], snapshot)
            // What is let go after the switch belongs to it.
            try Interruption.pause(.seconds(2))
            let calls = try trace.calls(
                since: started, until: Date().timeIntervalSince1970, below: "\(node.root)/trees/")
            if changes.count == 2 { add("linked tree", changes.suffix(1), calls, isRecycled: false) }
            if changes.count.isMultiple(of: 3) { add("next tree", changes.suffix(3), calls, isRecycled: true) }
        }
        try node.stop()
        try traceStart(node)
        try traceRsync(tree)
        try master.stop()
    }

    /// - Parameter changes: those by which the tree differs from what it was made from.
    private func add(
        _ name: String, _ changes: ArraySlice<TreeChange>, _ calls: SystemCallTrace.Calls, isRecycled: Bool
    ) {
        let changed = Set(changes.flatMap(\.paths).map { ($0 as NSString).lastPathComponent })
        let needless = calls.files.subtracting(changed).count
        let files = changes.reduce(0) { $0 + $1.files }
        ledger.step("  \(files) files changed: \(calls.summary); \(needless) unchanged files named")
        let name = "node, \(name), \(files) changed"
        ledger.add(Row(Self.section, "\(name): calls per change", .count(Double(calls.total) / Double(files))))
        guard isRecycled else { return }
        ledger.add(
            Row(Self.section, "\(name): unchanged files named", .count(Double(needless)), goal: .atMost(.count(0))))
        ledger.add(
            Row(
                Self.section, "\(name): directories listed", .count(Double(calls.counts["getdents64"] ?? 0)),
                goal: .atMost(.count(Double(files)))))
    }

    /// A scan that finds nothing: one look at each file, and nothing on the trees of the store.
    private func tracePublication(_ master: SwarmMaster, _ tree: GeneratedTree) throws {
        let trace = SystemCallTrace(file: "\(directory)/publish-trace")
        try workspace.run(trace.command + master.snapshotCommand())
        let source = try trace.calls(since: 0, until: .infinity, below: tree.root)
        let store = try trace.calls(since: 0, until: .infinity, below: master.layout.trees)
        ledger.step("  publish, no change: \(source.summary)")
        ledger.add(
            Row(
                Self.section, "publish, no change: calls per file", .count(Double(source.total) / Double(tree.files))))
        ledger.add(
            Row(
                Self.section, "publish, no change: files of its own trees named", .count(Double(store.files.count)),
                goal: .atMost(.count(0))))
    }

    /// The start of a node that has a snapshot.
    private func traceStart(_ node: SwarmMirror) throws {
        let trace = SystemCallTrace(file: "\(directory)/start-trace")
        try node.start(wrapper: trace.command)
        _ = try Interruption.wait(for: "the start of a node", within: .seconds(120)) { node.status()?.newest }
        try node.stop()
        let calls = try trace.calls(since: 0, until: .infinity, below: "\(node.root)/trees/")
        ledger.add(
            Row(
                Self.section, "node, start: files looked at or opened", .count(Double(calls.files.count)),
                goal: .atMost(.count(0))))
    }

    /// rsync's client for a change of the same size.
    private func traceRsync(_ tree: GeneratedTree) throws {
        let daemon = try RsyncDaemon(workspace, tree: tree.root, list: directory)
        let mirror = "\(directory)/rsync"
        try workspace.run(daemon.mirrorCommand(mirror))
        let change = try tree.change(tree.shape.changedShare)
        let trace = SystemCallTrace(file: "\(directory)/rsync-trace")
        try workspace.run(trace.command + daemon.mirrorCommand(mirror))
        _ = try daemon.stop()
        let calls = try trace.calls(since: 0, until: .infinity, below: mirror)
        ledger.step("  rsync, \(change.files) files changed: \(calls.summary)")
        ledger.add(
            Row(
                Self.section, "rsync's client, \(change.files) changed: calls per change",
                .count(Double(calls.total) / Double(change.files))))
    }
}
