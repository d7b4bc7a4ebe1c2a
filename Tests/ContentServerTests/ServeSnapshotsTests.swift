import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

@testable import ContentServer

@Suite("Snapshots over HTTP", .timeLimit(.minutes(1)))
struct ServeSnapshotsTests {
    @Test("A connection sees one snapshot over a switch, for a minute")
    func switching() async throws {
        let mirror = try TestMirror()
        let first = try mirror.addSnapshot(1, files: ["Release": "one", "old.deb": "old"])
        let second = try mirror.addSnapshot(2, files: ["Release": "two", "new.deb": "new"])
        let third = try mirror.addSnapshot(3, files: ["Release": "three"])
        try mirror.activate(first)
        try await mirror.serve { _, endpoint in
            try await offload {
                let early = try RawConnection(to: endpoint)
                let waiting = try RawConnection(to: endpoint)
                #expect(try early.request("/debian/Release").text == "one")
                try mirror.activate(second)
                #expect(try early.request("/debian/Release").text == "one")
                // It counts when a connection first asks, not when it opens.
                #expect(try waiting.request("/debian/Release").text == "two")
                #expect(try early.request("/debian/old.deb").text == "old")
                #expect(try waiting.request("/debian/old.deb").text == "old", "from the retained snapshot")
                #expect(try early.request("/debian/new.deb").text == "new", "what it lacks comes from another one")
                #expect(try waiting.request("/debian/none").status == 404)
                #expect(try waiting.request("/.swarm/debian/snap/current/Release").text == "two")
                mirror.setClock(ahead: 50)
                #expect(try early.request("/debian/Release").text == "one")
                mirror.setClock(ahead: 61)
                #expect(try early.request("/debian/Release").text == "two")
                mirror.forget(first)
                #expect(try early.request("/debian/old.deb").status == 404)
                // A tree that goes while a connection sees it.
                mirror.setClock(ahead: 0)
                try mirror.activate(third)
                #expect(try early.request("/debian/Release").text == "two")
                rename(mirror.layout.tree(second), mirror.directory + "/recycled")
                #expect(try early.request("/debian/Release").text == "three")
            }
        }
    }

    @Test("A private tree does not exist until its activation")
    func embargo() async throws {
        let mirror = try TestMirror()
        try mirror.activate(mirror.addSnapshot(1, files: ["Release": "one"]))
        let held = try mirror.addSnapshot(2, files: ["Release": "two"], isPrivate: true)
        try mirror.addSnapshot(3, files: ["Release": "three"])
        try FileManager.default.createSymbolicLink(
            atPath: "\(mirror.layout.masterTags)/next", withDestinationPath: "../snap/\(held)")
        try FileManager.default.createSymbolicLink(
            atPath: "\(mirror.layout.localTags)/keep", withDestinationPath: "../snap/\(try TestMirror.id(3))")
        try await mirror.serve { _, endpoint in
            try await offload {
                let client = try RawConnection(to: endpoint)
                let paths = ["/.swarm/debian/snap/\(held)/Release", "/.swarm/debian/master-snap/next/Release"]
                for path in paths + ["/.swarm/debian/snap/\(held)/", "/.swarm/debian/snap/\(held)"] {
                    #expect(try client.request(path).status == 404, "\(path)")
                }
                #expect(try client.request("/.swarm/debian/local-snap/keep/Release").text == "three")
                #expect(try client.request("/.swarm/debian/local-snap/none/Release").status == 404)
                #expect(try client.request("/.swarm/debian/local-snap/next/Release").status == 404)
                let moved = try client.request("/.swarm/debian/local-snap/keep")
                #expect(moved.headers["location"] == "/.swarm/debian/local-snap/keep/")
                // Open for members of a group is not open.
                chmod(mirror.layout.tree(held), 0o750)
                #expect(try client.request(paths[0]).status == 404)
                chmod(mirror.layout.tree(held), 0o755)
                for path in paths { #expect(try client.request(path).text == "two", "\(path)") }
            }
        }
    }

    @Test("Manifests, torrents and deltas are immutable")
    func documents() async throws {
        let mirror = try TestMirror()
        let id = try TestMirror.id(1)
        let hash = try unwrap(InfoHash(hex: RouteTests.hash))
        try TestMirror.write("{}", to: mirror.layout.manifest(id))
        try TestMirror.write("d4:infode", to: mirror.layout.torrent(hash))
        try TestMirror.write("zst", to: mirror.layout.compressedTorrent(hash))
        try TestMirror.write("delta", to: mirror.layout.deltas + "/ab-cd.zst")
        symlink("../state.sqlite", mirror.layout.deltas + "/ee.zst")
        try TestMirror.write("secret", to: mirror.layout.state)
        try await mirror.serve { _, endpoint in
            try await offload {
                let client = try RawConnection(to: endpoint)
                for (path, type, text) in [
                    ("manifests/\(id).json", "application/json", "{}"),
                    ("torrents/\(hash).torrent", "application/x-bittorrent", "d4:infode"),
                    ("torrents/\(hash).torrent.zst", "application/zstd", "zst"),
                    ("deltas/ab-cd.zst", "application/zstd", "delta"),
                ] {
                    let response = try client.request("/.swarm/debian/\(path)")
                    #expect(response.text == text)
                    #expect(response.headers["content-type"] == type)
                    #expect(response.headers["cache-control"] == ContentResponder.immutable)
                    let etag = try unwrap(response.headers["etag"])
                    let again = try client.request("/.swarm/debian/\(path)", ["If-None-Match: \(etag)"])
                    #expect(again.status == 304)
                    #expect(again.headers["cache-control"] == ContentResponder.immutable)
                }
                #expect(try client.request("/.swarm/debian/deltas/ff.zst").status == 404)
                #expect(try client.request("/.swarm/debian/deltas/ee.zst").status == 404)
            }
        }
    }

    @Test("A set without a current snapshot, and a reload of the sets")
    func reload() async throws {
        let mirror = try TestMirror()
        let other = try TestMirror(set: "fedora")
        try other.activate(other.addSnapshot(1, files: ["a": "fedora"]))
        try await mirror.serve { server, endpoint in
            let client = try RawConnection(to: endpoint)
            try await offload {
                let early = try client.request("/debian/Release")
                #expect(early.status == 404)
                #expect(early.text.contains("no current snapshot yet"))
                #expect(try client.request("/fedora/a").status == 404)
            }
            server.replaceSites([other.site])
            try await offload {
                let added = try client.request("/fedora/a")
                #expect(added.text == "fedora")
                #expect(try client.request("/debian/").status == 404)
            }
        }
    }
}
