import FileTree
import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

@testable import Publishing

/// Histories of random changes that a watch tells of: after each, a look at everything finds nothing more.
@Suite(.timeLimit(.minutes(5)))
struct WatchHistoryTests {
    private struct History {
        let source: FileTreeWriter
        /// Beside the source, on the same file system.
        let outside: String
        var random: SeededRandom
        /// Whether files are written to in place, which takes them from earlier trees.
        let writesInPlace: Bool
        var count = 0

        private mutating func directory(_ depth: ClosedRange<Int> = 1...3) -> String {
            let depth = Int.random(in: depth, using: &random)
            return (0..<depth).map { _ in "d\(Int.random(in: 0...2, using: &random))" }.joined(separator: "/")
        }

        private mutating func file() -> String { "\(directory())/f\(Int.random(in: 0...5, using: &random))" }

        /// Not every change is possible: a directory does not go into itself.
        mutating func change() {
            count += 1
            let (path, other) = (file(), file())
            switch Int.random(in: 0..<14, using: &random) {
            case 0...3: try? source.write(path, random.bytes(Int.random(in: 0...400, using: &random)))
            // A name that is excluded is not watched: its file must not be one of the tree's as well.
            case 4: if writesInPlace, !path.contains("d2") { try? source.append(path, [1]) }
            case 5: try? source.move(path, to: other)
            case 6: try? source.remove(path)
            case 7: try? source.hardLink(path, to: other)
            case 8: if !path.contains("d2") { try? source.touch(path, mtime: 1_600_000_000 + count) }
            case 9: try? source.symbolicLink(path, to: "f0")
            case 10: try? source.move(directory(), to: directory())
            case 11: try? source.move(directory(2...3), to: "\(outside)/x\(count % 4)")
            case 12: try? source.move("\(outside)/x\(count % 4)", to: directory())
            default: try? source.remove(directory(2...3))
            }
        }
    }

    @Test("nothing is overlooked", arguments: [1, 2, 3] as [UInt64], ["", "*/d2/"])
    func complete(seed: UInt64, exclude: String) async throws {
        let test = try TestStore()
        try test.replaceSetting("max-shrinkage", "100")
        let filter = exclude.isEmpty ? [] : [exclude]
        try test.replaceSetting("exclude", "\(filter)")
        let compiled = try PathFilter(exclude: filter).compiled()
        let includes: @Sendable (String, Bool) -> Bool = { path, isDirectory in
            isDirectory ? compiled.includesDirectory(path) : compiled.includes(path)
        }
        let watch = try TreeWatch(test.source.root, includes: exclude.isEmpty ? nil : includes)
        var gatherer = ChangeGatherer(.init(settle: .zero, settleLimit: .seconds(3600)))
        var history = History(
            source: test.source, outside: "../outside", random: SeededRandom(seed: seed),
            writesInPlace: !exclude.isEmpty)
        try test.source.write("keep/file", "so that there is one")
        for round in 0..<15 {
            for step in 0..<30 {
                history.change()
                // Events are read in the midst of changes, and after many.
                if round % 2 == 0, step % 4 == 0 { await watch.catchUp() }
            }
            await watch.catchUp()
            for event in watch.take() { gatherer.note(event, at: .now) }
            guard case .paths(let paths) = gatherer.take(.now) else {
                Issue.record("a history of \(history.count) changes overflowed")
                return
            }
            let store = try test.store()
            let changes = try SourceIndex.addingOtherNames(
                paths, source: test.source.root, index: store.indexPath)
            try test.snapshot { $0.changes = changes.sorted() }
            gatherer.succeeded()
            let report = try test.snapshot()
            #expect(!report.changed, "round \(round): \(report.filesChanged) changed, \(report.filesRemoved) removed")
            if exclude.isEmpty { try test.verify() }
        }
    }
}
