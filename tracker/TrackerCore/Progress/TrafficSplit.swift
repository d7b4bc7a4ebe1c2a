public import SwarmCore

extension SnapshotStanding {
    /// Where bytes came from.
    public struct Traffic: Hashable, Sendable, Codable {
        /// Were there already, or in another file.
        public var linked: Int64 = 0
        /// From the master's seeds.
        public var master: Int64 = 0
        /// From other nodes.
        public var peers: Int64 = 0
        /// Of `peers`, from those that the receiving nodes call near; nil when none of these tells peers apart.
        @NullWhenNil public var near: Int64?
        /// Of `peers`, from those that the receiving nodes call far; nil when none of these tells peers apart.
        @NullWhenNil public var far: Int64?
        /// From upstreams, by HTTP.
        public var http: Int64 = 0

        /// Nothing.
        public init() {}

        /// What one node says of one snapshot. A part is never more than the whole, whatever it says.
        init(_ snapshot: NodeStatus.Snapshot) {
            linked = bounded(snapshot.bytesLinked)
            master = bounded(snapshot.bytesFromMaster)
            peers = bounded(snapshot.bytesFromPeers)
            http = bounded(snapshot.bytesFromHTTP)
            guard snapshot.bytesFromNearPeers != nil || snapshot.bytesFromFarPeers != nil else { return }
            let near = min(peers, bounded(snapshot.bytesFromNearPeers ?? 0))
            self.near = near
            far = min(peers - near, bounded(snapshot.bytesFromFarPeers ?? 0))
        }

        /// The sum of each. Of nodes that do not tell peers apart, what came from peers is in `peers` alone.
        public static func + (left: Traffic, right: Traffic) -> Traffic {
            func sum(_ left: Int64?, _ right: Int64?) -> Int64? {
                left == nil && right == nil ? nil : (left ?? 0) + (right ?? 0)
            }
            var result = left
            result.linked += right.linked
            result.master += right.master
            result.peers += right.peers
            result.near = sum(left.near, right.near)
            result.far = sum(left.far, right.far)
            result.http += right.http
            return result
        }

        /// All that was received, in bytes.
        public var fetched: Int64 { master + peers + http }

        /// Whether near peers are told from far ones.
        public var isSplit: Bool { near != nil || far != nil }

        /// Of `peers`, those that nobody calls near or far.
        public var otherPeers: Int64 { peers - (near ?? 0) - (far ?? 0) }
    }

    /// A kind of source of bytes.
    public enum Source: String, Hashable, Sendable, CaseIterable {
        case near, far, peers, master, http
    }
}

extension SnapshotStanding.Traffic {
    /// What was received by kind of source, in bytes; together `fetched`. Near and far peers are there where they are told
    /// apart, and then other peers only where they gave something.
    public var sources: [(source: SnapshotStanding.Source, bytes: Int64)] {
        var sources: [(SnapshotStanding.Source, Int64)] = []
        if isSplit { sources += [(.near, near ?? 0), (.far, far ?? 0)] }
        if !isSplit || otherPeers > 0 { sources.append((.peers, otherPeers)) }
        return sources + [(.master, master), (.http, http)]
    }
}

/// Counts come from nodes: sums of them must not overflow.
func bounded(_ count: Int64) -> Int64 { min(max(count, 0), 1 << 50) }
