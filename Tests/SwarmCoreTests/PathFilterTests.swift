import SwarmCore
import Testing

struct PathFilterTests {
    @Test("an empty filter lets everything through")
    func everything() throws {
        #expect(PathFilter.everything.isEverything)
        #expect(try PathFilter().includes("any/path"))
        #expect(!PathFilter(exclude: ["*.iso"]).isEverything)
        #expect(try PathFilter().compiled().isEverything)
    }

    @Test("include chooses, and exclude wins")
    func includeAndExclude() throws {
        let filter = try PathFilter(include: ["pool/", "*.txt"], exclude: ["*-dbg_*", "pool/non-free/"]).compiled()
        #expect(filter.includes("pool/main/a.deb"))
        #expect(filter.includes("doc/README.txt"))
        #expect(!filter.includes("dists/sid/Release"))
        #expect(!filter.includes("pool/main/a-dbg_1.deb"))
        #expect(!filter.includes("pool/non-free/a.txt"))
        let withoutImages = PathFilter(exclude: ["*.iso"])
        #expect(try withoutImages.includes("a.deb"))
        #expect(try !withoutImages.includes("cd/a.iso"))
    }

    @Test("a pattern that is none is found when the filter is compiled")
    func badPattern() {
        #expect(throws: GlobError.self) { try PathFilter(include: ["["]).compiled() }
        #expect(throws: GlobError.self) { try PathFilter(exclude: ["a", "{"]).includes("b") }
    }

    @Test("a filter comes back from its document, and missing lists are empty")
    func coding() throws {
        let filter = PathFilter(include: ["a/**"], exclude: ["*.b"])
        #expect(try Documents.decode(PathFilter.self, from: Documents.encode(filter)) == filter)
        #expect(try Documents.decode(PathFilter.self, from: Array("{}".utf8)) == .everything)
    }
}
