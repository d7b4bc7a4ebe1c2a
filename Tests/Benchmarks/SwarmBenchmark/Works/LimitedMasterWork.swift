import FileTree
import Foundation
import SwarmCore

/// Eight nodes behind a master whose line carries ten megabytes per second: how far from the time of one copy all are.
struct LimitedMasterWork {
    let workspace: Workspace
    let ledger: Ledger
    let bytes: Int64

    private static let section = "limited master"
    private static let nodes = 8
    private static let rate = 10e6

    func run() throws {
        ledger.step("limited master: \(Quantity.bytes(Double(bytes))) to \(Self.nodes) nodes at 10 MB/s")
        let directory = workspace["limited"]
        let tree = try GeneratedTree("\(directory)/source", .large(bytes: bytes, fileSize: 8 << 20))
        let master = try SwarmMaster(workspace, source: tree.root, store: "\(directory)/store")
        let snapshot = try master.snapshot().report.snapshot
        try master.serve(uploadLimit: "10MB")
        let nodes = try (0..<Self.nodes).map { try SwarmMirror(master, $0, directory: directory) }
        try workspace.flush()
        let started = Date().timeIntervalSince1970
        for node in nodes { try node.start() }
        let completion = try SwarmMirror.await(nodes, snapshot).map { $0 - started }
        let masterCPU = try master.cpu
        let copies = Double(try master.uploaded()) / Double(tree.bytes)
        let once = Double(tree.bytes) / Self.rate
        let size = Quantity.bytes(Double(tree.bytes))
        for share in [0.5, 0.9] {
            ledger.add(
                Row(
                    Self.section, "\(Int(share * 100)) % of the nodes have \(size)",
                    .seconds(Statistics.percentile(share, of: completion) ?? 0), against: "one copy", .seconds(once)))
        }
        ledger.add(
            Row(
                Self.section, "all nodes have \(size)", .seconds(completion.max() ?? 0), against: "one copy",
                .seconds(once), goal: .ratio(atMost: 1.12)))
        ledger.add(
            Row(Self.section, "copies sent by the master", .copies(copies), goal: .atMost(.copies(1.1))))
        ledger.add(Row(Self.section, "master CPU", .seconds(masterCPU)))
        for node in nodes { try node.stop() }
        try master.stop()
    }
}
