internal import SwarmCore
internal import FileTree
internal import Metainfo

/// Refuses two names in one directory that are one text to Unicode, and differ only in how its letters are composed:
/// many clients could not hold them side by side. A directory is looked through once, when a name beyond ASCII is new
/// in it.
struct NameForms {
    let source: String
    private var checked: Set<[UInt8]> = []

    init(source: String) { self.source = source }

    /// Checks the directory that holds the new path.
    mutating func check(_ path: String) throws {
        guard isDue(path) else { return }
        let directory = TreePath.directory(of: path)
        let listing =
            try directory.isEmpty
            ? DirectoryListing(source, followingLink: true) : DirectoryListing("\(source)/\(directory)")
        try compare(listing, directory)
    }

    /// The same with a directory that is listed already.
    mutating func check(_ path: String, in listing: DirectoryListing) throws {
        if isDue(path) { try compare(listing, TreePath.directory(of: path)) }
    }

    private mutating func isDue(_ path: String) -> Bool {
        let directory = TreePath.directory(of: path)
        guard path.utf8.dropFirst(directory.utf8.count).contains(where: { $0 >= 0x80 }) else { return false }
        return checked.insert(Array(directory.utf8)).inserted
    }

    private func compare(_ listing: DirectoryListing, _ directory: String) throws {
        // Swift compares texts by their canonical form.
        var names: [String: String] = [:]
        for name in (0..<listing.count).compactMap({ listing.name($0) }) {
            guard let twin = names.updateValue(name, forKey: name) else { continue }
            let place = directory.isEmpty ? source : "\(source)/\(directory)"
            throw PublishingError(
                .badName,
                "\(place) holds two names that read “\(printable(name.utf8))” and differ only in how Unicode composes their "
                    + "letters, “\(Self.spelled(twin))” and “\(Self.spelled(name))”; rename one of them")
        }
    }

    /// The name with what is beyond ASCII by its number, so that two forms of one text look different.
    private static func spelled(_ name: String) -> String {
        name.unicodeScalars.map {
            $0.value >= 32 && $0.value < 127 ? String($0) : "\\u{\(String($0.value, radix: 16))}"
        }
        .joined()
    }
}
