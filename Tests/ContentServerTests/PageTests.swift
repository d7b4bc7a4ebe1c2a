import SwarmCore
import Testing

@testable import ContentServer

@Suite("Listings and media types")
struct PageTests {
    @Test("Folders come first, names are escaped and encoded")
    func listing() throws {
        let entries = [
            ListingEntry(name: Array("b.txt".utf8), isDirectory: false, size: 12, modified: HTTPDate(seconds: 0)),
            ListingEntry(name: Array("<a href='x'>".utf8), isDirectory: false),
            ListingEntry(name: Array("z".utf8), isDirectory: true),
            ListingEntry(name: Array("c++:1".utf8), isDirectory: true),
        ]
        let path = TreePath(components: [Array("pool&co".utf8)], isDirectory: true)
        let html = Listing.html(of: path, in: "/debian", entries: entries)
        let order = try ["../", "c++:1/", "z/", "&lt;a href=&#39;x&#39;&gt;", "b.txt"].map {
            try unwrap(html.firstRange(of: ">\($0)</a>")).lowerBound
        }
        #expect(order == order.sorted())
        #expect(html.contains("<h1>/debian/pool&amp;co/</h1>"))
        #expect(html.contains(#"href="./c++%3A1/""#))
        #expect(html.contains(#"href="./%3Ca%20href%3D%27x%27%3E""#))
        #expect(html.contains("1970-01-01 00:00"))
        #expect(!Listing.html(of: TreePath(components: [], isDirectory: true), in: "/d", entries: []).contains("../"))
    }

    @Test("The sets")
    func sets() throws {
        let html = Listing.html(of: [try unwrap(SetName("fedora")), try unwrap(SetName("debian"))])
        let debian = try unwrap(html.firstRange(of: #"href="/debian/""#))
        let fedora = try unwrap(html.firstRange(of: #"href="/fedora/""#))
        #expect(debian.lowerBound < fedora.lowerBound)
    }

    @Test(
        "Content-Type by name",
        arguments: [
            ("a.deb", "application/vnd.debian.binary-package"), ("a.RPM", "application/x-rpm"),
            ("Packages.xz", "application/x-xz"), ("repomd.xml", "application/xml"),
            ("Release", "text/plain; charset=utf-8"), ("README.mirrors", "text/plain; charset=utf-8"),
            ("README.html", "text/html; charset=utf-8"),
            ("x.iso", "application/x-iso9660-image"), (".treeinfo", "application/octet-stream"),
            ("noext", "application/octet-stream"), ("Packages.gz", "application/gzip"),
        ])
    func types(name: String, type: String) { #expect(MediaType.of(Array(name.utf8)) == type) }

    @Test("A pin holds for a minute after the switch, counted from the first")
    func pin() throws {
        let (first, second, third) = (try TestMirror.id(1), try TestMirror.id(2), try TestMirror.id(3))
        var pin = SnapshotPin(first)
        pin.update(current: first, now: 1000, switched: { 0 })
        #expect(pin.snapshot == first)
        pin.update(current: second, now: 1010, switched: { 1005 })
        #expect(pin.snapshot == first)
        pin.update(current: third, now: 1064, switched: { 1060 })
        #expect(pin.snapshot == first)
        pin.update(current: third, now: 1065, switched: { 1060 })
        #expect(pin.snapshot == third)
        // A switch that seems to lie in the future is taken as happening now.
        pin.update(current: first, now: 2000, switched: { 9000 })
        pin.update(current: first, now: 2059, switched: { 9000 })
        #expect(pin.snapshot == third)
        pin.update(current: first, now: 2060, switched: { 9000 })
        #expect(pin.snapshot == first)
        // One that is long past counts at once.
        pin.update(current: second, now: 3000, switched: { 2000 })
        #expect(pin.snapshot == second)
    }
}
