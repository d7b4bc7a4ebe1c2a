import FileTree
import Foundation
import SwarmCore

/// One snapshot on its way to nodes in three regions with slow lines between them: how often it crosses these lines, and
/// how long it takes, when the tracker names near peers first and when it names anybody.
struct RegionsWork {
    let workspace: Workspace
    let ledger: Ledger

    private static let section = "regions"
    private static let regions = 3
    private static let nodesPerRegion = 3
    private static let shape = TreeShape.packages(files: 75)
    private static let trackerPort: UInt16 = 6969

    /// What one run came to.
    private struct Outcome {
        /// Bytes that went from one region to another, in copies of the snapshot.
        var crossings: Double
        /// Seconds until the last node had it.
        var completion: Double
        /// Bytes that each node got from the master, in copies.
        var fromMaster: Double
    }

    func run() throws {
        if let obstacle = RegionNetwork.obstacle {
            ledger.step("regions: skipped, \(obstacle)")
            return
        }
        let directory = workspace[Self.section]
        let tree = try GeneratedTree("\(directory)/source", Self.shape)
        let size = Quantity.bytes(Double(tree.bytes))
        ledger.step("regions: \(size) to \(Self.regions) regions of \(Self.nodesPerRegion) nodes")
        let network = try RegionNetwork(workspace, regions: Self.regions, hosts: 1 + Self.nodesPerRegion)
        if !network.isDelayed { ledger.step("  this kernel has no netem: the lines are slow, but without delay") }
        let master = try SwarmMaster(workspace, source: tree.root, store: "\(directory)/store")
        let tracker = SwarmTracker(
            workspace, at: Endpoint(host: RegionNetwork.routerAddress, port: Self.trackerPort))
        try master.announce(to: [tracker.announceURL])
        let snapshot = try master.snapshot().report.snapshot
        let near = try distribute(snapshot, tree.bytes, master, tracker, network, isNearFirst: true)
        let random = try distribute(snapshot, tree.bytes, master, tracker, network, isNearFirst: false)
        let least = Double(Self.regions - 1)
        let rate = "\(RegionNetwork.rate / 1_000_000) Mbit/s"
        ledger.add(
            Row(
                Self.section, "\(size) over lines of \(rate): crossings, in parts of the fewest",
                .copies(near.crossings / least), against: "peers at random", .copies(random.crossings / least),
                goal: .atMost(.copies(2))))
        ledger.add(
            Row(
                Self.section, "the same: copies sent by the master", .copies(near.fromMaster),
                against: "peers at random", .copies(random.fromMaster)))
        ledger.add(
            Row(
                Self.section, "the same: until the last of \(Self.regions * Self.nodesPerRegion) nodes has it",
                .seconds(near.completion), against: "peers at random", .seconds(random.completion),
                goal: .ratio(atMost: 1.15)))
    }

    private func distribute(
        _ snapshot: SnapshotID, _ bytes: Int64, _ master: SwarmMaster, _ tracker: SwarmTracker,
        _ network: RegionNetwork, isNearFirst: Bool
    ) throws -> Outcome {
        let directory = workspace["\(Self.section)/\(isNearFirst ? "near" : "random")"]
        try FileSystem.makeDirectories(directory)
        try master.serve(at: RegionNetwork.address(region: 0, host: 0), wrapper: network.inRegion(0))
        let places = (0..<Self.regions).map { region in
            "[[place]]\nprefix = \"10.\(region + 1).0.0/16\"\nregion = \"region-\(region)\"\n"
        }
        let settings = "near-first = \(isNearFirst)\ninterval = \"30s\"\nmin-interval = \"10s\""
        try tracker.start(
            following: master, directory: directory, settings: settings, tables: places.joined(),
            wrapper: network.atRouter)
        var nodes: [(mirror: SwarmMirror, region: Int)] = []
        // One region after the other, as nobody would start them: turn by turn.
        for number in 0..<Self.nodesPerRegion {
            for region in 0..<Self.regions {
                let mirror = try SwarmMirror(
                    master, nodes.count, directory: directory,
                    address: RegionNetwork.address(region: region, host: 1 + number))
                nodes.append((mirror, region))
            }
        }
        try workspace.flush()
        let before = try network.crossed()
        let started = Date().timeIntervalSince1970
        for node in nodes { try node.mirror.start(wrapper: network.inRegion(node.region)) }
        let mirrors = nodes.map(\.mirror)
        let completion = try SwarmMirror.await(mirrors, snapshot).map { $0 - started }
        let crossed = try network.crossed() - before
        let statuses = try mirrors.map { try $0.status(of: snapshot) }
        let outcome = Outcome(
            crossings: Double(crossed) / Double(bytes), completion: completion.max() ?? 0,
            fromMaster: Double(statuses.reduce(0) { $0 + $1.bytesFromMaster + $1.bytesFromHTTP }) / Double(bytes))
        ledger.step(
            "  \(isNearFirst ? "near first" : "at random"): \(digits(outcome.crossings)) copies crossed, all done after "
                + "\(Quantity.seconds(outcome.completion)); \(digits(outcome.fromMaster)) copies from the master, "
                + "\(Quantity.bytes(Double(statuses.reduce(0) { $0 + $1.bytesFromHTTP }))) of them by HTTP")
        for mirror in mirrors { try mirror.stop() }
        try tracker.stop()
        try master.stop()
        return outcome
    }
}
