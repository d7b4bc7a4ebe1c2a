internal import FoundationEssentials
internal import SwarmCore
internal import TrackerCore

/// The progress of a snapshot over time as SVG, made for reading without scripts: three lines that differ by their dashes
/// and carry their names, and a title and a description for who does not see them.
enum ProgressChart {
    struct Level {
        let y: String
        let label: String
        let left = text(ProgressChart.left)
        let right = text(ProgressChart.right)
        let labelX = text(ProgressChart.left - 8)
    }

    struct Tick {
        let x: String
        let label: String
        let anchor: String
        let top = text(ProgressChart.top)
        let bottom = text(ProgressChart.bottom)
        let labelY = text(ProgressChart.bottom + 20)
    }

    struct Line {
        let kind: String
        let name: String
        let points: String
        let nameX = text(ProgressChart.right + 8)
        var nameY: String
    }

    struct Drawing {
        let id: String
        let width = text(ProgressChart.width)
        let height = text(ProgressChart.height)
        let title: String
        let description: String
        let levels: [Level]
        let times: [Tick]
        let area: String
        let lines: [Line]
    }

    private static let (width, height) = (800.0, 260.0)
    private static let (left, right, top, bottom) = (56.0, 690.0, 16.0, 222.0)

    /// The picture, an `svg` element. `samples` ascend by time; of one alone there is no line
    /// yet, but the words and what it will be drawn on.
    static func svg(set: SwarmCore.SetName, serial: Serial, snapshot: SnapshotID, samples: [ProgressSample]) -> String {
        guard let first = samples.first, let last = samples.last else { return "" }
        let span = max(1, last.time.timeIntervalSince(first.time))
        func x(_ time: Date) -> Double { left + (right - left) * time.timeIntervalSince(first.time) / span }
        func y(_ share: Double) -> Double { bottom - (bottom - top) * min(1, max(0, share)) }
        let drawn = thinned(samples) { Int(x($0.time)) }
        func points(_ share: (ProgressSample.Counts) -> Double) -> String {
            drawn.map { "\(text(x($0.time))),\(text(y(share($0.counts))))" }.joined(separator: " ")
        }
        let bytes = points { $0.byteShare }
        let shares = [
            ("bytes", "bytes", last.counts.byteShare, bytes),
            ("complete", "have it", last.counts.nodeShare, points { $0.nodeShare }),
            ("active", "show it", last.counts.activeShare, points { $0.activeShare }),
        ]
        // Names that would lie on one another make room, from below.
        var free = bottom + 8
        var heights: [String: Double] = [:]
        for share in shares.sorted(by: { ($0.2, $1.0) < ($1.2, $0.0) }) {
            free = min(free - 16, y(share.2))
            heights[share.0] = free
        }
        let push = max(0, top - (heights.values.min() ?? top))
        let description =
            "From \(Quantities.format(utc: first.time)) to \(Quantities.format(utc: last.time)). Now:"
            + " \(PageText.percent(last.counts.byteShare)) of the bytes;"
            + " \(last.counts.complete) of \(PageText.count(last.counts.nodes, "node")) have it,"
            + " and readers see it at \(last.counts.active)."
        return PageTemplates.render(
            "chart",
            Drawing(
                id: "chart-\(snapshot)", title: "Progress of \(set), snapshot \(serial), over time",
                description: description,
                levels: [0, 0.25, 0.5, 0.75, 1].map { Level(y: text(y($0)), label: "\(Int($0 * 100)) %") },
                times: ticks(first.time, last.time).map { time in
                    let place = x(time.time)
                    let anchor = place > right - 30 ? "end" : place < left + 30 ? "start" : "middle"
                    return Tick(x: text(place), label: time.label, anchor: anchor)
                }, area: "\(text(left)),\(text(bottom)) \(bytes) \(text(right)),\(text(bottom))",
                lines: shares.map { share in
                    Line(
                        kind: share.0, name: "\(share.1) \(PageText.percent(share.2))", points: share.3,
                        nameY: text((heights[share.0] ?? 0) + push))
                }))
    }

    /// Of the samples that fall on one column of the picture, the first and the last.
    static func thinned(_ samples: [ProgressSample], column: (ProgressSample) -> Int) -> [ProgressSample] {
        samples.indices.filter { index in
            guard index > 0, index + 1 < samples.count else { return true }
            let here = column(samples[index])
            return here != column(samples[index - 1]) || here != column(samples[index + 1])
        }.map { samples[$0] }
    }

    /// Three to seven round moments between two, with words.
    static func ticks(_ first: Date, _ last: Date) -> [(time: Date, label: String)] {
        let span = last.timeIntervalSince(first)
        let steps: [Double] =
            [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200]
            + [1, 2, 7, 14, 30, 91, 182, 365].map { $0 * 86_400 }
        let step = steps.first { span / $0 <= 6 } ?? 365 * 86_400
        var time = (first.timeIntervalSince1970 / step).rounded(.up) * step
        var result: [(Date, String)] = []
        while time <= last.timeIntervalSince1970 {
            let date = Date(timeIntervalSince1970: time)
            // “2026-03-01 12:00:00 UTC”
            let words = Quantities.format(utc: date)
            let label: Substring
            if step >= 86_400 {
                label = words.prefix(10)
            } else if span > 86_400 {
                label = words.dropFirst(5).prefix(11)
            } else {
                label = words.dropFirst(11).prefix(step < 60 ? 8 : 5)
            }
            result.append((date, String(label)))
            time += step
        }
        return result
    }

    /// With a tenth, as coordinates are written.
    private static func text(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths.isMultiple(of: 10) ? "\(tenths / 10)" : "\(tenths / 10).\(abs(tenths % 10))"
    }
}
