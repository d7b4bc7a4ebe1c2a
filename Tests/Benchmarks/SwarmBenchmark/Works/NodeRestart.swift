import Foundation
import SwarmCore

/// A node with all its torrents in session: its memory, and how soon it seeds again after a restart with warm caches.
struct NodeRestart {
    private let work: MirroringWork
    private let node: SwarmMirror

    init(_ work: MirroringWork, _ node: SwarmMirror) {
        self.work = work
        self.node = node
    }

    /// Adds the lines to the table. The node runs before and after.
    func measure() throws {
        let isSmaller = work.tree.shape.files < 1_000_000
        let peak = node.daemon?.memory() ?? 0
        work.ledger.add(
            Row(
                work.section, "node, after four updates: peak memory", .bytes(Double(peak)),
                goal: .atMost(.bytes(700e6)), isSmaller: isSmaller))
        var walls: [Double] = []
        var costs: [Double] = []
        for _ in 0..<3 {
            try node.stop()
            try node.start()
            guard let daemon = node.daemon else { return }
            _ = try Interruption.wait(for: "the start of a node", within: .seconds(300)) { () -> Bool? in
                guard daemon.isRunning else { throw daemon.failure }
                return node.status()?.newest == nil ? nil : true
            }
            walls.append((try rest(daemon) - daemon.started).seconds)
            costs.append(try daemon.cpu)
        }
        work.ledger.add(
            Row(
                work.section, "node, warm start until all is seeded: wall", .seconds(Statistics.median(walls) ?? 0),
                goal: .atMost(.seconds(5)), isSmaller: isSmaller))
        work.ledger.add(
            Row(work.section, "node, warm start until all is seeded: CPU", .seconds(Statistics.median(costs) ?? 0)))
        work.ledger.add(
            Row(
                work.section, "node, all in session: memory", .bytes(Double(node.daemon?.memory("VmRSS") ?? 0)),
                goal: .atMost(.bytes(700e6)), isSmaller: isSmaller))
    }

    /// When a process came to rest: a node does so once every torrent is offered, which it does beside everything else.
    private func rest(_ daemon: ChildProcess) throws -> ContinuousClock.Instant {
        var (cpu, moment) = (try daemon.cpu, ContinuousClock.now)
        while ContinuousClock.now - moment < .milliseconds(700) {
            try Interruption.pause(.milliseconds(20))
            let now = try daemon.cpu
            if now - cpu > 0.003 { (cpu, moment) = (now, .now) }
        }
        return moment
    }
}
