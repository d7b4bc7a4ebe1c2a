import Foundation
import Glibc
import Mirroring
import SwarmCore

/// The bar of a synchronisation, on a terminal.
final class SyncProgress: Sendable {
    private let isTerminal = isatty(2) == 1

    /// Draws the newest snapshot's line anew.
    func show(_ status: NodeStatus.SetStatus) {
        guard isTerminal, let snapshot = status.snapshots.last else { return }
        let total = max(1, snapshot.bytesWanted)
        let share = snapshot.bytesWanted == 0 ? 1 : Double(snapshot.bytesDone) / Double(total)
        let width = 30
        let filled = Int(share * Double(width))
        let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
        let rate = snapshot.downloadRate > 0 ? " \(Quantities.format(bytes: Int64(snapshot.downloadRate)))/s" : ""
        writeToStandardError(
            "\r\u{1b}[K\(status.set) #\(snapshot.serial) \(snapshot.state.rawValue) [\(bar)] \(Int(share * 100)) %"
                + " of \(Quantities.format(bytes: snapshot.bytesWanted)), linked \(Quantities.format(bytes: snapshot.bytesLinked))\(rate)"
        )
    }

    /// Ends the line.
    func end() {
        if isTerminal { writeToStandardError("\n") }
    }
}
