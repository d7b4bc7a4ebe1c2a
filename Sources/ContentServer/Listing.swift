internal import SwarmCore

/// One name in a directory.
struct ListingEntry: Hashable, Sendable {
    var name: [UInt8]
    var isDirectory: Bool
    /// Nil where a size means nothing.
    var size: Int64?
    var modified: HTTPDate?
}

/// The pages for people: the sets, and the names in a directory.
enum Listing {
    /// The most names that one page shows; a page of more helps nobody and costs memory.
    static let longest = 20_000

    /// The page of a directory, folders first, each group in the order of its bytes.
    static func html(of path: TreePath, in tree: String, entries: [ListingEntry], isCut: Bool = false) -> String {
        let sorted = entries.sorted { left, right in
            left.isDirectory != right.isDirectory
                ? left.isDirectory : left.name.lexicographicallyPrecedes(right.name)
        }
        var rows = path.components.isEmpty ? "" : "<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n"
        for entry in sorted {
            let slash = entry.isDirectory ? "/" : ""
            // "./" keeps a name with a colon from being read as a scheme (RFC 3986, section 4.2).
            let link = "./" + PercentCoding.encode(segment: entry.name) + slash
            let name = escape(String(decoding: entry.name, as: UTF8.self)) + slash
            rows += "<tr><td><a href=\"\(link)\">\(name)</a></td><td>\(entry.modified?.listingText ?? "")</td>"
            rows += "<td align=\"right\">\(entry.size.map { "\($0)" } ?? "")</td></tr>\n"
        }
        if isCut { rows += "<tr><td>… and more than \(longest) names</td><td></td><td></td></tr>\n" }
        return page(title: "\(tree)/\(path.description)", rows: rows)
    }

    /// The page of the sets.
    static func html(of sets: [SetName]) -> String {
        let rows = sets.sorted().map { "<tr><td><a href=\"/\($0)/\">\($0)/</a></td></tr>\n" }.joined()
        return page(title: "/", rows: rows)
    }

    private static func page(title: String, rows: String) -> String {
        let title = escape(title)
        return """
            <!DOCTYPE html>
            <html><head><meta charset="utf-8"><title>\(title)</title></head>
            <body><h1>\(title)</h1>
            <table>
            \(rows)</table>
            </body></html>

            """
    }

    /// `text` with the characters that mean something in HTML replaced.
    static func escape(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
