import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Testing

/// What a master that turned against its mirrors can sign and serve: a node refuses each piece of it with a sentence that
/// names the fault, keeps what it has, and goes on with the next good state without being started again.
@Suite("Hostile upstream", .serialized)
struct HostileUpstreamTests {
    typealias Entry = HostileMaster.Entry

    /// A node that follows a hostile master.
    struct Rig {
        let directory: TemporaryDirectory
        let master: HostileMaster
        let node: LoggedProcess
        var root: String { directory["root"] }

        init() throws {
            directory = try TemporaryDirectory("hostile")
            master = try HostileMaster("hostile")
            let configuration = """
                peer-listen = "127.0.0.1:0"
                [[set]]
                name = "hostile"
                root = "\(directory["root"])"
                upstream = "\(master.url)"
                key = "\(master.key.verifyingKey)"
                http-after = "0s"
                poll-interval = "1s"

                """
            try configuration.write(toFile: directory["node.toml"], atomically: true, encoding: .utf8)
            node = try LoggedProcess.own("swarm-node", ["run", "--config", directory["node.toml"]])
        }

        /// Publishes a good state and waits until it is current.
        func succeed(_ name: String) async throws {
            let mark = node.mark
            let uuid = try master.publishHonestly("good", "good \(name)")
            try await node.line(with: "activated", "\(uuid)", after: mark)
            #expect(try String(contentsOfFile: "\(root)/current/good", encoding: .utf8) == "good \(name)")
        }

        /// Does something hostile, waits until the log names it, and expects that nothing came of it.
        func refuse(_ name: String, _ words: String, _ body: () throws -> Void) async throws {
            let current = try FileManager.default.destinationOfSymbolicLink(atPath: "\(root)/current")
            let mark = node.mark
            try body()
            let line = try await node.line(with: words, after: mark)
            #expect(line.contains(" error ") || line.contains(" warning "), "\(name)")
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(root)/current") == current, "\(name)")
            let status = try await LoggedProcess.run(own: "swarm-node", ["status", "--root", root, "--json"])
            #expect(status.contains("\"error\""), "\(name): \(status)")
            #expect(try outside() == ["node.toml", "root"], "\(name)")
            #expect(try #require(node.peakMemory) < 300 << 20, "\(name)")
            master.answerFeed(with: nil)
            try await succeed(name)
        }

        /// What lies beside the root.
        func outside() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        }

