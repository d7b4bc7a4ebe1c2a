import Foundation
import Metainfo
import SwarmCore
import SwarmTestSupport
import Synchronization
import Testing

@testable import Publishing

/// A source and a store of its own, with a clock that tests set.
final class TestStore: Sendable {
    static let start = Date(timeIntervalSince1970: 1_760_000_000)

    let directory: TemporaryDirectory
    let source: FileTreeWriter
    let storePath: String
    private let clock = Mutex(TestStore.start)

    /// - Parameters:
    ///   - source: where the source is; nil for a new directory.
    ///   - store: where the store is to be; nil for beside it.
    init(
        source: FileTreeWriter? = nil, store: String? = nil, _ change: (inout StoreConfiguration) -> Void = { _ in }
    ) throws {
        directory = try TemporaryDirectory("publishing")
        self.source = try source ?? FileTreeWriter(directory["source"])
        storePath = store ?? directory["store"]
        var configuration = StoreConfiguration(
            set: try #require(SetName("debian")), source: self.source.root, preset: .apt, pieceLength: 16 << 10)
        change(&configuration)
        try SnapshotStore.create(at: storePath, configuration: configuration)
    }

    var now: Date {
        get { clock.withLock { $0 } }
        set { clock.withLock { $0 = newValue } }
    }

    func store() throws -> SnapshotStore { try SnapshotStore(storePath) }

    /// Adds lines to the configuration, above the tables.
    func configure(_ lines: String) throws {
        let path = "\(storePath)/config.toml"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try (lines + "\n" + text).write(toFile: path, atomically: true, encoding: .utf8)
    }

    /// Exchanges a line of the configuration.
    func replaceSetting(_ key: String, _ value: String) throws {
        let path = "\(storePath)/config.toml"
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        try lines.map { $0.hasPrefix("\(key) =") ? "\(key) = \(value)" : String($0) }.joined(separator: "\n")
            .write(toFile: path, atomically: true, encoding: .utf8)
    }

    @discardableResult
    func snapshot(_ change: (inout Publisher.Options) -> Void = { _ in }) throws -> Publisher.Report {
        var options = Publisher.Options()
        change(&options)
        return try Publisher(store: try store(), now: { [self] in now }).snapshot(options)
    }

    /// What the newest snapshot's tree holds.
    func newestTree() throws -> TreeState {
        let store = try store()
        return try TreeState(store.layout.files(of: try store.resolve("latest").uuid))
    }

    /// Checks that the newest tree equals the source, and that the torrents of all live snapshots say what is in their trees.
    func verify(_ place: SourceLocation = #_sourceLocation) throws {
        let differences = try newestTree().differences(from: TreeState(source.root))
        #expect(differences.isEmpty, "the tree differs from the source", sourceLocation: place)
        for line in differences.prefix(10) { Issue.record("\(line)", sourceLocation: place) }
        let store = try store()
        let newest = try store.resolve("latest")
        for shard in try store.manifest(newest.uuid).shards {
            let torrent = try store.torrent(shard)
            let bad = try badPieces(torrent, root: store.layout.files(of: newest.uuid))
            #expect(bad.isEmpty, "pieces of \(shard.label) that the tree does not have", sourceLocation: place)
        }
    }

    private func badPieces(_ torrent: Torrent, root: String) throws -> [Int] {
        var content: [UInt8] = []
        for entry in 0..<torrent.entryCount {
            switch torrent.kind(entry) {
            case .file: content += try Data(contentsOf: URL(fileURLWithPath: "\(root)/\(torrent.path(entry))"))
            case .pad: content += [UInt8](repeating: 0, count: Int(torrent.length(entry)))
            case .symlink: break
            }
        }
        return (0..<torrent.pieceCount).filter { piece in
            let start = piece * torrent.pieceLength
            let hash = Digest.sha1(Array(content[start..<(start + torrent.length(ofPiece: piece))]))
            return !hash.bytes.elementsEqual(torrent.pieceHash(piece))
        }
    }
}
