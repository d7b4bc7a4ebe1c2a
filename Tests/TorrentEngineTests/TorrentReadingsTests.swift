import Metainfo
import SwarmCore
import SwarmTestSupport
import Synchronization
import Testing
import TorrentEngine

@Suite("Torrents that the engine reads ahead")
struct TorrentReadingsTests {
    private struct Failure: Error {}

    /// A small torrent.
    private static func bytes() throws -> [UInt8] {
        var layout = ShardLayout(policy: .init(pieceLength: 16 << 10, alignFrom: 32 << 10))
        var change = ShardLayout.Change()
        change.added = [
            FileEntry(
                path: "f", length: 7, mtime: 1, executable: false, priority: .payload, sha256: Digest.sha256([1]))
        ]
        layout.apply(change, largeFileHashes: [:]) { _ in false }
        layout.complete([PieceIndex(0): Digest.sha1([])])
        return layout.encode(name: "demo")
    }

    @Test("each is read once, and given once; what nobody has begun, or what fails, is left to who asks")
    func takenOnce() async throws {
        let bytes = try Self.bytes()
        let readings = TorrentReadings(width: 2)
        let torrents = (0..<20).map { Digest.sha1([UInt8($0)]) }
        let read = Mutex<[InfoHash]>([])
        #expect(await readings.take(torrents[0]) == nil)
        @Sendable func reading(_ infoHash: InfoHash) async throws -> TorrentEngine.ReadTorrent {
            read.withLock { $0.append(infoHash) }
            if infoHash == torrents[1] { throw Failure() }
            return try await TorrentEngine.read(bytes)
        }
        readings.begin(torrents.map { infoHash in (infoHash, { try await reading(infoHash) }) })
        var given = 0
        // From the end, so that the two meet.
        for infoHash in torrents.reversed() {
            if await readings.take(infoHash) != nil { given += 1 }
            #expect(await readings.take(infoHash) == nil)
        }
        let all = read.withLock { $0 }
        #expect(Set(all).count == all.count)
        #expect(given == all.filter { $0 != torrents[1] }.count)
    }

    @Test("after the end nothing is given, and nothing more is begun")
    func ended() async throws {
        let readings = TorrentReadings(width: 2)
        let torrents = (0..<5).map { Digest.sha1([UInt8($0)]) }
        let began = AsyncStream.makeStream(of: Void.self)
        let goOn = AsyncStream.makeStream(of: Void.self)
        defer { goOn.continuation.finish() }
        let read = Mutex(0)
        @Sendable func reading() async throws -> TorrentEngine.ReadTorrent {
            read.withLock { $0 += 1 }
            began.continuation.yield()
            for await _ in goOn.stream {}
            throw Failure()
        }
        readings.begin(torrents.map { ($0, reading) })
        for await _ in began.stream { break }
        readings.end()
        for infoHash in torrents { #expect(await readings.take(infoHash) == nil) }
        #expect(read.withLock { $0 } < torrents.count)
    }
}
