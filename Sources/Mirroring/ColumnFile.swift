internal import FileTree
internal import Metainfo
internal import SwarmCore

/// What was read of the torrents of an update, put aside in a file without a name: the next update begins with these, and to
/// read them again takes several times as long as to fetch them from here. In memory it would be a value for each file.
final class ColumnFile: Sendable {
    private let file: Descriptor
    /// Where the columns of a torrent are, by its digest.
    private let places: [SHA256Digest: Range<Int64>]

    /// Writes the columns of torrents, each with the digest of its `.torrent`. Nil where the file system of `directory` has no
    /// files without names, or no room. Blocking.
    init?(_ torrents: [(digest: SHA256Digest, torrent: Torrent)], in directory: String) {
        do {
            file = try Descriptor.nameless(in: directory)
            var places: [SHA256Digest: Range<Int64>] = [:]
            var end: Int64 = 0
            for (digest, torrent) in torrents {
                let columns = torrent.encodedColumns
                try file.write(columns)
                places[digest] = end..<(end + Int64(columns.count))
                end += Int64(columns.count)
            }
            self.places = places
        } catch { return nil }
    }

    /// The columns of a torrent; nil when they are not here. Blocking.
    subscript(_ digest: SHA256Digest) -> [UInt8]? {
        guard let place = places[digest] else { return nil }
        return try? file.contents(in: place)
    }
}
