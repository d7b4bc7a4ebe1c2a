import Foundation

/// A chart of lines with logarithmic axes.
public struct Chart: Sendable {
    /// One line.
    public struct Series: Sendable {
        /// Its name.
        public var name: String
        /// Its points, ascending by x; both coordinates above zero.
        public var points: [(x: Double, y: Double)]

        /// A line.
        public init(_ name: String, _ points: [(x: Double, y: Double)]) {
            self.name = name
            self.points = points.filter { $0.x > 0 && $0.y > 0 }.sorted { $0.x < $1.x }
        }
    }

    /// What is shown.
    public var title: String
    /// What the horizontal axis counts.
    public var xLabel: String
    /// The lines; at most four, in the order of the colours.
    public var series: [Series]

    /// A chart.
    public init(title: String, xLabel: String, series: [Series]) {
        self.title = title
        self.xLabel = xLabel
        self.series = series.filter { !$0.points.isEmpty }
    }
}

/// Charts side by side in one SVG, which follows the reader's light or dark mode.
public struct Picture: Sendable {
    private static let width = 470.0
    private static let height = 330.0
    private static let plot = (left: 62.0, top: 44.0, right: 146.0, bottom: 50.0)

    /// From left to right.
    public var charts: [Chart]

    /// A picture; charts without lines are left out.
    public init(_ charts: [Chart]) { self.charts = charts.filter { !$0.series.isEmpty } }

