import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

@Suite("A torrent that is read beside one that was read before")
struct TorrentModelTests {
    /// Bencoded entries, and what else a torrent says.
    private struct Draft {
        var entries: [[UInt8]] = []
        var directories: [String] = []

        static func file(_ path: String, _ content: String = "a", length: Int = 100) -> [UInt8] {
            let components = path.split(separator: "/").map { "\($0.utf8.count):\($0)" }.joined()
            let head = "d6:lengthi\(length)e5:mtimei1e4:pathl\(components)e6:sha25632:"
            return Array(head.utf8) + Digest.sha256(Array("\(path) \(content)".utf8)).bytes + Array("e".utf8)
        }

        static func pad(_ length: Int) -> [UInt8] {
            Array("d4:attr1:p6:lengthi\(length)e4:pathl4:.pad\("\(length)".count):\(length)ee".utf8)
        }

        static func link(_ path: String) -> [UInt8] {
            Array("d4:attr1:l6:lengthi0e4:pathl\(path.utf8.count):\(path)e12:symlink pathl1:xee".utf8)
        }

        var bytes: [UInt8] {
            let list = directories.sorted().map { "\($0.utf8.count):\($0)" }.joined()
            let length = entries.reduce(0) { $0 + Self.length($1) }
            let pieces = (length + 16383) / 16384 * 20
            var bytes = Array("d4:infod5:filesl".utf8) + entries.joined()
            bytes += Array("e4:name3:set12:piece lengthi16384e6:pieces\(pieces):".utf8)
            bytes += Array(repeating: UInt8(ascii: "h"), count: pieces)
            return bytes + Array("5:swarmd11:directoriesl\(list)e7:versioni1eeee".utf8)
        }

        private static func length(_ entry: [UInt8]) -> Int {
            let text = String(decoding: entry, as: UTF8.self)
            guard let key = text.range(of: "6:lengthi") else { return 0 }
            let digits = text[key.upperBound...].prefix { $0 != "e" }
            return max(0, Int(digits) ?? 0)
        }

        func failure(like model: Torrent?) -> MetainfoError? {
            do throws(MetainfoError) {
                _ = try Torrent(parsing: bytes, like: model)
                return nil
            } catch {
                return error
            }
        }
    }

