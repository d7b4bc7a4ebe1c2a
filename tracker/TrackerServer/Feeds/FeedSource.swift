internal import AsyncHTTPClient
internal import FoundationEssentials
internal import Metainfo
internal import NIOCore
internal import NIOHTTP1
internal import SwarmCore
internal import TrackerCore

/// The documents of one set at its upstream. Nothing that comes back is believed before its signature or digest was
/// checked; nothing longer than it may be is read.
struct FeedSource: Sendable {
    let set: TrackerConfiguration.FollowedSet
    let client: HTTPClient

    /// A manifest of more than this is refused: it would name millions of shards.
    private static let manifestLimit = 64 << 20

    /// A feed newer than `version`; nil when there is none within `wait` seconds.
    func feed(after version: UInt64, wait: Int, now: Date) async throws -> Feed? {
        let query = version == 0 ? "" : "?after=\(version)&wait=\(wait)"
        guard let bytes = try await get("feed\(query)", limit: SignedNote.defaultLimit, patience: wait + 30) else {
            return nil
        }
        let feed: Feed
        do {
            feed = try Documents.decode(Feed.self, from: SignedNote.open(bytes, keys: [set.key]).text)
        } catch {
            throw TrackerError(.upstream, "the feed at \(set.upstream) is not believed: \(error)")
        }
        guard feed.format == Feed.currentFormat, feed.set == set.name else {
            throw TrackerError(
                .upstream,
                "the feed at \(set.upstream) is of the set \(feed.set) in format \(feed.format); is the URL right?")
        }
        guard feed.version >= version else {
            throw TrackerError(
                .upstream, "the feed at \(set.upstream) went back from version \(version) to \(feed.version)")
        }
        guard feed.expires > now else {
            throw TrackerError(.upstream, "the feed at \(set.upstream) has expired; is `swarm-publish serve` running?")
        }
        return feed
    }

    /// The list of a snapshot's torrents.
    func manifest(of entry: Feed.Entry) async throws -> Manifest {
        let path = "manifests/\(entry.uuid).json"
        guard entry.manifest.size <= Self.manifestLimit,
            let bytes = try await get(path, limit: entry.manifest.size, patience: 120),
            bytes.count == entry.manifest.size, Digest.sha256(bytes) == entry.manifest.sha256
        else {
            throw TrackerError(.upstream, "\(set.upstream) has not the manifest \(entry.uuid) that its feed promises")
        }
        let manifest = try Documents.decode(Manifest.self, from: bytes)
        guard manifest.set == set.name, manifest.uuid == entry.uuid else {
            throw TrackerError(
                .upstream, "the manifest of snapshot \(entry.uuid) is of \(manifest.set) \(manifest.uuid)")
        }
        return manifest
    }

    /// A torrent of a snapshot.
    func torrent(_ shard: Manifest.Shard) async throws -> Torrent {
        try await Self.torrent(shard, of: set.name) { try await document($0, limit: $1) }
    }

    /// The torrent of a shard, if what `fetch` gets by path and limit is the one that the manifest names.
    static func torrent(
        _ shard: Manifest.Shard, of set: SwarmCore.SetName,
        fetch: (_ path: String, _ limit: Int) async throws -> [UInt8]
    ) async throws -> Torrent {
        guard shard.torrent.size <= Torrent.Limits().size else {
            throw TrackerError(.upstream, "a torrent of \(set) has \(shard.torrent.size) bytes; none is read that long")
        }
        func offered(as form: TorrentForm) async throws -> [UInt8] {
            try await fetch(form.path(shard.infoHash), form.limit(size: shard.torrent.size))
        }
        var form = TorrentForm.compressed
        let bytes: [UInt8]
        do { bytes = try await offered(as: form) } catch let failure as TrackerError where failure.code == .upstream {
            form = .plain
            do { bytes = try await offered(as: form) } catch { throw failure }
        }
        return try torrent(shard, of: set, form, bytes)
    }

    private static func torrent(
        _ shard: Manifest.Shard, of set: SwarmCore.SetName, _ form: TorrentForm, _ offered: [UInt8]
    ) throws -> Torrent {
        let torrent: Torrent
        do {
            let bytes = try form.content(of: offered, size: shard.torrent.size)
            guard bytes.count == shard.torrent.size, Digest.sha256(bytes) == shard.torrent.sha256 else {
                throw TrackerError(.upstream, "its SHA-256 is not the one in the manifest")
            }
            torrent = try Torrent(parsing: bytes)
        } catch {
            throw TrackerError(.upstream, "the torrent \(shard.infoHash) of \(set) is not believed: \(error)")
        }
        guard torrent.infoHash == shard.infoHash, torrent.name == set.rawValue else {
            throw TrackerError(.upstream, "the torrent \(shard.infoHash) has another info-hash, or is of another set")
        }
        return torrent
    }

    /// A snapshot's shards, without the patches: nobody here asks for them.
    func shards(of entry: Feed.Entry) async throws -> [Manifest.Shard] {
        try await manifest(of: entry).shards.map { shard in
            var shard = shard
            shard.deltas = []
            return shard
        }
    }

    /// A document of the set, of at most so many bytes.
    func document(_ path: String, limit: Int) async throws -> [UInt8] {
        guard let bytes = try await get(path, limit: limit, patience: 120) else {
            throw TrackerError(.upstream, "\(set.upstream) says that \(path) did not change; it was not asked for that")
        }
        return bytes
    }

    /// Where the master's seeds are: a peer without a host is where the feed came from. A name that cannot be resolved
    /// is passed over: its seed counts as an ordinary one.
    func masters(of feed: Feed) -> Set<PeerEndpoint> {
        let host = (try? HTTPClient.Request(url: set.upstream))?.host ?? ""
        return Set(
            feed.peers.compactMap { peer in
                let itsHost = peer.isUnspecified ? host : peer.host
                let address = try? SocketAddress.makeAddressResolvingHost(itsHost, port: Int(peer.port))
                return IPAddress(address).map { PeerEndpoint(address: $0, port: peer.port) }
            })
    }

    private func get(_ path: String, limit: Int, patience: Int) async throws -> [UInt8]? {
        let url = "\(set.upstream)/.swarm/\(set.name)/\(path)"
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "User-Agent", value: "swarm-tracker/\(Version.current)")
        do {
            let response = try await client.execute(request, timeout: .seconds(Int64(patience)))
            if response.status == .notModified { return nil }
            guard response.status == .ok else {
                throw TrackerError(.upstream, "\(url) answers \(response.status); does the upstream carry the set?")
            }
            return Array(try await response.body.collect(upTo: limit).readableBytesView)
        } catch let error as TrackerError {
            throw error
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw TrackerError(
                .upstream, "\(url) cannot be read (\(error)); is the address right, and its daemon running?")
        }
    }
}
