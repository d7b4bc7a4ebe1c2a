import SwarmCore
import SwarmTestSupport
import Testing

@testable import ContentServer

@Suite("Routes")
struct RouteTests {
    static let uuid = "0a1b2c3d-0000-4000-8000-0123456789ab"
    static let hash = String(repeating: "ab", count: 20)

    private func tree(_ target: String) throws -> TreeRequest {
        guard case .tree(let tree) = try Route(target: target) else { throw ClientFailure(what: "no tree: \(target)") }
        return tree
    }

    @Test("A set's path is decoded and normalised")
    func paths() throws {
        let request = try tree("/debian//pool/./main/g%2b%2B/a%20b%ff?x=1")
        #expect(request.set.rawValue == "debian")
        #expect(request.version == .current)
        #expect(
            request.path.components == ["pool", "main", "g++"].map { Array($0.utf8) } + [Array("a b".utf8) + [0xff]])
        #expect(!request.path.isDirectory)
        #expect(try tree("/debian").path == TreePath(components: [], isDirectory: false))
        #expect(try tree("/debian/").path == TreePath(components: [], isDirectory: true))
        #expect(try tree("/debian/dists/.").path.isDirectory)
        #expect(try tree("http://mirror.example/debian/dists/").path.isDirectory)
        #expect(try tree("/debian/.treeinfo").path.components == [Array(".treeinfo".utf8)])
        #expect(try tree("/debian/a%5Cb").path.components == [Array("a\\b".utf8)])
    }

    @Test("Paths of the service directory")
    func service() throws {
        let set = try unwrap(SetName("debian"))
        let id = try unwrap(SnapshotID(Self.uuid))
        let hash = try unwrap(InfoHash(hex: Self.hash))
        #expect(try Route(target: "/") == .sets)
        #expect(try Route(target: "http://mirror.example") == .sets)
        #expect(try Route(target: "/.swarm/status") == .status)
        #expect(try Route(target: "/.swarm/metrics") == .metrics)
        #expect(try Route(target: "/.swarm/debian/feed") == .feed(set, FeedQuery()))
        #expect(
            try Route(target: "/.swarm/debian/feed?after=7&wait=9999") == .feed(set, FeedQuery(after: 7, wait: 3600)))
        #expect(try Route(target: "/.swarm/debian/manifests/\(Self.uuid).json") == .document(set, .manifest(id)))
        #expect(try Route(target: "/.swarm/debian/torrents/\(Self.hash).torrent") == .document(set, .torrent(hash)))
        #expect(
            try Route(target: "/.swarm/debian/torrents/\(Self.hash).torrent.zst")
                == .document(set, .compressedTorrent(hash)))
        #expect(try Route(target: "/.swarm/debian/deltas/ab-01.zst") == .document(set, .delta("ab-01.zst")))
        let snapshot = try tree("/.swarm/debian/snap/\(Self.uuid)/dists/")
        #expect(snapshot.version == .snapshot(id))
        #expect(snapshot.path.components.count == 1)
        #expect(snapshot.prefix == "/.swarm/debian/snap/\(Self.uuid)")
        #expect(try tree("/.swarm/debian/snap/current/x").version == .current)
        #expect(try tree("/.swarm/debian/master-snap/v12/").version == .masterTag("v12"))
        #expect(try tree("/.swarm/debian/local-snap/keep/x").version == .localTag("keep"))
    }

    @Test(
        "What would leave its tree, or cannot be understood, is malformed",
        arguments: [
            "/debian/../x", "/debian/%2e%2e/x", "/debian/%2E./x", "/../debian", "/debian/a%2fb", "/debian/a%00b",
            "/debian/%", "/debian/%4", "/debian/%zz", "*", "debian", "/.swarm/debian/feed?after=x",
            "/.swarm/debian/feed?wait=-1", "/.swarm/debian/snap/\(uuid)/%2e%2e/%2e%2e/other",
        ])
    func malformed(target: String) {
        #expect {
            try Route(target: target)
        } throws: {
            if case .malformed? = $0 as? Route.Problem { true } else { false }
        }
    }

    @Test(
        "Unknown names",
        arguments: [
            "/.hidden/", "/.swarm", "/.swarm/", "/.swarm/debian", "/.swarm/debian/", "/.swarm/debian/state.sqlite",
            "/.swarm/status/x", "/.swarm/debian/feed/", "/.swarm/debian/manifests/", "/.swarm/debian/manifests/x.json",
            "/.swarm/debian/manifests/\(uuid)", "/.swarm/debian/torrents/abcd.torrent",
            "/.swarm/debian/torrents/\(hash)", "/.swarm/debian/deltas/x.zst", "/.swarm/debian/deltas/.zst",
            "/.swarm/debian/deltas/ab.txt", "/.swarm/debian/deltas/ab.zst/", "/.swarm/debian/snap/",
            "/.swarm/debian/snap/x/", "/.swarm/debian/master-snap/", "/.swarm/debian/master-snap/.x/",
        ])
    func unknown(target: String) {
        #expect(throws: Route.Problem.unknown) { try Route(target: target) }
    }

    @Test("A directory's URL is encoded, and decodes to itself")
    func encoding() throws {
        let path = TreePath(components: [Array("a b%?#".utf8), [0xff, 0x22]], isDirectory: false)
        let url = path.directoryURL(after: "/debian")
        #expect(url == "/debian/a%20b%25%3F%23/%FF%22/")
        #expect(try tree(url).path.components == path.components)
    }
}
