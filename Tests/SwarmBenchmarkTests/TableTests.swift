@testable import SwarmBenchmark
import Testing

@Suite("The table of results")
struct TableTests {
    private static func atMost(_ limit: Double) -> Goal { Goal(subject: .ratio, limit: limit, text: "≤ \(limit) x") }

    @Test("A goal for the ratio is judged by the ratio, one for the value by the value")
    func verdicts() {
        let twice = Row("s", "w", .seconds(2), against: "peer", .seconds(1), goal: Self.atMost(2))
        #expect(twice.ratio == 2)
        #expect(twice.verdict == .reached)
        #expect(Row("s", "w", .seconds(2.1), against: "peer", .seconds(1), goal: Self.atMost(2)).verdict == .missed)
        let least = Goal(subject: .ratio, limit: 0.95, isLeast: true, text: "≥ 0.95 x")
        #expect(Row("s", "w", .rate(96), against: "peer", .rate(100), goal: least).verdict == .reached)
        #expect(Row("s", "w", .rate(94), against: "peer", .rate(100), goal: least).verdict == .missed)
        let bytes = Goal(subject: .value, limit: 600, text: "≤ 600 B")
        #expect(Row("s", "w", .bytes(601), goal: bytes).verdict == .missed)
        #expect(Row("s", "w", .bytes(600), goal: bytes).verdict == .reached)
    }

    @Test("Without a goal, or without the peer's value, there is no verdict")
    func none() {
        #expect(Row("s", "w", .seconds(2), against: "peer", .seconds(1)).verdict == nil)
        #expect(Row("s", "w", .seconds(2), goal: Self.atMost(2)).verdict == nil)
        #expect(Row("s", "w", .seconds(2), against: "peer", .seconds(0), goal: Self.atMost(2)).verdict == nil)
    }

    @Test("On a smaller tree than the goal is set for, a value below the limit decides nothing, one above it does")
    func smaller() {
        let memory = Goal(subject: .value, limit: 700, text: "≤ 700 B")
        #expect(Row("s", "w", .bytes(100), goal: memory, isSmaller: true).verdict == .open)
        #expect(Row("s", "w", .bytes(701), goal: memory, isSmaller: true).verdict == .missed)
    }

    @Test("A quantity is shown with three digits and its unit")
    func quantities() {
        #expect(Quantity.seconds(0.0123).description == "12.3 ms")
        #expect(Quantity.seconds(1.234).description == "1.23 s")
        #expect(Quantity.seconds(123.4).description == "123 s")
        #expect(Quantity.bytes(424).description == "424 B")
        #expect(Quantity.bytes(1_536_000).description == "1.54 MB")
        #expect(Quantity.rate(250e6).description == "250 MB/s")
        #expect(Quantity.share(0.0123).description == "1.23 %")
        #expect(Quantity.count(12).description == "12")
        #expect(Quantity.copies(1.0904).description == "1.090")
    }

    private let rows = [
        Row("one", "publish, no change: CPU", .seconds(0.25), against: "find", .seconds(0.2), goal: Self.atMost(1.5)),
        Row("one", "node: memory", .bytes(1e6)),
        Row("two", "copies", .copies(1.2), goal: Goal(subject: .value, limit: 1.1, text: "≤ 1.100")),
    ]

    @Test("In a terminal, the columns stand under one another")
    func terminal() {
        let expected = """

            one
              work                        ours    peer        ratio     goal
              publish, no change: CPU   0.25 s  0.20 s  find   1.25  ≤ 1.5 x  reached
              node: memory             1.00 MB

            two
              work                        ours    peer        ratio     goal
              copies                     1.200                       ≤ 1.100  missed

            """
        #expect(ResultTable.terminal(rows, isColored: false) == expected)
    }

    @Test("In Markdown, each section is a table")
    func markdown() {
        let expected = """
            | one | ours | peer | ratio | goal | |
            |---|--:|--:|--:|--:|---|
            | publish, no change: CPU | 0.25 s | find 0.20 s | 1.25 | ≤ 1.5 x | reached |
            | node: memory | 1.00 MB |  |  |  |  |

            | two | ours | peer | ratio | goal | |
            |---|--:|--:|--:|--:|---|
            | copies | 1.200 |  |  | ≤ 1.100 | missed |

            """
        #expect(ResultTable.markdown(rows) == expected)
    }
}
