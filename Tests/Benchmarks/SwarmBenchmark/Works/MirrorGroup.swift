import FileTree
import Foundation
import SwarmCore

/// A number of mirrors that follow the tree of a `MirroringWork` over its next four changes, by each technique.
///
/// The first tree of a node is fetched, the second and third are linked from the one before, and the fourth is made from
/// the first, which has expired by then. That is how it goes on; so the third and fourth change are what is compared:
/// the third with rsync and with a torrent, the fourth with the technique of quick-fedora-mirror on rsync's mirrors.
final class MirrorGroup {
    private let work: MirroringWork
    private let count: Int
    private let directory: String
    private let list: String
    private var nodes: [SwarmMirror] = []

    private var workspace: Workspace { work.workspace }
    private var tree: GeneratedTree { work.tree }
    private var isSingle: Bool { count == 1 && work.isDetailed }

    /// Files of a torrent that a stock client is given: with 700,000 it was not done after ten minutes.
    private static let stockLimit = 200_000

    init(_ work: MirroringWork, count: Int) throws {
        self.work = work
        self.count = count
        directory = "\(work.directory)/mirrors-\(count)"
        list = "\(work.directory)/list"
        for number in 0..<count { try FileSystem.makeDirectories("\(directory)/r\(number)") }
    }

    func run() throws {
        let newest = try work.master.feed().feed.newest?.uuid
        guard let newest else { throw BenchmarkError("the feed is empty") }
        try startNodes(newest)
        try rsync(.first)
        try rsync(.unchanged)
        try quickUnchanged()
        for update in 1...4 {
            if update == 3, isSingle { try stockTorrent(.first, TreeChange(), update - 1) }
            let change = try tree.change(tree.shape.changedShare)
            try updateNodes(change, update)
            switch update {
            case 3:
                if isSingle {
                    try linkDest(change, update)
                    try stockTorrent(.update, change, update)
                }
                try rsync(.update, change, update)
                try refreshLists()
            case 4: try quickUpdate(change, update)
            default: try catchUp()
            }
        }
        if isSingle { try NodeRestart(work, nodes[0]).measure() }
        for node in nodes { try node.stop() }
    }

    // MARK: Ours

    private func startNodes(_ snapshot: SnapshotID) throws {
        nodes = try (0..<count).map { try SwarmMirror(work.master, $0, directory: directory) }
        try workspace.flush()
        let masterBefore = try work.master.cpu
        let started = Date().timeIntervalSince1970
        for node in nodes { try node.start() }
        let moments = try SwarmMirror.await(nodes, snapshot)
        var cost = Distribution(.swarm, .first, tree: tree.shape, mirrors: count)
        cost.publishCPU = work.publishing.first?.cpu ?? 0
        cost.bytesNew = tree.bytes
        try complete(&cost, snapshot, moments.map { $0 - started }, masterBefore, nodes.map { _ in 0 })
    }

    private func updateNodes(_ change: TreeChange, _ update: Int) throws {
        try workspace.flush()
        let masterBefore = try work.master.cpu
        let nodesBefore = try nodes.map { try $0.cpu }
        let (snapshot, published) = try work.publish(change, update: update)
        let moments = try SwarmMirror.await(nodes, snapshot)
        var cost = Distribution(.swarm, .update, tree: tree.shape, mirrors: count)
        cost.update = update
        cost.publishCPU = published.cpu
        cost.bytesNew = change.newBytes
        let written = try work.master.feed().written
        try complete(&cost, snapshot, moments.map { $0 - written }, masterBefore, nodesBefore)
    }

    private func complete(
        _ cost: inout Distribution, _ snapshot: SnapshotID, _ completion: [Double], _ masterBefore: Double,
        _ nodesBefore: [Double]
    ) throws {
        try SwarmMirror.awaitSpares(nodes, snapshot)
        try SwarmMirror.settle(nodes.compactMap(\.daemon) + work.master.daemons)
        cost.completion = completion
        cost.wall = completion.max() ?? 0
        cost.masterCPU = try work.master.cpu - masterBefore
        for (node, before) in zip(nodes, nodesBefore) {
            cost.mirrorCPU += try node.cpu - before
            let status = try node.status(of: snapshot)
            cost.bytesMetadata += status.bytesMetadata
            cost.bytesContent += status.bytesFetched
            cost.bytesFromMaster += status.bytesFromMaster + status.bytesFromHTTP + status.bytesMetadata
            cost.bytesFromMirrors += status.bytesFromPeers
            cost.mirrorMemory = max(cost.mirrorMemory, node.daemon?.memory() ?? 0)
        }
        work.ledger.add(cost)
        if isSingle, cost.update == 3 { try addMetadataRow(cost, snapshot) }
    }

    /// How much of the torrents a node had to fetch to know what to do.
    private func addMetadataRow(_ cost: Distribution, _ snapshot: SnapshotID) throws {
        let torrents = try work.master.manifest(snapshot).shards.reduce(0) { $0 + $1.torrent.size }
        work.ledger.add(
            Row(
                work.section, "1 %, 1 mirror: metadata fetched", .bytes(Double(cost.bytesMetadata)),
                against: "torrents",
                .bytes(Double(torrents)), goal: .ratio(atMost: 0.015, "≤ 1.5 %")))
    }

    // MARK: rsync

    private func rsync(_ kind: Distribution.Work, _ change: TreeChange? = nil, _ update: Int = 0) throws {
        let (results, masterCPU) = try runRsync()
        var cost = Distribution(.rsync, kind, tree: tree.shape, mirrors: count)
        cost.update = update
        try add(cost, results, masterCPU, change)
    }

    /// Brings rsync's mirrors up to date for a change that is not compared.
    private func catchUp() throws { _ = try runRsync() }