    /// The document.
    public var svg: String {
        let width = Self.width * Double(max(1, charts.count))
        let parts = charts.enumerated().map { index, chart in
            "<g transform=\"translate(\(number(Double(index) * Self.width)) 0)\">\n\(Self.draw(chart))</g>\n"
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(width)) \(number(Self.height))" \
            width="\(number(width))" height="\(number(Self.height))" role="img">
            <title>\(escaped(charts.map(\.title).joined(separator: "; ")))</title>
            \(Self.style)\(parts.joined())</svg>

            """
    }

    private static let style = """
        <style>
        text { font: 12px system-ui, sans-serif; fill: #24292f; }
        .title { font-weight: 600; font-size: 13px; }
        .grid { stroke: #d0d7de; stroke-width: 1; }
        .line { fill: none; stroke-width: 2.5; }
        .s0 { stroke: #0969da; } .s1 { stroke: #bc4c00; } .s2 { stroke: #1a7f37; } .s3 { stroke: #8250df; }
        .f0 { fill: #0969da; } .f1 { fill: #bc4c00; } .f2 { fill: #1a7f37; } .f3 { fill: #8250df; }
        @media (prefers-color-scheme: dark) {
        text { fill: #e6edf3; }
        .grid { stroke: #3d444d; }
        .s0 { stroke: #4493f8; } .s1 { stroke: #f0883e; } .s2 { stroke: #3fb950; } .s3 { stroke: #ab7df8; }
        .f0 { fill: #4493f8; } .f1 { fill: #f0883e; } .f2 { fill: #3fb950; } .f3 { fill: #ab7df8; }
        }
        </style>

        """

    // MARK: One chart

    private static func draw(_ chart: Chart) -> String {
        let points = chart.series.flatMap(\.points)
        let x = LogarithmicAxis(points.map(\.x), from: plot.left, to: width - plot.right, wholeDecades: false)
        let y = LogarithmicAxis(points.map(\.y), from: height - plot.bottom, to: plot.top, wholeDecades: true)
        var parts = ["<text class=\"title\" x=\"12\" y=\"22\">\(escaped(chart.title))</text>"]
        for tick in y.decades {
            let place = number(y.place(tick))
            parts.append(
                "<line class=\"grid\" x1=\"\(number(plot.left))\" x2=\"\(number(width - plot.right))\" y1=\"\(place)\" "
                    + "y2=\"\(place)\"/>")
            parts.append(
                "<text x=\"\(number(plot.left - 8))\" y=\"\(number(y.place(tick) + 4))\" text-anchor=\"end\">"
                    + "\(escaped(Self.time(tick)))</text>")
        }
        for value in Set(points.map(\.x)).sorted() {
            parts.append(
                "<text x=\"\(number(x.place(value)))\" y=\"\(number(height - plot.bottom + 18))\" text-anchor=\"middle\">"
                    + "\(escaped(Self.short(value)))</text>")
        }
        parts.append(
            "<text x=\"\(number((plot.left + width - plot.right) / 2))\" y=\"\(number(height - 12))\" "
                + "text-anchor=\"middle\">\(escaped(chart.xLabel))</text>")
        parts += lines(chart, x, y)
        return parts.joined(separator: "\n") + "\n"
    }

    private static func lines(_ chart: Chart, _ x: LogarithmicAxis, _ y: LogarithmicAxis) -> [String] {
        var parts: [String] = []
        var names: [(text: String, index: Int, place: Double)] = []
        for (index, series) in chart.series.enumerated() {
            let places = series.points.map { (x.place($0.x), y.place($0.y)) }
            let path = places.map { "\(number($0.0)),\(number($0.1))" }.joined(separator: " ")
            parts.append("<polyline class=\"line s\(index)\" points=\"\(path)\"/>")
            for place in places {
                parts.append(
                    "<circle class=\"f\(index)\" cx=\"\(number(place.0))\" cy=\"\(number(place.1))\" r=\"3.5\"/>")
            }
            names.append((series.name, index, places.last?.1 ?? plot.top))
        }
        // Each name at the end of its line, and none upon another.
        var lowest = -Double.infinity
        for name in names.sorted(by: { $0.place < $1.place }) {
            lowest = max(name.place + 4, lowest + 15)
            parts.append(
                "<text class=\"f\(name.index)\" x=\"\(number(width - plot.right + 9))\" y=\"\(number(lowest))\">"
                    + "\(escaped(name.text))</text>")
        }
        return parts
    }

    /// A power of ten of a second.
    private static func time(_ seconds: Double) -> String {
        seconds < 0.5 ? "\(digitsWithoutZeros((seconds * 1e6).rounded() / 1e3)) ms" : "\(Int(seconds.rounded())) s"
    }

    /// 100000 as 100k.
    static func short(_ value: Double) -> String {
        switch value {
        case 1e6...: "\(digitsWithoutZeros(value / 1e6))M"
        case 1e3...: "\(digitsWithoutZeros(value / 1e3))k"
        default: digitsWithoutZeros(value)
        }
    }

    private static func digitsWithoutZeros(_ value: Double) -> String {
        value == value.rounded() ? String(Int(value)) : digits(value)
    }
}

/// A logarithmic scale between two places.
struct LogarithmicAxis {
    private let low: Double
    private let high: Double
    private let from: Double
    private let to: Double

    /// For values above zero. With whole decades, the scale begins and ends at a power of ten.
    init(_ values: [Double], from: Double, to: Double, wholeDecades: Bool) {
        var low = log10(values.min() ?? 1)
        var high = log10(values.max() ?? 1)
        if wholeDecades {
            // What lies a hair above a power of ten belongs to it.
            low = (low + 1e-9).rounded(.down)
            high = (high - 1e-9).rounded(.up)
        }
        // A single value lies at the lower end.
        if high <= low { high = low + 1 }
        (self.low, self.high, self.from, self.to) = (low, high, from, to)
    }

    /// Where a value lies.
    func place(_ value: Double) -> Double { from + (log10(value) - low) / (high - low) * (to - from) }

    /// The powers of ten within.
    var decades: [Double] {
        (Int(low.rounded(.up))...max(Int(low.rounded(.up)), Int(high))).map { pow(10, Double($0)) }
    }
}

/// A coordinate with at most one decimal.
private func number(_ value: Double) -> String {
    let tenths = (value * 10).rounded() / 10
    return tenths == tenths.rounded() ? String(Int(tenths)) : String(format: "%.1f", tenths)
}

/// Text as XML holds it.
private func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
        .replacingOccurrences(of: ">", with: "&gt;").replacingOccurrences(of: "\"", with: "&quot;")
}
