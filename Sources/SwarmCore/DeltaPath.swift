/// A way from a torrent that is here to one that is wanted, over one patch or several.
public struct DeltaPath: Hashable, Sendable {
    /// In the order in which they are applied.
    public let deltas: [Manifest.Delta]
    /// Bytes of all the patches together.
    public var size: Int { deltas.reduce(0) { $0 + $1.size } }

    /// The shortest way to `target` from any of `bases` (Dijkstra, 1959); nil when there is none.
    public static func cheapest(
        to target: InfoHash, from bases: Set<InfoHash>, _ deltas: [Manifest.Delta]
    ) -> DeltaPath? {
        var best: [InfoHash: DeltaPath] = [:]
        var settled: Set<InfoHash> = []
        for base in bases { best[base] = DeltaPath(deltas: []) }
        while let (place, path) = best.filter({ !settled.contains($0.key) }).min(by: { $0.value.size < $1.value.size })
        {
            if place == target { return path }
            settled.insert(place)
            for delta in deltas where delta.from == place && !settled.contains(delta.to) {
                let longer = DeltaPath(deltas: path.deltas + [delta])
                if longer.size < best[delta.to]?.size ?? .max { best[delta.to] = longer }
            }
        }
        return nil
    }
}