    private func runRsync() throws -> (results: [(output: String, cost: ProcessCost)], masterCPU: Double) {
        try workspace.flush()
        try FileSystem.makeDirectories(list)
        let daemon = try RsyncDaemon(workspace, tree: tree.root, list: list)
        let results = try workspace.runAll((0..<count).map { daemon.mirrorCommand("\(directory)/r\($0)/tree") })
        return (results, try daemon.stop())
    }

    private func linkDest(_ change: TreeChange, _ update: Int) throws {
        try workspace.flush()
        let daemon = try RsyncDaemon(workspace, tree: tree.root, list: list)
        let before = "\(directory)/r0/tree"
        let results = try workspace.runAll([
            daemon.mirrorCommand("\(directory)/r0/linked", ["--link-dest", before])
        ])
        var cost = Distribution(.linkDest, .update, tree: tree.shape, mirrors: 1)
        cost.update = update
        try add(cost, results, try daemon.stop(), change)
        let copy = try workspace.run(["cp", "-al", before, "\(directory)/r0/copied"]).cost
        work.ledger.step("  cp -al: \(Quantity.seconds(copy.wall)), CPU \(Quantity.seconds(copy.cpu))")
        guard let ours = work.ledger.distributions.last(where: { $0.technique == .swarm }) else { return }
        work.ledger.add(
            Row(
                work.section, "next tree on a mirror: CPU", .seconds(ours.mirrorCPU), against: "cp -al alone",
                .seconds(copy.cpu)))
        work.ledger.add(
            Row(
                work.section, "next tree on a mirror: CPU", .seconds(ours.mirrorCPU), against: "rsync --link-dest",
                .seconds(results[0].cost.cpu)))
    }

    private func add(
        _ distribution: Distribution, _ results: [(output: String, cost: ProcessCost)], _ masterCPU: Double,
        _ change: TreeChange?
    ) throws {
        var cost = distribution
        cost.masterCPU = masterCPU
        cost.bytesNew = change?.newBytes ?? (cost.work == .first ? tree.bytes : 0)
        for (output, process) in results {
            let traffic = RsyncDaemon.Traffic(output)
            cost.mirrorCPU += process.cpu
            cost.bytesFromMaster += traffic.received
            cost.bytesToMaster += traffic.sent
            cost.bytesContent += traffic.content
            cost.completion.append(process.wall)
            cost.mirrorMemory = max(cost.mirrorMemory, process.memory)
        }
        cost.wall = cost.completion.max() ?? 0
        work.ledger.add(cost)
    }

    // MARK: quick-fedora-mirror

    private func refreshLists() throws {
        _ = try QuickMirror.makeList(workspace, tree: tree.root, to: list)
        for mirror in quickMirrors { try mirror.adopt(list: list) }
    }

    private var quickMirrors: [QuickMirror] {
        (0..<count).map { QuickMirror(workspace: workspace, directory: "\(directory)/r\($0)") }
    }

    private func quickUnchanged() throws {
        try refreshLists()
        let daemon = try RsyncDaemon(workspace, tree: tree.root, list: list)
        let listing = try QuickMirror.makeList(workspace, tree: tree.root, to: list)
        let results = try workspace.runAll(quickMirrors.map { $0.updateCommand(daemon) })
        var cost = Distribution(.quick, .unchanged, tree: tree.shape, mirrors: count)
        cost.publishCPU = listing.cpu
        try add(cost, results, try daemon.stop(), nil)
    }

    private func quickUpdate(_ change: TreeChange, _ update: Int) throws {
        let listing = try QuickMirror.makeList(workspace, tree: tree.root, to: list)
        try workspace.flush()
        let daemon = try RsyncDaemon(workspace, tree: tree.root, list: list)
        let results = try workspace.runAll(quickMirrors.map { $0.updateCommand(daemon) })
        var cost = Distribution(.quick, .update, tree: tree.shape, mirrors: count)
        cost.update = update
        cost.publishCPU = listing.cpu
        try add(cost, results, try daemon.stop(), change)
    }

    // MARK: A torrent for each snapshot

    /// One mirror with libtorrent as it comes, which checks all that is on its disk before it fetches what differs.
    private func stockTorrent(_ kind: Distribution.Work, _ change: TreeChange, _ update: Int) throws {
        guard tree.shape.files <= Self.stockLimit else { return }
        let client = BareTorrent(workspace: workspace, settings: .stock)
        let torrent = "\(directory)/\(kind.rawValue).torrent"
        let made = try client.make(tree.root, torrent: torrent)
        let seed = try client.seed(torrent, from: (tree.root as NSString).deletingLastPathComponent)
        try FileSystem.makeDirectories("\(directory)/stock")
        try workspace.flush()
        let command = client.fetchCommand(torrent, to: "\(directory)/stock", address: "127.0.0.2", from: seed.port)
        let (output, process) = try workspace.run(command, from: seed.process)
        let outcome = try JSONDecoder().decode(BareTorrent.Outcome.self, from: Data(output.utf8))
        var cost = Distribution(.stockTorrent, kind, tree: tree.shape, mirrors: 1)
        cost.update = update
        cost.publishCPU = made.cpu
        cost.masterCPU = try seed.process.stop().cpu
        cost.mirrorCPU = process.cpu
        cost.wall = outcome.finished
        cost.completion = [outcome.finished]
        cost.bytesContent = outcome.downloaded
        cost.bytesFromMaster = outcome.downloaded + (try FileSystem.status(torrent)?.size ?? 0)
        cost.bytesMetadata = try FileSystem.status(torrent)?.size ?? 0
        cost.bytesNew = kind == .first ? tree.bytes : change.newBytes
        cost.mirrorMemory = process.memory
        work.ledger.add(cost)
    }
}
