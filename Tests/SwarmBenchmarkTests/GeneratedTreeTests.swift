import Foundation
@testable import SwarmBenchmark
import SwarmTestSupport
import Testing

@Suite("Generated trees")
struct GeneratedTreeTests {
    private let directory = Result { try TemporaryDirectory("tree") }

    @Test("The same shape gives the same tree and the same changes, down to bytes, links and times")
    func repeatable() throws {
        let place = try directory.get()
        let one = try GeneratedTree(place["one"], .tiny(files: 1200))
        let two = try GeneratedTree(place["two"], .tiny(files: 1200))
        #expect(try TreeState(one.root) == TreeState(two.root))
        for _ in 0..<3 {
            let first = try one.change(0.05)
            let second = try two.change(0.05)
            #expect(first.paths == second.paths)
            #expect(first.newBytes == second.newBytes)
        }
        #expect(try TreeState(one.root) == TreeState(two.root))
    }

    @Test("A tree has as many files as was asked for, hard links, symbolic links and empty directories")
    func contents() throws {
        let root = try directory.get()["tree"]
        let tree = try GeneratedTree(root, .tiny(files: 2003))
        #expect(tree.files == 2003)
        var sizes: [Int64] = []
        var linked = 0
        var symbolic = 0
        for case let path as String in try #require(FileManager.default.enumerator(atPath: root)) {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(root)/\(path)")
            switch attributes[.type] as? FileAttributeType {
            case .typeRegular?:
                sizes.append(try #require(attributes[.size] as? NSNumber).int64Value)
                if try #require(attributes[.referenceCount] as? NSNumber).intValue > 1 { linked += 1 }
            case .typeSymbolicLink?: symbolic += 1
            default: break
            }
        }
        #expect(sizes.count == 2003)
        #expect(sizes.reduce(0, +) == tree.bytes)
        // Of the 5 % of names that are links, each with the file that it is a link of.
        #expect((60...250).contains(linked), "\(linked) names with others beside them")
        #expect(symbolic == 10)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(root)/empty").count == 4)
        let median = sizes.sorted()[sizes.count / 2]
        #expect((1700...2400).contains(median), "the median is \(median)")
        let mean = tree.bytes / 2003
        #expect((4000...9000).contains(mean), "the mean is \(mean)")
    }

    @Test("A change touches as many files as it should, names each path, and counts what is new")
    func changes() throws {
        let root = try directory.get()["tree"]
        let tree = try GeneratedTree(root, .tiny(files: 4000))
        let before = try TreeState(root).nodes
        let change = try tree.change(0.1)
        let after = try TreeState(root).nodes
        #expect(change.files == 400)
        let named = Set(change.paths)
        let differing = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }
        #expect(differing.isSubset(of: named), "\(differing.subtracting(named).sorted().prefix(5))")
        #expect(named.subtracting(differing).isEmpty)
        #expect(change.newFiles > 200 && change.newFiles < 400)
        #expect(change.newBytes > 0)
        #expect(tree.bytes == (try sizeOfFiles(root)))
    }

    @Test("A file that loses one of its names is told apart from what is new")
    func relinked() throws {
        let root = try directory.get()["tree"]
        func shape(hardLinks: Double) -> TreeShape {
            Self.shape(.init(replaced: 0, added: 0, removed: 1), hardLinks: hardLinks)
        }
        #expect(try GeneratedTree("\(root)/plain", shape(hardLinks: 0)).change(0.1).relinkedBytes == 0)
        let change = try GeneratedTree("\(root)/linked", shape(hardLinks: 1)).change(0.1)
        #expect(change.relinkedBytes > 0 && change.newBytes == 0)
    }

    @Test("A replaced file is another inode, so that hard links of the old one keep their content")
    func replacement() throws {
        let root = try directory.get()["tree"]
        let tree = try GeneratedTree(root, Self.shape(.init(replaced: 1, added: 0, removed: 0), hardLinks: 0))
        var inodes: [String: UInt64] = [:]
        for case let path as String in try #require(FileManager.default.enumerator(atPath: root)) {
            inodes[path] = try inode("\(root)/\(path)")
        }
        let change = try tree.change(0.2)
        for path in change.paths { #expect(try inode("\(root)/\(path)") != inodes[path]) }
        #expect(change.newFiles == 20)
    }

    /// A small tree that changes in one way.
    private static func shape(_ mix: TreeShape.ChangeMix, hardLinks: Double) -> TreeShape {
        var shape = TreeShape.tiny(files: 100)
        shape.mix = mix
        shape.hardLinks = hardLinks
        return shape
    }

    private func inode(_ path: String) throws -> UInt64 {
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return try #require(attributes[.systemFileNumber] as? NSNumber).uint64Value
    }

    private func sizeOfFiles(_ root: String) throws -> Int64 {
        var sum: Int64 = 0
        for case let path as String in try #require(FileManager.default.enumerator(atPath: root)) {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(root)/\(path)")
            guard attributes[.type] as? FileAttributeType == .typeRegular else { continue }
            sum += try #require(attributes[.size] as? NSNumber).int64Value
        }
        return sum
    }
}
