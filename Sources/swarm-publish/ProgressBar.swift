import Foundation
import Glibc
import Publishing
import SwarmCore
import Synchronization

/// One line on a terminal that is written over; silent where standard error is none.
final class ProgressBar: Sendable {
    let isTerminal = isatty(STDERR_FILENO) == 1
    private let last = Mutex<ContinuousClock.Instant?>(nil)

    /// Shows how far a snapshot is, ten times a second at most. From any thread.
    func show(_ progress: Publisher.Progress) { show { Self.text(progress) } }

    /// Shows a line, cut at the terminal's width, ten times a second at most. From any thread.
    func show(_ text: () -> String) {
        guard isTerminal else { return }
        let isDue = last.withLock { last in
            let now = ContinuousClock.now
            if let last, now - last < .milliseconds(100) { return false }
            last = now
            return true
        }
        guard isDue else { return }
        var size = winsize()
        let columns = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 1 ? Int(size.ws_col) : 80
        FileHandle.standardError.write(Data("\r\u{1b}[K\(text().prefix(columns - 1))".utf8))
    }

    /// Empties the line.
    func clear() {
        guard isTerminal else { return }
        FileHandle.standardError.write(Data("\r\u{1b}[K".utf8))
    }

    static func text(_ progress: Publisher.Progress) -> String {
        switch progress {
        case .scanning(let names): "looking at the source: \(names) names"
        case .hashing(let bytes, let total):
            bar(Double(bytes) / Double(max(1, total)))
                + " reading \(Quantities.format(bytes: bytes)) of \(Quantities.format(bytes: total))"
        case .composing: "writing torrents"
        case .linking(let files, let total):
            bar(Double(files) / Double(max(1, total))) + " linking \(files) of \(total) files"
        }
    }

    private static func bar(_ part: Double) -> String {
        let width = 30
        let full = Int((min(1, max(0, part)) * Double(width)).rounded(.down))
        return "[" + String(repeating: "#", count: full) + String(repeating: ".", count: width - full) + "]"
            + " \(Int(min(1, max(0, part)) * 100)) %"
    }
}