    private func expectEqual(_ one: Torrent, _ two: Torrent) throws {
        try #require(one.entryCount == two.entryCount)
        #expect(one.infoHash == two.infoHash && one.links == two.links && one.emptyDirectories == two.emptyDirectories)
        #expect(one.contentLength == two.contentLength && one.pieceCount == two.pieceCount)
        for entry in 0..<one.entryCount {
            #expect(one.kind(entry) == two.kind(entry) && one.path(entry) == two.path(entry))
            #expect(one.offset(entry) == two.offset(entry) && one.length(entry) == two.length(entry))
            #expect(one.priority(entry) == two.priority(entry) && one.mtime(entry) == two.mtime(entry))
            if one.kind(entry) == .file { #expect(one.file(entry) == two.file(entry)) }
        }
        #expect(one.sharedEntries(with: two).map(\.first) == (one.entryCount > 0 ? [0..<one.entryCount] : []))
    }

    @Test("By chance: it says what it says alone, whatever the other one is", arguments: 1...40 as ClosedRange<UInt64>)
    func chance(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var draft = Draft()
        for number in 0..<300 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0: draft.entries.append(Draft.pad(Int.random(in: 1...3, using: &random)))
            case 1: draft.entries.append(Draft.link("l\(number)"))
            default: draft.entries.append(Draft.file("d\(number % 7)/f\(number)"))
            }
        }
        var model = try Torrent(parsing: draft.bytes)
        for round in 0..<5 {
            // From one change to so many that hardly anything is left, in places that are chosen by lot.
            for change in 0..<(1 << Int.random(in: 0..<8, using: &random)) where !draft.entries.isEmpty {
                let place = Int.random(in: 0..<draft.entries.count, using: &random)
                let file = Draft.file("n\(round)/f\(change)", length: Int.random(in: 0...2000, using: &random))
                switch Int.random(in: 0..<5, using: &random) {
                case 0: draft.entries[place] = file
                case 1: draft.entries[place] = Draft.pad(100)
                case 2: draft.entries.insert(file, at: place)
                case 3: draft.entries.remove(at: place)
                default: draft.entries.append(file)
                }
            }
            draft.directories = ["e\(round)"]
            let plain = try Torrent(parsing: draft.bytes)
            let beside = try Torrent(parsing: draft.bytes, like: model)
            try expectEqual(plain, beside)
            model = beside
        }
    }

    @Test("What stands behind many neighbours that went, or came, is found again")
    func gaps() throws {
        var draft = Draft()
        draft.entries = (0..<600).map { Draft.file("d\($0 / 20)/f\($0)") }
        let model = try Torrent(parsing: draft.bytes)
        draft.entries.replaceSubrange(100..<300, with: [Draft.pad(20_000)])
        draft.entries.insert(contentsOf: (0..<200).map { Draft.file("n/f\($0)") }, at: 250)
        let torrent = try Torrent(parsing: draft.bytes, like: model)
        try expectEqual(try Torrent(parsing: draft.bytes), torrent)
        let origin = try #require(torrent.origin)
        // Those that are read until it is seen that the window does not reach so far are the price.
        #expect(origin.shared.reduce(0) { $0 + $1.first.count } > 600 - 200 - 70)
        #expect(origin.departed.count < 200 + 70)
        for (entry, place) in origin.shared.flatMap({ zip($0.first, $0.secondRange) }) {
            #expect(torrent.file(entry) == model.file(place))
        }
    }

    @Test("Names that cannot be together are refused wherever they stand")
    func conflicts() throws {
        var draft = Draft()
        draft.entries = (0..<50).map { Draft.file("d\($0 % 5)/f\($0)") }
        let model = try Torrent(parsing: draft.bytes)
        let wrong: [(String, [[UInt8]], [String])] = [
            ("a name that another file has", [Draft.file("d3/f3", "b")], []),
            ("a name twice among what is new", [Draft.file("x"), Draft.file("x", "b")], []),
            ("a file where others have their directory", [Draft.file("d4")], []),
            ("a file below another", [Draft.file("d3/f3/x")], []),
            ("a link with the name of a file's directory", [Draft.link("d1")], []),
            ("an empty directory with a file's name", [], ["d2/f7"]),
            ("an empty directory below a file", [], ["d2/f7/x"]),
        ]
        for (what, entries, directories) in wrong {
            var next = draft
            next.entries += entries
            next.directories = directories
            #expect(next.failure(like: model) == next.failure(like: nil), "\(what)")
            #expect(next.failure(like: model)?.code == .unsafePath, "\(what)")
        }
        // What went has left its name.
        draft.entries[3] = Draft.file("d3/f3", "b")
        draft.entries[4] = Draft.file("d4/f4/x")
        #expect(draft.failure(like: model) == nil)
    }

    @Test("What is refused alone is refused")
    func refusals() throws {
        var draft = Draft()
        draft.entries = (0..<20).map { Draft.file("f\($0)") }
        let model = try Torrent(parsing: draft.bytes)
        for entry in [Draft.file("../x"), Draft.file("x", length: -1), Array("d4:pathl1:xee".utf8), Array("i1e".utf8)] {
            var next = draft
            next.entries.insert(entry, at: 7)
            let failure = try #require(next.failure(like: nil))
            #expect(next.failure(like: model) == failure)
        }
        var limits = Torrent.Limits()
        limits.entries = 20
        draft.entries.append(Draft.file("x"))
        let bytes = draft.bytes
        #expect(throws: MetainfoError.self) { try Torrent(parsing: bytes, like: model, limits: limits) }
        limits.entries = 21
        limits.content = 2099
        #expect(throws: MetainfoError.self) { try Torrent(parsing: bytes, like: model, limits: limits) }
    }
}
