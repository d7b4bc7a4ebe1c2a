import Foundation
import SwarmCore
import TrackerCore

/// What somebody sees who waits for an embargo's end: a bar on a terminal, otherwise lines, or JSON lines.
struct EmbargoLog {
    /// One line of JSON.
    private struct Line: Encodable {
        /// `hold`, `lift`, `unlisted` or `away` for what the tracker said; `lifted`, `expired` or `failed` at the end.
        let event: String
        let time: Date
        let set: SetName
        let snapshot: SnapshotID
        var message: String?
        var by: EmbargoQuestion.Measure?
        var have: Double?
        var total: Double?
        var threshold: Double?
        var regionMinimum: Double?
        var regions: [EmbargoAnswer.Count]?
        var expected: Date?
        var notBefore: Date?
    }

    /// Counts that grow all the time are a line of their own this often only, in seconds.
    private static let pace: TimeInterval = 10

    private let set: SetName
    private let snapshot: SnapshotID
    private let isJSON: Bool
    private let bar = ProgressBar()
    private var last: (event: String, text: String, time: Date)?

    init(_ wait: EmbargoWait, isJSON: Bool) {
        set = wait.set
        snapshot = wait.snapshot
        self.isJSON = isJSON
    }

    /// Shows what the tracker said.
    mutating func show(_ finding: EmbargoWait.Finding, now: Date) throws {
        switch finding {
        case .answer(let answer):
            let text = TextReport.line(answer)
            let expectation = TextReport.expectation(answer)
            bar.show { "\(TextReport().bar(answer))  \(text)\(expectation.isEmpty ? "" : "; \(expectation)")" }
            var line = line(answer.verdict.rawValue, now)
            line.by = answer.measure
            line.have = answer.count.have
            line.total = answer.count.total
            line.threshold = answer.threshold
            line.regionMinimum = answer.regionMinimum
            line.regions = answer.regions
            line.expected = answer.expected
            try write(line, text)
        case .unlisted:
            let text = "the tracker has not read the feed that lists \(snapshot) yet"
            bar.show { text }
            try write(line("unlisted", now), text)
        case .away(let reason):
            bar.show { "waiting: \(reason)" }
            try write(line("away", now), "waiting: \(reason)")
        case .refused: break
        }
    }

    /// Shows how the wait ended; with nil for `notBefore` it did so without a lift, for the reason in `text`.
    func end(_ event: String, notBefore: Date? = nil, _ text: String, now: Date) throws {
        bar.clear()
        guard isJSON else {
            if event == "lifted" { print(text) }
            return
        }
        var line = line(event, now)
        line.notBefore = notBefore
        line.message = text
        try put(line)
    }

    private func line(_ event: String, _ now: Date) -> Line {
        Line(event: event, time: now, set: set, snapshot: snapshot)
    }

    private mutating func write(_ line: Line, _ text: String) throws {
        guard isJSON || !bar.isTerminal else { return }
        if let last, last.event == line.event {
            if last.text == text || line.time.timeIntervalSince(last.time) < Self.pace { return }
        }
        last = (line.event, text, line.time)
        guard isJSON else { return print("\(shown(line.time))  \(line.event)  \(text)") }
        var line = line
        line.message = text
        try put(line)
    }

    private func put(_ line: Line) throws {
        print(String(decoding: try Documents.encode(line).dropLast(), as: UTF8.self))
    }

    /// Whoever reads a pipe sees the line at once.
    private func print(_ text: String) {
        FileHandle.standardOutput.write(Data("\(text)\n".utf8))
    }
}