        func end() async {
            master.stop()
            #expect(await node.stop() == 0)
        }
    }

    @Test("paths, links and lengths in a torrent")
    func torrents() async throws {
        let rig = try Rig()
        try await rig.succeed("first")
        let master = rig.master
        var huge = Entry("huge")
        huge.length = 1 << 60
        var negative = Entry("negative")
        negative.length = -5
        var link = Entry("link")
        link.link = [Array("..".utf8), Array("..".utf8), Array("etc".utf8)]
        var long = Entry("long")
        long.length = 1 << 40
        let cases: [(String, String, [UInt8])] = [
            ("parent", "..", master.torrent([Entry("a/../../../escaped")])),
            ("absolute", "an empty name", master.torrent([Entry("/escaped")])),
            ("slash", "a name with a slash", master.torrent([Entry(path: [Array("../escaped".utf8)])])),
            ("NUL", "NUL", master.torrent([Entry(path: [[65, 0, 66]])])),
            ("UTF-8", "not UTF-8", master.torrent([Entry(path: [[0xff, 0xfe]])])),
            ("twice", "twice", master.torrent([Entry("same", "one"), Entry("same", "two")])),
            ("below a file", "below", master.torrent([Entry("a", "one"), Entry("a/b", "two")])),
            ("huge", "beyond the limit", master.torrent([huge])),
            ("negative", "negative", master.torrent([negative])),
            ("too few hashes", "piece hashes", master.torrent([long])),
            ("BEP 47 link", "..", master.torrent([link, Entry("x")])),
            ("link", "leaves the tree", master.torrent([Entry("x")], links: [("link", "../../etc/passwd")])),
            ("absolute link", "leaves the tree", master.torrent([Entry("x")], links: [("link", "/etc/passwd")])),
            ("long name", "255", master.torrent([Entry(String(repeating: "n", count: 256))])),
            ("garbage", "ends too early", Array("d4:infod5:files".utf8)),
        ]
        for (name, words, torrent) in cases {
            try await rig.refuse(name, words) { try master.publish(unparsed: torrent) }
        }
        await rig.end()
    }

    @Test("documents that are not what was signed")
    func documents() async throws {
        let rig = try Rig()
        try await rig.succeed("first")
        let master = rig.master
        let torrent = master.torrent([Entry("good", "other")])
        let zeros = [UInt8](repeating: 0, count: 1 << 28)
        let bomb = try Zstd.compress(zeros)
        let other = Digest.sha256([1, 2, 3])
        func lies(_ change: (inout HostileMaster.Lies) -> Void) -> HostileMaster.Lies {
            var lies = HostileMaster.Lies()
            change(&lies)
            return lies
        }
        let tail = [UInt8](repeating: 7, count: 4096)
        let wrong = SetName("another")
        let cases: [(String, String, HostileMaster.Lies)] = [
            ("torrent larger", "more than", lies { $0.compressed = .ok(tail + tail) }),
            ("torrent endless", "more than", lies { $0.compressed = .endless }),
            ("torrent of garbage", "zst", lies { $0.compressed = .ok([1, 2, 3]) }),
            ("torrent missing", "404", lies { $0.compressed = .missing }),
            ("no HTTP", "does not answer", lies { $0.compressed = .garbage(tail) }),
            ("info-hash", "another info-hash", lies { $0.infoHash = Digest.sha1([9]) }),
            ("torrent's digest", "not the one that the manifest names", lies { $0.torrentDigest = other }),
            (
                "bomb", "bytes",
                lies {
                    $0.compressed = .ok(bomb)
                    $0.compressedSize = bomb.count
                    $0.torrentSize = max(torrent.count, bomb.count)
                }
            ),
            ("torrent too large", "larger than a torrent may be", lies { $0.torrentSize = 1 << 40 }),
            ("manifest larger", "more than", lies { $0.manifest = .ok(tail + tail) }),
            ("manifest endless", "more than", lies { $0.manifest = .endless }),
            (
                "manifest garbage", "not the one that was signed",
                lies {
                    $0.manifest = .ok(tail); $0.manifestSize = 4096
                }
            ),
            ("manifest digest", "not the one that was signed", lies { $0.manifestDigest = other }),
            ("manifest missing", "404", lies { $0.manifest = .missing }),
            ("manifest of another set", "is of another", lies { $0.set = wrong }),
        ]
        for (name, words, lies) in cases {
            try await rig.refuse(name, words) { try master.publish(torrent, lies) }
        }
        await rig.end()
    }

    @Test("feeds")
    func feeds() async throws {
        let rig = try Rig()
        try await rig.succeed("first")
        let master = rig.master
        let stranger = try SigningKey.generate(name: "hostile")
        let text = Array("{\"set\":\"hostile\"}\n".utf8)
        let garbage = try SignedNote.sign(text: text, keys: [master.key])
        let cases: [(String, String, SmallHTTPServer.Reply)] = [
            ("endless", "more than", .endless),
            ("garbage", "the feed is refused", .ok(Array("not a note".utf8))),
            ("stranger", "no known key", .ok(try SignedNote.sign(text: text, keys: [stranger]))),
            ("nonsense that is signed", "is no feed", .ok(garbage)),
        ]
        for (name, words, reply) in cases {
            try await rig.refuse(name, words) { master.answerFeed(with: reply) }
        }
        await rig.end()
    }
}
