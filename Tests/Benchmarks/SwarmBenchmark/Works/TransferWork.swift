import FileTree
import Foundation
import SwarmCore

/// One seed and one node on this machine, in turn with two bare libtorrent clients that have the same torrent, the same
/// content and the same settings. In memory: the node waits for the disk at its end, and the bare client does not.
struct TransferWork {
    let workspace: Workspace
    let ledger: Ledger
    let bytes: Int64

    private static let section = "transfer"
    private static let runs = 5

    func run() throws {
        ledger.step("transfer: \(Quantity.bytes(Double(bytes))), one seed to one node")
        let directory = workspace[Self.section]
        try workspace.makeMemoryDirectory(Self.section, bytes: 4 * bytes)
        let tree = try GeneratedTree("\(directory)/source", .large(bytes: bytes, fileSize: 8 << 20))
        let master = try SwarmMaster(workspace, source: tree.root, store: "\(directory)/store")
        let snapshot = try master.snapshot().report.snapshot
        guard let shard = try master.manifest(snapshot).shards.first else { return }
        let torrent = master.layout.torrent(shard.infoHash)
        try master.serve()
        let bare = BareTorrent(workspace: workspace, settings: .ours)
        let seed = try bare.seed(torrent, from: master.layout.tree(snapshot))
        var rates: [(ours: Double, bare: Double)] = []
        var costs: [(ours: Double, bare: Double)] = []
        // The first pair warms up.
        for run in 0...Self.runs {
            let ours = try fetch(master, snapshot, "\(directory)/run\(run)")
            try workspace.flush()
            let target = "\(directory)/bare\(run)"
            try FileSystem.makeDirectories(target)
            let (output, cost) = try workspace.run(
                bare.fetchCommand(torrent, to: target, address: "127.0.0.9", from: seed.port), from: seed.process)
            let outcome = try JSONDecoder().decode(BareTorrent.Outcome.self, from: Data(output.utf8))
            for name in ["run\(run)", "bare\(run)"] { try FileSystem.removeTree("\(directory)/\(name)") }
            guard run > 0 else { continue }
            rates.append((Double(bytes) / ours.wall, Double(bytes) / outcome.finished))
            costs.append((ours.cpu, cost.cpu))
            ledger.step(
                "  \(Quantity.rate(rates[run - 1].ours)) by a node, \(Quantity.rate(rates[run - 1].bare)) by libtorrent alone"
            )
        }
        add(rates, costs)
        try seed.process.stop()
        try master.stop()
    }

    /// Until the snapshot is active: checked from the disk, and synced to it.
    private func fetch(_ master: SwarmMaster, _ snapshot: SnapshotID, _ directory: String) throws -> (
        wall: Double, cpu: Double
    ) {
        let node = try SwarmMirror(master, 0, directory: directory)
        try workspace.flush()
        let started = Date().timeIntervalSince1970
        try node.start()
        let moment = try SwarmMirror.await([node], snapshot)[0]
        defer { try? node.stop() }
        return (moment - started, try node.cpu)
    }

    private func add(_ rates: [(ours: Double, bare: Double)], _ costs: [(ours: Double, bare: Double)]) {
        // The pair with the median ratio: a machine that is busier for a while slows both of a pair.
        let pair = rates.sorted { $0.ours / $0.bare < $1.ours / $1.bare }[rates.count / 2]
        ledger.add(
            Row(
                Self.section, "start to active, \(Quantity.bytes(Double(bytes))): rate", .rate(pair.ours),
                against: "bare libtorrent", .rate(pair.bare), goal: .ratio(atLeast: 0.95)))
        let cost = costs.sorted { $0.ours / $0.bare < $1.ours / $1.bare }[costs.count / 2]
        ledger.add(
            Row(
                Self.section, "the same: CPU of the node", .seconds(cost.ours), against: "bare libtorrent",
                .seconds(cost.bare)))
    }
}
