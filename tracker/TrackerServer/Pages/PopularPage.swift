internal import FoundationEssentials
internal import SwarmCore
internal import TrackerCore

/// Which files of a set are read most.
enum PopularPage {
    struct Row {
        let path: String
        let reads: String
        let share: Double
    }

    struct Page {
        let set: String
        let sentence: String
        let days: Int
        let dayLimit = Popularity.dayLimit
        let limit: Int
        let fileLimit = Popularity.fileLimit
        let caption: String
        let hasRows: Bool
        let rows: [Row]
    }

    /// How many days and files are asked for; what is not understood is as if it were not there.
    static func numbers(_ parameters: [String: String]) -> (days: Int, limit: Int) {
        func number(_ name: String, _ range: ClosedRange<Int>, _ fallback: Int) -> Int {
            parameters[name].flatMap { Int($0) }.flatMap { range.contains($0) ? $0 : nil } ?? fallback
        }
        return (
            number("days", 1...Popularity.dayLimit, 7), number("limit", 1...Popularity.fileLimit, 50)
        )
    }

    static func url(_ set: SwarmCore.SetName) -> String { "/sets/\(set)/popular" }

    static func page(_ popular: PopularFiles, days: Int, limit: Int, layout: String) -> Reply {
        // A share of the most popular one: the longest bar is full.
        let most = max(1, popular.files.first?.reads ?? 1)
        let first = String(Quantities.format(utc: popular.since).prefix(10))
        let page = Page(
            set: popular.set.rawValue,
            sentence: "Reads since \(first) (UTC) at all nodes together, as their own front ends count them:"
                + " without addresses, and no less than the figure.", days: days, limit: limit,
            caption: "Files of \(popular.set) by how often they were read",
            hasRows: !popular.files.isEmpty,
            rows: popular.files.map { file in
                Row(path: file.path, reads: String(file.reads), share: Double(file.reads) / Double(most))
            })
        return PageTemplates.page(
            title: "\(popular.set), most read – swarm-tracker", layout: layout,
            content: PageTemplates.render("popular", page))
    }
}
