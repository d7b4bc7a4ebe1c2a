import Foundation

/// What is measured, in which sizes, and in which order.
public struct BenchmarkRun {
    /// A part of the benchmark that can be run by itself.
    public enum Part: String, CaseIterable, Sendable {
        /// The tree of full size, with 1 and 8 mirrors.
        case tree
        /// A quarter of it, with every number of mirrors.
        case mirrors
        /// A hundredth of it, with one mirror.
        case small
        /// Files of the sizes of packages.
        case packages
        /// Polls, and nodes that wait.
        case poll
        /// System calls.
        case calls
        /// One seed, one node.
        case transfer
        /// A master with a slow line.
        case limited
        /// Announces and reports.
        case tracker
        /// Regions with slow lines between them.
        case regions
    }

    /// What to run.
    public var parts: [Part]
    /// Files of the full tree.
    public var files: Int
    /// Numbers of mirrors.
    public var mirrors: [Int]

    /// A run.
    public init(parts: [Part], files: Int, mirrors: [Int]) {
        self.parts = parts
        self.files = files
        self.mirrors = mirrors
    }

    /// Trees of one part, in the order of the table.
    private func trees(_ part: Part) -> (section: String, shape: TreeShape, mirrors: [Int])? {
        switch part {
        case .tree: Self.tree(.tiny(files: files), mirrors.filter { $0 <= 8 })
        case .mirrors: Self.tree(.tiny(files: max(100, files / 4)), mirrors)
        case .small: Self.tree(.tiny(files: max(100, files / 100)), [1])
        case .packages: Self.tree(.packages(files: min(500, max(100, files / 200))), mirrors.filter { $0 <= 8 })
        case .poll, .calls, .transfer, .limited, .tracker, .regions: nil
        }
    }

    private static func tree(_ shape: TreeShape, _ mirrors: [Int]) -> (section: String, TreeShape, mirrors: [Int])? {
        mirrors.isEmpty ? nil : ("\(shape.files) \(shape.name)", shape, mirrors)
    }

    private var limitedBytes: Int64 { min(1_000_000_000, max(50_000_000, Int64(files) * 25_000)) }

    /// Bytes on the disk that the largest part takes.
    public var neededBytes: Int64 {
        parts.map { part -> Int64 in
            switch part {
            case .tree, .mirrors, .small, .packages:
                guard let tree = trees(part) else { return 0 }
                // A small file takes up to a block more than its bytes.
                let size = tree.shape.expectedBytes + Int64(tree.shape.files) * 4096
                // The source, two mirrors of each number at a time, a torrent client's copy, and what changed.
                let copies = 2 * Int64(tree.mirrors.max() ?? 0) + (part == .tree ? 3 : 2)
                // Of directories each tree on the master and each of the mirrors' has its own.
                let directories = Int64(tree.shape.directories) * 4096 * (5 * copies + 5)
                return size * copies + directories + 2_000_000_000
            case .poll, .calls: return 2_000_000_000
            case .tracker: return 100_000_000
            case .regions: return 3_000_000_000
            case .transfer: return 4 * limitedBytes + 1_000_000_000
            case .limited: return 11 * limitedBytes + 1_000_000_000
            }
        }.max() ?? 0
    }

    /// Runs the parts; what they find is in the ledger.
    /// What lies in the workspace at the end of a part is removed, unless it is to be kept.
    public func run(_ workspace: Workspace, _ ledger: Ledger, keep: Bool) throws {
        for part in Part.allCases where parts.contains(part) {
            if let (section, shape, mirrors) = trees(part) {
                let work = try MirroringWork(
                    workspace, ledger, section: section, shape: shape, mirrors: mirrors, isDetailed: part == .tree)
                try work.run()
                if part == .tree { for row in work.publishing.rows(section, files: shape.files) { ledger.add(row) } }
            }
            switch part {
            case .tree, .mirrors, .small, .packages: break
            case .poll: try PollWork(workspace: workspace, ledger: ledger, files: min(files, 10_000)).run()
            case .calls: try SystemCallsWork(workspace: workspace, ledger: ledger, files: min(files, 10_000)).run()
            case .transfer: try TransferWork(workspace: workspace, ledger: ledger, bytes: limitedBytes / 2).run()
            case .limited: try LimitedMasterWork(workspace: workspace, ledger: ledger, bytes: limitedBytes).run()
            case .tracker: try TrackerWork(workspace: workspace, ledger: ledger).run()
            case .regions: try RegionsWork(workspace: workspace, ledger: ledger).run()
            }
            if !keep { try workspace.renew() }
        }
        // Only now is known what a poll costs, which is compared with the other techniques' looks at a tree.
        for part in parts {
            guard let (section, shape, mirrors) = trees(part) else { continue }
            let rows = MirroringRows(section: section, shape: shape, ledger: ledger)
            switch part {
            case .tree: rows.addAll(mirrors)
            case .packages: rows.addUpdates(mirrors)
            case .mirrors: rows.addGrowth(mirrors)
            // The smallest tree is for the picture; as little as it is, programs' starts are most of what it costs.
            case .small, .poll, .calls, .transfer, .limited, .tracker, .regions: break
            }
        }
    }
}
