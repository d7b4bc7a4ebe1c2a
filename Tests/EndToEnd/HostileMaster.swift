import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Synchronization

/// A master that holds the set's key and abuses it: what it signs and what it serves is for the test to say.
final class HostileMaster: Sendable {
    /// One file of a torrent that is written by hand; nothing in it is checked.
    struct Entry {
        var path: [[UInt8]]
        var content: [UInt8] = []
        /// What the torrent says, where it differs from the content.
        var length: Int64?
        /// Makes it a symbolic link (BEP 47) to that path from the root.
        var link: [[UInt8]]?

        init(_ path: String, _ content: String = "content") {
            self.path = path.split(separator: "/", omittingEmptySubsequences: false).map { Array($0.utf8) }
            self.content = Array(content.utf8)
        }

        init(path: [[UInt8]]) {
            self.path = path
            content = Array("content".utf8)
        }
    }

    private struct State {
        var version: UInt64 = 0
        var serial: Serial = 0
        var note: [UInt8] = []
        var replies: [String: SmallHTTPServer.Reply] = [:]
        var files: [String: [UInt8]] = [:]
        /// What is answered instead of the feed.
        var feedReply: SmallHTTPServer.Reply?
        var isStopped = false
    }

    static let pieceLength = 1 << 16
    let set: SetName
    let key: SigningKey
    private let state = Mutex(State())
    private let news = NSCondition()
    private let server = Mutex<SmallHTTPServer?>(nil)
    /// Base URL for nodes.
    var url: String { server.withLock { $0?.url ?? "" } }

    init(_ name: String) throws {
        guard let set = SetName(name) else { throw LoggedProcess.Disappointment("no name of a set") }
        self.set = set
        key = try SigningKey.generate(name: name)
        let server = try SmallHTTPServer { [weak self] in self?.answer($0) ?? .missing }
        self.server.withLock { $0 = server }
    }

    func stop() {
        news.lock()
        state.withLock { $0.isStopped = true }
        news.broadcast()
        news.unlock()
        server.withLock { $0?.stop() }
    }

    private func answer(_ request: SmallHTTPServer.Request) -> SmallHTTPServer.Reply {
        if request.path == "/.swarm/\(set)/feed" { return feed(request) }
        let (reply, file) = state.withLock { ($0.replies[request.path], $0.files[request.path]) }
        if let reply { return reply }
        guard let file else { return .missing }
        guard let range = request.range, range.upperBound < file.count else { return .ok(file) }
        return .content(status: 206, Array(file[range]))
    }

    private func feed(_ request: SmallHTTPServer.Request) -> SmallHTTPServer.Reply {
        let after = request.parameter("after").flatMap { UInt64(String(decoding: $0, as: UTF8.self)) } ?? 0
        news.lock()
        defer { news.unlock() }
        while true {
            let now = state.withLock { $0 }
            if now.isStopped { return .missing }
            if let reply = now.feedReply { return reply }
            if now.version > after { return .ok(now.note) }
            news.wait()
        }
    }

    // MARK: What is said

    /// Answers the feed with something else; nil for the feed.
    func answerFeed(with reply: SmallHTTPServer.Reply?) {
        news.lock()
        state.withLock { $0.feedReply = reply }
        news.broadcast()
        news.unlock()
    }

    /// A torrent in bencoding, canonical but for what `entries` say.
    func torrent(_ entries: [Entry], links: [(String, String)] = []) -> [UInt8] {
        var content: [UInt8] = []
        for entry in entries where entry.link == nil { content += entry.content }
        let stated = entries.reduce(Int64(0)) {
            $0 &+ ($1.link == nil ? max(0, $1.length ?? Int64($1.content.count)) : 0)
        }
        let pieces = Int(min(16, (stated + Int64(Self.pieceLength) - 1) / Int64(Self.pieceLength)))
        content += [UInt8](
            repeating: 0, count: max(0, min(Int(clamping: stated), pieces * Self.pieceLength) - content.count))
        var hashes: [UInt8] = []
        for piece in 0..<pieces {
            let end = min(content.count, (piece + 1) * Self.pieceLength)
            hashes += Digest.sha1(Array(content[(piece * Self.pieceLength)..<end])).bytes
        }
        var writer = BencodeWriter()
        writer.dictionary { writer in
            writer.key("info")
            writer.dictionary { writer in
                writer.key("files")
                writer.list { writer in
                    for entry in entries { Self.write(entry, &writer) }
                }
                writer.key("name")
                writer.string(set.rawValue)
                writer.key("piece length")
                writer.integer(Self.pieceLength)
                writer.key("pieces")
                writer.string(hashes)
                writer.key("swarm")
                writer.dictionary { writer in
                    if !links.isEmpty {
                        writer.key("links")
                        writer.list { writer in
                            for link in links {
                                writer.list { writer in
                                    writer.string(link.0)
                                    writer.string(link.1)
                                }
                            }
                        }
                    }
                    writer.key("version")
                    writer.integer(1)
                }
            }
        }
        return writer.bytes
    }

