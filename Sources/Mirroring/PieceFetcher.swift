internal import Logging
internal import Metainfo
internal import SwarmCore
internal import TorrentEngine

/// Fetches pieces over HTTP while the swarm does not deliver: a bounded number of requests is always under way, each for
/// neighbouring pieces. What comes is checked, and handed to the engine like any other piece.
actor PieceFetcher {
    /// Requests at once.
    static let width = 8
    /// Bytes of one request at most, unless a piece is longer.
    static let runLength = 4 << 20
    /// Bytes that the engine may have been given and not have written: beyond that nothing is asked for, and only what is
    /// under way still comes. A disk may be slower than an upstream.
    static let unwrittenLimit = 16 << 20
    /// For how long nothing may arrive of what the engine was given, before it is fetched again.
    private static let delivery = Duration.seconds(10)
    /// Runs that are worked out at once.
    private static let queueLength = 256

    /// Neighbouring pieces of one torrent.
    struct Run: Hashable {
        let shard: Int
        let pieces: Range<Int>
    }

    /// A file where it is not, or is another one.
    private struct Refusal: Hashable {
        let file: FileReference
        let place: HTTPPlace
    }

    private let source: HTTPSource
    private let torrents: [TorrentExcerpt]
    /// What is asked for before anything else, by torrent.
    private let preferred: [PieceSet]
    private let engine: TorrentEngine
    private let logger: Logger
    /// From a failure to the next attempt.
    private let rest: Duration

    private var places: [HTTPPlace] = []
    private var refusals: Set<Refusal> = []
    private var missing: [PieceSet]
    /// Pieces that were asked for since the places were last looked for, or that nobody has.
    private var asked: [PieceSet]
    private var handed: [PieceSet]
    /// What the engine was given, and has not written.
    private var unwritten: [PieceSet]
    private var unwrittenBytes = 0
    private var queue: [Run] = []
    private var isPaused = true
    /// When the engine was given something, or wrote it.
    private var lastProgress: ContinuousClock.Instant?
    private var running: [Run: Task<Void, Never>] = [:]
    private var looking: Task<Void, Never>?
    private var nextLook: ContinuousClock.Instant?
    /// Whether an upstream failed since the places were last looked for.
    private var hasFault = false
    /// Bytes that came from upstreams.
    private(set) var bytesReceived: Int64 = 0
    /// What is wrong, while nothing comes.
    private(set) var failure: String?

    init(
        source: HTTPSource, torrents: [TorrentExcerpt], preferred: [PieceSet], engine: TorrentEngine, rest: Duration,
        logger: Logger
    ) {
        self.source = source
        self.torrents = torrents
        self.preferred = preferred
        self.engine = engine
        self.rest = rest
        self.logger = logger
        let none = torrents.map { PieceSet(pieceCount: $0.pieceCount) }
        (missing, asked, handed, unwritten) = (none, none, none, none)
    }

    /// Notes that the engine has these pieces. Returns whether all of them came by way of this fetcher.
    func arrived(_ pieces: [Int], of shard: Int) -> Bool {
        for piece in pieces {
            missing[shard][piece] = false
            guard unwritten[shard][piece] else { continue }
            unwritten[shard][piece] = false
            unwrittenBytes -= torrents[shard].length(ofPiece: piece)
            lastProgress = .now
        }
        // (The places may be changing.)
        if looking == nil { start() }
        return pieces.allSatisfy { handed[shard][$0] }
    }

    /// Goes on with what is missing now; to be called again and again while that is so.
    func fetch(_ missing: [PieceSet]) {
        self.missing = missing
        isPaused = false
        queue = []
        start()
        if running.isEmpty, queue.isEmpty || places.isEmpty { look() }
    }

    /// Asks for nothing further; what is under way still counts.
    func pause() {
        isPaused = true
        queue = []
        failure = nil
    }

    /// Ends everything that is under way.
    func stop() async {
        pause()
        for task in running.values { task.cancel() }
        looking?.cancel()
        await settle()
    }

    /// Returns once nothing is under way.
    func settle() async {
        while let task = looking ?? running.values.first { await task.value }
    }

    /// Missing pieces that were not asked for: parts of one large file, or single pieces of several files.
    static func runs(of missing: [PieceSet], without asked: [PieceSet], _ torrents: [TorrentExcerpt], limit: Int)
        -> [Run]
    {
        var runs: [Run] = []
        for shard in missing.indices {
            let torrent = torrents[shard]
            let longest = max(1, runLength / torrent.pieceLength)
            var left = missing[shard]
            left.subtract(asked[shard])
            var file: Int?
            for piece in left.indices {
                let entries = torrent.entries(inPiece: piece).filter { torrent.kind($0) == .file }
                let only = entries.count == 1 ? entries.first : nil
                if let last = runs.last, last.shard == shard, last.pieces.upperBound == piece,
                    last.pieces.count < longest, let only, only == file
                {
                    runs[runs.count - 1] = Run(shard: shard, pieces: last.pieces.lowerBound..<(piece + 1))
                } else {
                    if runs.count == limit { return runs }
                    runs.append(Run(shard: shard, pieces: piece..<(piece + 1)))
                }
                file = only
            }
        }
        return runs
    }

    // MARK: Places

    /// Looks for places, at most once in `rest`; what could not be had before is then asked for again where it is worth it.
    private func look() {
        guard looking == nil, nextLook.map({ $0 <= .now }) ?? true,
            lastProgress.map({ $0 + Self.delivery <= .now }) ?? true
        else { return }
        let shard = missing.firstIndex { !$0.isEmpty }
        guard let shard, let piece = missing[shard].indices.first else { return }
        let torrent = torrents[shard]
        let entry = torrent.entries(inPiece: piece).first { torrent.kind($0) == .file }
        guard let entry else { return }
        looking = Task { await self.look(for: torrent.file(entry)) }
    }

    private func look(for file: FileEntry) async {
        do {
            let found = try await source.places(probing: file)
            let isWorthIt = hasFault || !Set(found).isSubset(of: places) || found.contains { source.isOpen($0) }
            places = found
            hasFault = false
            // A file that an open snapshot did not have may be a matter of the moment; another snapshot will not get it.
            refusals = refusals.filter { !source.isOpen($0.place) }
            unwritten = torrents.map { PieceSet(pieceCount: $0.pieceCount) }
            unwrittenBytes = 0
            if isWorthIt {
                asked = torrents.map { PieceSet(pieceCount: $0.pieceCount) }
            } else {
                // What the engine was given, and has not taken, it is given again.
                for shard in asked.indices { asked[shard].subtract(handed[shard]) }
                fail("no upstream has the rest of snapshot \(source.snapshot) open yet")
            }
        } catch is CancellationError {
        } catch { fail("\(error)") }
        nextLook = .now + rest
        looking = nil
        start()
    }

    private func fail(_ reason: String) {
        if failure != reason { logger.warning("\(reason)", metadata: ["snapshot": "\(source.snapshot)"]) }
        failure = reason
    }

    // MARK: Requests

    private func start() {
        guard !isPaused, !places.isEmpty else { return }
        while running.count < Self.width, unwrittenBytes < Self.unwrittenLimit {
            if queue.isEmpty {
                let first = zip(missing, preferred).map { $0.intersection($1) }
                queue = Self.runs(of: first, without: asked, torrents, limit: Self.queueLength)
            }
            if queue.isEmpty { queue = Self.runs(of: missing, without: asked, torrents, limit: Self.queueLength) }
            guard !queue.isEmpty else { return }
            let run = queue.removeFirst()
            for piece in run.pieces { asked[run.shard][piece] = true }
            running[run] = Task {
                await self.fetch(run)
                self.running[run] = nil
                self.start()
            }
        }
    }

    /// One run: its files part by part, then its pieces.
    private func fetch(_ run: Run) async {
        let torrent = torrents[run.shard]
        let start = Int64(run.pieces.lowerBound) * Int64(torrent.pieceLength)
        let end = min(Int64(run.pieces.upperBound) * Int64(torrent.pieceLength), torrent.contentLength)
        var content = [UInt8](repeating: 0, count: Int(end - start))
        var absent: Set<Int> = []
        var guessed: [Refusal] = []
        for entry in torrent.entries(inPieces: run.pieces) where torrent.kind(entry) == .file {
            if Task.isCancelled { return }
            let offset = torrent.offset(entry)
            let part = max(0, start - offset)..<min(torrent.length(entry), end - offset)
            let pieces = torrent.pieces(entry).clamped(to: run.pieces)
            guard !absent.isSuperset(of: pieces) else { continue }
            let reference = FileReference(shard: run.shard, entry: entry)
            guard let (bytes, place) = await read(reference, part) else {
                absent.formUnion(pieces)
                continue
            }
            if part.count < torrent.length(entry) { guessed.append(Refusal(file: reference, place: place)) }
            let from = Int(offset + part.lowerBound - start)
            content.replaceSubrange(from..<(from + bytes.count), with: bytes)
        }
        await hand(run, content, absent, guessed)
    }

    /// A part of a file from the first place that has it. A whole file is compared with its digest at once; of a part, the
    /// pieces will tell.
    private func read(_ reference: FileReference, _ part: Range<Int64>) async -> ([UInt8], HTTPPlace)? {
        let torrent = torrents[reference.shard]
        let file = torrent.file(reference.entry)
        for place in places where !refusals.contains(Refusal(file: reference, place: place)) {
            do {
                let bytes = try await source.read(file, part, at: place)
                bytesReceived += Int64(bytes.count)
                if part.count < file.length || Digest.sha256(bytes) == file.sha256 { return (bytes, place) }
                refuse([Refusal(file: reference, place: place)])
            } catch is AbsentFile {
                refusals.insert(Refusal(file: reference, place: place))
            } catch is CancellationError {
                return nil
            } catch {
                // It rests until the places are looked for again.
                fail("\(error)")
                hasFault = true
                places.removeAll { $0.upstream == place.upstream }
                nextLook = .now + rest
            }
        }
        return nil
    }

    /// Gives the engine the pieces that are what they should be.
    private func hand(_ run: Run, _ content: [UInt8], _ absent: Set<Int>, _ guessed: [Refusal]) async {
        let torrent = torrents[run.shard]
        var wrong: Set<Int> = []
        for piece in run.pieces where !absent.contains(piece) && missing[run.shard][piece] {
            let from = (piece - run.pieces.lowerBound) * torrent.pieceLength
            let bytes = Array(content[from..<(from + torrent.length(ofPiece: piece))])
            guard Digest.sha1(bytes).bytes.elementsEqual(torrent.pieceHash(piece)) else {
                wrong.insert(piece)
                continue
            }
            handed[run.shard][piece] = true
            lastProgress = .now
            if !unwritten[run.shard][piece] {
                unwritten[run.shard][piece] = true
                unwrittenBytes += bytes.count
            }
            failure = nil
            do { try await engine.addPiece(torrent.infoHash, PieceIndex(piece), bytes) } catch {
                return logger.debug("\(error)")
            }
        }
        if !absent.isEmpty || !wrong.isEmpty {
            logger.debug(
                "pieces that could not be had over HTTP",
                metadata: [
                    "torrent": "\(torrent.infoHash)", "absent": "\(absent.sorted())", "wrong": "\(wrong.sorted())",
                ])
        }
        guard !wrong.isEmpty else { return }
        let blamed = guessed.filter { torrent.pieces($0.file.entry).contains { wrong.contains($0) } }
        refuse(blamed)
        // Another place may have it right.
        for refusal in blamed {
            for piece in torrent.pieces(refusal.file.entry) where wrong.contains(piece) {
                asked[run.shard][piece] = false
            }
        }
    }

    private func refuse(_ wrong: [Refusal]) {
        for refusal in wrong {
            refusals.insert(refusal)
            // Elsewhere it is a file of another snapshot, and rightly so.
            guard source.isOpen(refusal.place) else { continue }
            let path = torrents[refusal.file.shard].path(refusal.file.entry)
            fail(
                "\(source.upstreams[refusal.place.upstream].base)\(refusal.place.prefix)\(path) has other content than it should"
            )
        }
    }
}
