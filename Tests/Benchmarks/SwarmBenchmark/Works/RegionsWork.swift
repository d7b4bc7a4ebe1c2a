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
        try master.announce(to: ["udp://\(RegionNetwork.routerAddress):\(Self.trackerPort)/announce"])
        let snapshot = try master.snapshot().report.snapshot
        let near = try distribute(snapshot, tree.bytes, master, network, isNearFirst: true)
        let random = try distribute(snapshot, tree.bytes, master, network, isNearFirst: false)
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
        _ snapshot: SnapshotID, _ bytes: Int64, _ master: SwarmMaster, _ network: RegionNetwork, isNearFirst: Bool
    ) throws -> Outcome {
        let directory = workspace["\(Self.section)/\(isNearFirst ? "near" : "random")"]
        try FileSystem.makeDirectories(directory)
        try master.serve(at: RegionNetwork.address(region: 0, host: 0), wrapper: network.inRegion(0))
        let tracker = try startTracker(master, network, directory, isNearFirst: isNearFirst)
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

    /// Starts a tracker, and waits until the master has announced itself there.
    private func startTracker(
        _ master: SwarmMaster, _ network: RegionNetwork, _ directory: String, isNearFirst: Bool
    ) throws -> ChildProcess {
        let configuration = "\(directory)/tracker.toml"
        let endpoint = "\(RegionNetwork.routerAddress):\(Self.trackerPort)"
        let places = (0..<Self.regions).map { region in
            "[[place]]\nprefix = \"10.\(region + 1).0.0/16\"\nregion = \"region-\(region)\"\n"
        }
        let text = """
            listen = ["\(endpoint)"]
            store = "\(directory)/tracker.sqlite"
            near-first = \(isNearFirst)
            interval = "30s"
            min-interval = "10s"
            [probes]
            enabled = false
            [[set]]
            name = "\(SwarmMaster.setName)"
            upstream = "http://\(master.address)"
            key = "\(master.key)"
            \(places.joined())
            """
        try text.write(toFile: configuration, atomically: true, encoding: .utf8)
        let daemon = try workspace.start(
            network.atRouter + [workspace.program("swarm-tracker"), "run", "--config", configuration])
        struct Peers: Decodable { let peers: Int }
        _ = try Interruption.wait(for: "the master's announce", within: .seconds(120)) { () -> Bool? in
            guard daemon.isRunning else { throw daemon.failure }
            try Interruption.pause(.milliseconds(500))
            let command = [
                workspace.program("swarm-tracker"), "report", "--json", "--tracker", "http://\(endpoint)",
            ]
            guard let answer = try? workspace.run(network.atRouter + command) else { return nil }
            let report = try JSONDecoder().decode(Peers.self, from: Data(answer.output.utf8))
            return report.peers > 0 ? true : nil
        }
        return daemon
    }
}
