import FileTree
import Foundation
import SwarmCore

/// A tree that is published, mirrored, and changed again and again, by ours and by the other techniques side by side.
final class MirroringWork {
    let workspace: Workspace
    let ledger: Ledger
    let section: String
    let tree: GeneratedTree
    let master: SwarmMaster
    let directory: String
    private let name: String
    /// What publishing cost, apart from how the snapshot is spread.
    var publishing = PublishingMeasures()
    /// Whether one mirror is also kept by the techniques for single mirrors, and its node measured at a restart.
    let isDetailed: Bool
    private let counts: [Int]

    /// Generates the tree and makes the store. `counts` are the numbers of mirrors, one after the other.
    init(
        _ workspace: Workspace, _ ledger: Ledger, section: String, shape: TreeShape, mirrors counts: [Int],
        isDetailed: Bool
    ) throws {
        self.isDetailed = isDetailed
        self.workspace = workspace
        self.ledger = ledger
        self.section = section
        self.counts = counts
        name = "\(shape.files)-\(shape.name.prefix(4))"
        directory = workspace[name]
        ledger.step("\(section), up to \(counts.max() ?? 1) mirrors")
        tree = try GeneratedTree("\(directory)/source", shape)
        ledger.step("  \(tree.files) files with \(Quantity.bytes(Double(tree.bytes))) generated")
        master = try SwarmMaster(workspace, source: tree.root, store: "\(directory)/store")
    }

    /// All of it.
    func run() throws {
        try publishFirst()
        if isDetailed { try settle() }
        for count in counts {
            // As a network of mirrors has. Without a tracker they would all turn to the master, and a single one has to.
            if count > 1, master.tracker == nil { try master.useTracker() }
            try master.serve()
            try MirrorGroup(self, count: count).run()
            try master.stop()
            try workspace.discard("\(name)/mirrors-\(count)")
        }
    }

    /// The first snapshot, and those of a source that did not change.
    private func publishFirst() throws {
        try workspace.flush()
        publishing.first = try master.snapshot().cost
        ledger.step("  published in \(Quantity.seconds(publishing.first?.cpu ?? 0)) of CPU")
        // Names and inodes are in the kernel's caches from here on, for both.
        for _ in 0..<3 {
            let find = try workspace.run(["find", tree.root, "-printf", "%p %s %T@ %C@ %i\\n"]).cost
            let scan = try master.snapshot().cost
            let named = try master.snapshot(changes: [tree.someFile]).cost
            publishing.unchanged.append((find: find, scan: scan, named: named))
        }
    }

    /// Publishes changes until a tree expires and can be made over: the store's first trees are linked file by file. That
    /// is how it goes on, and so it is what is compared.
    private func settle() throws {
        for _ in 1...4 {
            _ = try tree.change(tree.shape.changedShare)
            publishing.linked.append(try master.snapshot().cost)
        }
    }

    /// Publishes a change: every second one by `--changes`.
    func publish(_ change: TreeChange, update: Int) throws -> (snapshot: SnapshotID, cost: ProcessCost) {
        let byName = update % 2 == 0
        let hashing = byName ? 0 : try cpuOfHashing(change)
        let (report, cost) = try master.snapshot(changes: byName ? change.paths : nil)
        if byName {
            publishing.named.append((change, cost))
        } else {
            publishing.scanned.append(.init(change: change, hashing: hashing, report: report, cost: cost))
        }
        return (try report.snapshot, cost)
    }

    /// What it takes plain programs to read and hash once what changed: by SHA-256, and by SHA-1 for the pieces.
    private func cpuOfHashing(_ change: TreeChange) throws -> Double {
        let files = change.paths.map { "\(tree.root)/\($0)" }.filter { FileSystem.exists($0) }
        return try ["sha256sum", "sha1sum"].reduce(0) { try $0 + workspace.run([$1] + files).cost.cpu }
    }
}

/// What publishing cost.
struct PublishingMeasures {
    /// The first snapshot, for which everything is read.
    var first: ProcessCost?
    /// A scan by `find`, one by us, and a look at one named path, in turn.
    var unchanged: [(find: ProcessCost, scan: ProcessCost, named: ProcessCost)] = []
    /// Changes in the time when the store has no tree to make over yet.
    var linked: [ProcessCost] = []
    /// A change that was found by a scan.
    struct Scanned {
        let change: TreeChange
        /// Seconds of CPU that hashing it takes at least.
        let hashing: Double
        let report: SwarmMaster.Report
        let cost: ProcessCost
    }

    /// Changes that were found by a scan.
    var scanned: [Scanned] = []
    /// Changes that were given by name.
    var named: [(change: TreeChange, cost: ProcessCost)] = []

    /// The lines of the table.
    func rows(_ section: String, files: Int) -> [Row] {
        let isSmaller = files < 1_000_000
        var rows: [Row] = []
        func median(_ values: [Double]) -> Double { Statistics.median(values) ?? 0 }
        let find = median(unchanged.map(\.find.cpu))
        let scan = median(unchanged.map(\.scan.cpu))
        if let first {
            rows.append(Row(section, "publish, first: CPU", .seconds(first.cpu)))
            rows.append(
                Row(
                    section, "publish, first: peak memory", .bytes(Double(first.memory)), goal: .atMost(.bytes(500e6)),
                    isSmaller: isSmaller))
        }
        rows.append(
            Row(
                section, "publish, no change: CPU", .seconds(scan), against: "find -printf", .seconds(find),
                goal: .ratio(atMost: 1.5)))
        rows.append(
            Row(
                section, "publish, no change, --changes: wall", .seconds(median(unchanged.map(\.named.wall))),
                goal: .atMost(.seconds(0.05)), isSmaller: isSmaller))
        func mean(_ bytes: (Scanned) -> Int64) -> Quantity {
            .bytes(scanned.reduce(0) { $0 + Double(bytes($1)) } / Double(max(1, scanned.count)))
        }
        let new = mean { $0.change.newBytes + $0.change.relinkedBytes }
        rows.append(
            Row(
                section, "publish, 1 %: bytes read", mean { $0.report.bytesRead }, against: "changed bytes", new,
                goal: .ratio(atMost: 1, "≤ 1 x")))
        rows.append(
            Row(
                section, "publish, 1 %: read for shared pieces", mean { $0.report.bytesReadForPieces },
                against: "changed bytes", new))
        rows.append(
            Row(
                section, "publish, 1 %: CPU beside hashing", .seconds(median(scanned.map { $0.cost.cpu - $0.hashing })),
                against: "no change", .seconds(scan), goal: .ratio(atMost: 2)))
        rows.append(Row(section, "publish, 1 %: CPU in all", .seconds(median(scanned.map(\.cost.cpu)))))
        rows.append(Row(section, "the store's first updates: CPU", .seconds(median(linked.map(\.cpu)))))
        rows.append(
            Row(
                section, "publish, 1 %: peak memory", .bytes(median(scanned.map { Double($0.cost.memory) })),
                goal: .atMost(.bytes(500e6)), isSmaller: isSmaller))
        if !named.isEmpty {
            rows.append(
                Row(section, "publish, 1 %, --changes: wall", .seconds(median(named.map(\.cost.wall)))))
            rows.append(Row(section, "publish, 1 %, --changes: CPU", .seconds(median(named.map(\.cost.cpu)))))
        }
        return rows
    }
}
