import Foundation
import SwarmTestSupport
import Testing

@testable import ContentServer

@Suite("Walking a tree")
struct TreeWalkTests {
    /// A tree `top` with links of all kinds, beside a secret.
    private func withTree<Value>(_ body: (String) throws -> Value) throws -> Value {
        let mirror = try TestMirror()
        let top = mirror.directory + "/top"
        try TestMirror.write("secret", to: mirror.directory + "/secret")
        try TestMirror.write("inner", to: top + "/a/b/file")
        try TestMirror.makeDirectory(top + "/a/empty")
        for (link, target) in [
            ("here", "a/b/file"), ("a/up", "../a/b/file"), ("dir", "a/b"), ("a/b/long", "../../dir/../up"),
            ("out", "../secret"), ("a/out", "../../secret"), ("absolute", mirror.directory + "/secret"),
            ("sneaky", "a/../../top/a/b/file"), ("loop", "loop"), ("one", "two"), ("two", "one"),
            ("dangling", "a/none"), ("top", "."), ("self", "a/.."), ("etc", "/etc"), ("a/dot", "./b/./file"),
        ] {
            symlink(target, "\(top)/\(link)")
        }
        for index in 0..<20 { symlink(index == 0 ? "a" : "chain\(index - 1)", "\(top)/chain\(index)") }
        mkfifo(top + "/fifo", 0o644)
        return try body(top)
    }

    private func kind(_ path: String, in top: String) -> String {
        let components = path.split(separator: "/").map { Array($0.utf8) }
        do throws(TreeWalk.Failure) {
            switch try TreeWalk.open(root: top, components: components) {
            case .file(_, let facts): return "file \(facts.size)"
            case .directory: return "directory"
            }
        } catch {
            return "\(error)"
        }
    }

    @Test("Files, directories and links inside the tree are opened; nothing else is")
    func walk() throws {
        try withTree { top in
            let expected = [
                "": "directory", "a": "directory", "a/b/file": "file 5", "here": "file 5", "a/up": "file 5",
                "dir": "directory", "dir/file": "file 5", "a/b/long": "file 5", "top/top/a": "directory",
                "self": "directory", "self/here": "file 5", "a/dot": "file 5", "chain15/b/file": "file 5",
                "chain16/b/file": "loop", "out": "outside", "a/out": "outside", "absolute": "outside",
                "sneaky": "outside", "etc": "outside", "etc/passwd": "outside", "loop": "loop", "one/x": "loop",
                "dangling": "notFound", "none": "notFound", "a/b/file/x": "notFound", "fifo": "notRegular",
                "fifo/x": "notFound", String(repeating: "n", count: 300): "notFound",
            ]
            for (path, kind) in expected { #expect(self.kind(path, in: top) == kind, "\(path)") }
            #expect(kind("x", in: top + "/missing") == "noTree")
            #expect(kind("x", in: top + "/top") == "noTree", "the top itself may not be a link")
        }
    }

    @Test("A long walk through links has an end")
    func longWalk() throws {
        try withTree { top in
            // Each link goes down and up a thousand times.
            symlink(String(repeating: "a/../", count: 800) + "a", top + "/zigzag")
            #expect(kind("zigzag", in: top) == "loop")
        }
    }

    @Test("A directory's names are listed up to a limit, links as links")
    func names() throws {
        try withTree { top in
            func list(_ limit: Int) throws -> ([ListingEntry], Bool) {
                switch try TreeWalk.open(root: top, components: []) {
                case .directory(let descriptor):
                    let (names, isCut) = entries(of: descriptor, limit: limit)
                    return (names, isCut)
                case .file: throw ClientFailure(what: "a file")
                }
            }
            let (names, isCut) = try list(1000)
            #expect(!isCut)
            let byName = Dictionary(uniqueKeysWithValues: names.map { (String(decoding: $0.name, as: UTF8.self), $0) })
            #expect(byName["a"]?.isDirectory == true)
            #expect(byName["out"]?.size == nil)
            #expect(byName["dir"]?.isDirectory == false)
            #expect(byName["."] == nil)
            let (few, wasCut) = try list(3)
            #expect(few.count == 3)
            #expect(wasCut)
        }
    }
}
