internal import FoundationEssentials
internal import SwarmCore
internal import TrackerCore

/// The progress of a snapshot over time as SVG, made for reading without scripts: three lines that differ by their dashes
/// and carry their names, and a title and a description for who does not see them.
enum ProgressChart {
    struct Level {
        let y: String
        let label: String
    }

    struct Tick {
        let x: String
        let label: String
        let anchor: String
    }

    struct Line {
        let kind: String
        let name: String
        let points: String
        let nameY: String
    }

    /// One drawing in a size of its own.
    struct Drawing {
        let kind: String
        let hiding: String
        let width: String
        let height: String
        let left: String
        let right: String
        let top: String
        let bottom: String
        let labelX: String
        let labelY: String
        let nameX: String
        let levels: [Level]
        let times: [Tick]
        let area: String
        let lines: [Line]
    }

    struct Picture {
        let id: String
        let title: String
        let description: String
        let drawings: [Drawing]
    }

    /// Where things are in a drawing, in units that are pixels where there is room for them.
    private struct Measures {
        let kind: String
        let size: (width: Double, height: Double)
        let left: Double
        let right: Double
        let top = 16.0
        let bottom = 222.0
        /// Whether round moments are named on the axis of time, and not only its ends.
        let hasRoom: Bool
    }

    private static let wide = Measures(kind: "wide", size: (800, 260), left: 56, right: 690, hasRoom: true)
    /// For screens on which the wide one would have letters too small to read.
    private static let narrow = Measures(kind: "narrow", size: (320, 250), left: 52, right: 212, hasRoom: false)

    /// The picture, an `svg` element with a drawing for wide screens and one for narrow ones, of which the stylesheet shows
    /// one. `samples` ascend by time; of one alone there is no line yet, but the words and what it will be drawn on.
    static func svg(set: SwarmCore.SetName, serial: Serial, snapshot: SnapshotID, samples: [ProgressSample]) -> String {
        guard let first = samples.first, let last = samples.last else { return "" }
        let description =
            "From \(Quantities.format(utc: first.time)) to \(Quantities.format(utc: last.time)). Now:"
            + " \(PageText.percent(last.counts.byteShare)) of the bytes;"
            + " \(last.counts.complete) of \(PageText.count(last.counts.nodes, "node")) have it,"
            + " and readers see it at \(last.counts.active)."
        return PageTemplates.render(
            "chart",
            Picture(
                id: "chart-\(snapshot)", title: "Progress of \(set), snapshot \(serial), over time",
                description: description,
                drawings: [wide, narrow].map { drawing($0, first: first, last: last, samples: samples) }))
    }

    private static func drawing(
        _ measures: Measures, first: ProgressSample, last: ProgressSample, samples: [ProgressSample]
    ) -> Drawing {
        let (left, right, top, bottom) = (measures.left, measures.right, measures.top, measures.bottom)
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
        return Drawing(
            kind: measures.kind, hiding: measures.kind == wide.kind ? "" : " display=\"none\"",
            width: text(measures.size.width), height: text(measures.size.height), left: text(left), right: text(right),
            top: text(top), bottom: text(bottom), labelX: text(left - 8), labelY: text(bottom + 20),
            nameX: text(right + 8),
            levels: [0, 0.25, 0.5, 0.75, 1].map { Level(y: text(y($0)), label: "\(Int($0 * 100)) %") },
            times: (measures.hasRoom ? ticks : ends)(first.time, last.time).map { time in
                let place = x(time.time)
                let anchor = place > right - 30 ? "end" : place < left + 30 ? "start" : "middle"
                return Tick(x: text(place), label: time.label, anchor: anchor)
            }, area: "\(text(left)),\(text(bottom)) \(bytes) \(text(x(last.time))),\(text(bottom))",
            lines: shares.map { share in
                Line(
                    kind: share.0, name: "\(share.1) \(PageText.percent(share.2))", points: share.3,
                    nameY: text((heights[share.0] ?? 0) + push))
            })
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
            result.append((date, label(date, span: span, step: step)))
            time += step
        }
        return result
    }

    /// Two moments, with words; of one and the same, one.
    static func ends(_ first: Date, _ last: Date) -> [(time: Date, label: String)] {
        let span = last.timeIntervalSince(first)
        return (span > 0 ? [first, last] : [first]).map { ($0, label($0, span: span, step: span / 6)) }
    }

    /// A moment in as few words as its place among others needs.
    private static func label(_ date: Date, span: Double, step: Double) -> String {
        // “2026-03-01 12:00:00 UTC”
        let words = Quantities.format(utc: date)
        if step >= 86_400 { return String(words.prefix(10)) }
        if span > 86_400 { return String(words.dropFirst(5).prefix(11)) }
        return String(words.dropFirst(11).prefix(step < 60 ? 8 : 5))
    }

    /// With a tenth, as coordinates are written.
    private static func text(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths.isMultiple(of: 10) ? "\(tenths / 10)" : "\(tenths / 10).\(abs(tenths % 10))"
    }
}