    private static func write(_ entry: Entry, _ writer: inout BencodeWriter) {
        func write(_ path: [[UInt8]], _ writer: inout BencodeWriter) {
            writer.list { writer in
                for component in path { writer.string(component) }
            }
        }
        writer.dictionary { writer in
            if entry.link != nil {
                writer.key("attr")
                writer.string("l")
            }
            writer.key("length")
            writer.integer(entry.link == nil ? entry.length ?? Int64(entry.content.count) : 0)
            writer.key("path")
            write(entry.path, &writer)
            if let link = entry.link {
                writer.key("symlink path")
                write(link, &writer)
            } else {
                writer.key("sha256")
                writer.string(Digest.sha256(entry.content).bytes)
            }
        }
    }

    /// Lies about a snapshot.
    struct Lies {
        /// Served in place of the torrent's frame.
        var compressed: SmallHTTPServer.Reply?
        /// Said of the torrent in the manifest.
        var torrentSize: Int?
        var torrentDigest: SHA256Digest?
        var infoHash: InfoHash?
        var compressedSize: Int?
        /// Served in place of the manifest.
        var manifest: SmallHTTPServer.Reply?
        var manifestSize: Int?
        var manifestDigest: SHA256Digest?
        var set: SetName?
        /// Files that are served for HTTP ranges.
        var entries: [Entry] = []
    }

    /// Publishes a snapshot of one torrent, as a feed that a node believes.
    @discardableResult
    func publish(_ torrent: [UInt8], _ lies: Lies = Lies()) throws -> SnapshotID {
        var random = SystemRandomNumberGenerator()
        let uuid = SnapshotID.random(using: &random)
        let now = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))
        let infoHash = try lies.infoHash ?? (Torrent(parsing: torrent)).infoHash
        return try publish(torrent, lies, uuid, now, infoHash)
    }

    /// Publishes a torrent that our own parser would refuse.
    @discardableResult
    func publish(unparsed torrent: [UInt8], _ lies: Lies = Lies()) throws -> SnapshotID {
        var random = SystemRandomNumberGenerator()
        let uuid = SnapshotID.random(using: &random)
        let now = Date(timeIntervalSince1970: Date().timeIntervalSince1970.rounded(.down))
        return try publish(torrent, lies, uuid, now, lies.infoHash ?? Digest.sha1(torrent))
    }

    private func publish(
        _ torrent: [UInt8], _ lies: Lies, _ uuid: SnapshotID, _ now: Date, _ infoHash: InfoHash
    ) throws -> SnapshotID {
        let compressed = try Zstd.compress(torrent)
        let serial = state.withLock { state in
            state.serial += 1
            return state.serial
        }
        let manifest = try Documents.encode(
            Manifest(
                set: lies.set ?? set, uuid: uuid, serial: serial, parent: nil, created: now,
                pieceLength: Self.pieceLength,
                shards: [
                    Manifest.Shard(
                        start: "", priority: nil, infoHash: infoHash,
                        torrent: Pinned(
                            size: lies.torrentSize ?? torrent.count,
                            sha256: lies.torrentDigest ?? Digest.sha256(torrent)),
                        compressedSize: lies.compressedSize ?? compressed.count,
                        classes: ["4": .init(files: 1, bytes: 7)])
                ], deleted: .init()))
        let entry = Feed.Entry(
            uuid: uuid, serial: serial, created: now,
            manifest: Pinned(
                size: lies.manifestSize ?? manifest.count, sha256: lies.manifestDigest ?? Digest.sha256(manifest)),
            files: 1, bytes: 7, activation: Activation(hold: false, notBefore: now))
        news.lock()
        defer { news.unlock() }
        try state.withLock { state in
            state.version += 1
            let feed = Feed(
                set: set, version: state.version, issued: now, expires: now.addingTimeInterval(3600), snapshots: [entry]
            )
            state.note = try SignedNote.sign(text: try Documents.encode(feed), keys: [key])
            state.replies["/.swarm/\(set)/manifests/\(uuid).json"] = lies.manifest ?? .ok(manifest)
            state.replies["/.swarm/\(set)/torrents/\(infoHash).torrent.zst"] = lies.compressed ?? .ok(compressed)
            for entry in lies.entries {
                let path = entry.path.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
                state.files["/.swarm/\(set)/snap/\(uuid)/\(path)"] = entry.content
            }
        }
        news.broadcast()
        return uuid
    }

    /// Publishes a snapshot without fault that holds one file.
    @discardableResult
    func publishHonestly(_ name: String, _ content: String) throws -> SnapshotID {
        let entry = Entry(name, content)
        return try publish(torrent([entry]), Lies(entries: [entry]))
    }
}
