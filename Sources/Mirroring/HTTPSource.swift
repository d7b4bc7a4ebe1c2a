internal import Metainfo
internal import SwarmCore

/// Where files of a snapshot can be had over HTTP: at an upstream, below a path.
struct HTTPPlace: Hashable, Sendable {
    /// The upstream's index.
    let upstream: Int
    /// Path of a tree, with a slash at the end.
    let prefix: String
}

/// A snapshot's files over HTTP. An upstream has them under the snapshot's own path once it is open there; before that,
/// what has not changed is in the snapshots that are open, and each piece is checked in any case.
struct HTTPSource: Sendable {
    let upstreams: [Upstream]
    let set: SwarmCore.SetName
    let snapshot: SnapshotID
    /// Other snapshots of the feed, the best first.
    let others: [SnapshotID]

    /// How many other snapshots are looked into.
    static let otherLimit = 3

    /// - Parameter feed: says which other snapshots there are.
    init(upstreams: [Upstream], set: SwarmCore.SetName, snapshot: SnapshotID, feed: Feed?) {
        self.upstreams = upstreams
        self.set = set
        self.snapshot = snapshot
        others = (feed?.snapshots ?? []).filter { $0.uuid != snapshot }.sorted { $0.serial > $1.serial }
            .prefix(Self.otherLimit).map(\.uuid)
    }

    private func prefix(of snapshot: SnapshotID) -> String { "/.swarm/\(set)/snap/\(snapshot)/" }

    /// Where the upstreams may have files, in the order in which to ask: those first where the snapshot is open, which one
    /// file of it tells.
    ///
    /// - Throws: what was wrong with the last upstream, when none answered.
    func places(probing file: FileEntry) async throws -> [HTTPPlace] {
        var open: [HTTPPlace] = []
        var older: [HTTPPlace] = []
        var failure: (any Error)?
        for index in upstreams.indices {
            let own = HTTPPlace(upstream: index, prefix: prefix(of: snapshot))
            do {
                _ = try await read(file, 0..<min(1, file.length), at: own)
                open.append(own)
            } catch is AbsentFile {
                let prefixes = ["/\(set)/"] + others.map { prefix(of: $0) }
                older += prefixes.map { HTTPPlace(upstream: index, prefix: $0) }
            } catch { failure = error }
        }
        if open.isEmpty, older.isEmpty, let failure { throw failure }
        return open + older
    }

    /// Whether a place is the snapshot itself: all of it is there.
    func isOpen(_ place: HTTPPlace) -> Bool { place.prefix == prefix(of: snapshot) }

    /// A part of a file.
    ///
    /// - Throws: `AbsentFile` when there is none of that name and length; `MirrorError.upstream`.
    func read(_ file: FileEntry, _ range: Range<Int64>, at place: HTTPPlace) async throws -> [UInt8] {
        try await upstreams[place.upstream].range(
            place.prefix + Self.escaped(file.path), offset: range.lowerBound, length: range.count, of: file.length)
    }

    /// Percent-encoding of a path (RFC 3986, section 2.1): all but unreserved characters and slashes.
    static func escaped(_ path: String) -> String {
        let plain = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/".utf8)
        return path.utf8.map { plain.contains($0) ? String(UnicodeScalar($0)) : "%" + Hex.encode([$0]).uppercased() }
            .joined()
    }
}
