import FoundationEssentials
import SwarmCore

@testable import TrackerCore

/// 2026-03-01 12:00:00 UTC.
let noon = Date(timeIntervalSince1970: 1_772_366_400)

/// A snapshot's name out of its serial.
func snapshot(_ serial: Int) -> SnapshotID {
    let digits = String(serial)
    guard let id = SnapshotID(String(repeating: "0", count: 8 - digits.count) + digits + "-0000-4000-8000-000000000000")
    else { preconditionFailure("\(serial) is no serial") }
    return id
}

/// A node's name.
func node(_ text: String) -> NodeName {
    guard let name = NodeName(text) else { preconditionFailure("\(text) is no name") }
    return name
}

/// A feed of `debian` with snapshots of 1000 bytes each.
func feed(_ serials: [Int], hold: Bool = false) -> Feed {
    let digest = SHA256Digest(bytes: [UInt8](repeating: 0, count: 32))
    guard let digest else { preconditionFailure("32 bytes") }
    return Feed(
        set: set("debian"), version: 7, issued: noon, expires: noon.addingTimeInterval(86_400),
        snapshots: serials.map {
            Feed.Entry(
                uuid: snapshot($0), serial: Serial($0), created: noon.addingTimeInterval(-720),
                manifest: Pinned(size: 1, sha256: digest), files: 10, bytes: 1000,
                activation: Activation(hold: hold, notBefore: noon))
        })
}

/// A report of a node that fetches, or has, one snapshot of `debian`.
func report(
    _ name: String, serial: Int = 1, state: NodeStatus.State = .fetching, had: Int64 = 0, of total: Int64 = 1000,
    rate: Int = 0, isFiltered: Bool = false, current: Int? = nil, error: String? = nil
) -> NodeReport {
    var status = NodeStatus.Snapshot(uuid: snapshot(serial), serial: Serial(serial), state: state)
    status.bytesTotal = total
    status.bytesLinked = had / 2
    status.bytesDone = had - had / 2
    status.bytesWanted = total - status.bytesLinked
    status.bytesFromPeers = status.bytesDone
    status.downloadRate = rate
    status.error = error
    return NodeReport(
        node: node(name), version: "0.1.0", sent: noon,
        sets: [
            .init(
                set: set("debian"), isFiltered: isFiltered,
                current: current.map { .init(uuid: snapshot($0), serial: Serial($0)) }, snapshots: [status])
        ])
}

/// A board of the nodes that are named in the reports.
func board(_ reports: [NodeReport], weights: [String: Int] = [:], regions: [String: String] = [:]) -> ProgressBoard {
    var board = ProgressBoard()
    board.setRegistrations(
        reports.map {
            NodeRegistration(
                name: $0.node, region: regions[$0.node.rawValue], weight: weights[$0.node.rawValue] ?? 1)
        })
    board.setFeed(feed([1]), read: noon)
    for report in reports { board.take(report, received: noon, place: nil) }
    return board
}
