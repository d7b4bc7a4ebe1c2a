internal import FoundationEssentials
internal import Metainfo
internal import SwarmCore
internal import TrackerCore

/// Files of snapshots to ask nodes for, drawn at random from the torrents at the upstreams. A few dozen questions of each
/// snapshot are kept for a while, so that many nodes cost an upstream no more than one; of the torrents nothing is kept,
/// and one is loaded at a time.
actor SnapshotSamples {
    /// Questions about one snapshot.
    struct Pool: Sendable {
        var entryPoints: [ProbeQuestion] = []
        var payload: [ProbeQuestion] = []
    }

    private struct Drawn {
        let pool: Task<Pool, any Error>
        let at: ContinuousClock.Instant
    }

    /// How many questions of each kind are drawn at once.
    private static let poolSize = 48
    /// How many snapshots' pools are kept.
    private static let poolLimit = 32
    /// How long a pool is used.
    private static let lifetime = Duration.seconds(600)

    private let sources: [SwarmCore.SetName: FeedSource]
    private var pools: [SnapshotID: Drawn] = [:]
    private var last: Task<Pool, any Error>?

    init(sources: [FeedSource]) {
        self.sources = Dictionary(sources.map { ($0.set.name, $0) }) { first, _ in first }
    }

    /// Questions of one round about a snapshot: so many entry points, whole, and a part of another file. Empty for a
    /// snapshot without files.
    func questions(about snapshot: Feed.Entry, of set: SwarmCore.SetName, entryPoints: Int) async throws
        -> [ProbeQuestion]
    {
        guard let source = sources[set] else { throw TrackerError(.upstream, "the set \(set) is not followed") }
        let drawn = pools[snapshot.uuid].flatMap { ContinuousClock.now - $0.at < Self.lifetime ? $0 : nil }
        let task = drawn?.pool ?? draw(snapshot, source)
        do {
            let pool = try await task.value
            return Array(pool.entryPoints.shuffled().prefix(entryPoints)) + pool.payload.shuffled().prefix(1)
        } catch {
            // The next one who asks tries again.
            if pools[snapshot.uuid]?.pool == task { pools[snapshot.uuid] = nil }
            throw error
        }
    }

    private func draw(_ snapshot: Feed.Entry, _ source: FeedSource) -> Task<Pool, any Error> {
        if pools.count >= Self.poolLimit, let oldest = pools.min(by: { $0.value.at < $1.value.at }) {
            pools[oldest.key] = nil
        }
        let before = last
        let task = Task {
            // One after the other: a torrent of millions of files takes hundreds of megabytes.
            _ = await before?.result
            return try await Self.pool(of: snapshot, source)
        }
        last = task
        pools[snapshot.uuid] = Drawn(pool: task, at: .now)
        return task
    }

    private static func pool(of snapshot: Feed.Entry, _ source: FeedSource) async throws -> Pool {
        let manifest = try await source.manifest(of: snapshot)
        var pool = Pool()
        var random = SystemRandomNumberGenerator()
        func isEntry(_ priority: Int) -> Bool { priority == Int(Priority.entryPoint.rawValue) }
        let entryShard = shard(of: manifest, using: &random, where: isEntry)
        // What changes least is what most of the bytes are; where all is metadata, that.
        let payloadShard =
            shard(of: manifest, using: &random) { $0 >= Int(Priority.payload.rawValue) }
            ?? shard(of: manifest, using: &random) { !isEntry($0) }
        if let entryShard {
            let torrent = try await source.torrent(entryShard)
            pool.entryPoints = questions(from: torrent, using: &random) { isEntry(Int($0.rawValue)) }
            if payloadShard?.infoHash == entryShard.infoHash {
                pool.payload = payload(from: torrent, using: &random)
                return pool
            }
        }
        if let payloadShard {
            let torrent = try await source.torrent(payloadShard)
            pool.payload = payload(from: torrent, using: &random)
        }
        return pool
    }

    private static func payload(
        from torrent: Torrent, using random: inout some RandomNumberGenerator
    ) -> [ProbeQuestion] {
        let payload = questions(from: torrent, using: &random) { $0 >= .payload }
        return payload.isEmpty ? questions(from: torrent, using: &random) { $0 > .entryPoint } : payload
    }

    /// A shard by lot, in which each file of the classes that count is a ticket; nil when there is none.
    private static func shard(
        of manifest: Manifest, using random: inout some RandomNumberGenerator, where counts: (Int) -> Bool
    ) -> Manifest.Shard? {
        let weights = manifest.shards.map { shard in
            shard.classes.reduce(0) { sum, one in
                counts(Int(one.key) ?? 0) ? sum + max(0, min(one.value.files, 1 << 40)) : sum
            }
        }
        let total = weights.reduce(0) { $0 &+ $1 }
        guard total > 0 else { return nil }
        var ticket = Int.random(in: 0..<total, using: &random)
        for (shard, weight) in zip(manifest.shards, weights) {
            if ticket < weight { return shard }
            ticket -= weight
        }
        return nil
    }

    private static func questions(
        from torrent: Torrent, using random: inout some RandomNumberGenerator, where counts: (Priority) -> Bool
    ) -> [ProbeQuestion] {
        var chosen = Reservoir<Int>(capacity: poolSize)
        for file in torrent.files where counts(torrent.priority(file)) { chosen.add(file, using: &random) }
        return chosen.elements.map { torrent.question(about: $0, using: &random) }
    }
}

extension Torrent {
    /// A file of at most this length is asked for as a whole; longer ones start on a piece.
    private static let wholeLimit: Int64 = 128 << 10
    /// An entry point up to this length is asked for as a whole.
    private static let entryPointLimit: Int64 = 8 << 20
    /// A part has at most this length.
    private static let partLimit: Int64 = 4 << 20

    /// What to ask to see whether a node has a file: all of it when it is short, else the part that a piece of the
    /// torrent covers.
    func question(about entry: Int, using random: inout some RandomNumberGenerator) -> ProbeQuestion {
        let length = length(entry)
        let limit = priority(entry) == .entryPoint ? Self.entryPointLimit : Self.wholeLimit
        guard length > limit else {
            return ProbeQuestion(whole: path(entry), length: length, sha256: sha256(entry))
        }
        let piece = Int.random(in: pieces(entry), using: &random)
        let start = Int64(piece) * Int64(pieceLength)
        let end = start + Int64(self.length(ofPiece: piece))
        let own = max(start, offset(entry))..<min(end, offset(entry) + length)
        let part = (own.lowerBound - offset(entry))..<(own.upperBound - offset(entry))
        let isAlone = entries(inPiece: piece).allSatisfy { $0 == entry || kind($0) == .pad }
        guard isAlone, Int64(part.count) <= Self.partLimit, let hash = InfoHash(bytes: pieceHash(piece)) else {
            let short = part.lowerBound..<min(part.upperBound, part.lowerBound + Self.wholeLimit)
            return ProbeQuestion(short, of: path(entry), length: length, proof: .length)
        }
        // Pads are zeros (BEP 47).
        let proof = ProbeQuestion.Proof.piece(
            hash, zerosBefore: Int(own.lowerBound - start), zerosBehind: Int(end - own.upperBound))
        return ProbeQuestion(part, of: path(entry), length: length, proof: proof)
    }
}
