internal import SwarmCore
internal import Synchronization

/// The sets of one node. What one of them has on a file system need not be fetched by another one on the same.
final class Neighbourhood: Sendable {
    private struct Member {
        weak var mirror: SetMirror?
    }

    private let members = Mutex<[Member]>([])

    /// Makes a mirror known to the others.
    func add(_ mirror: SetMirror) { members.withLock { $0.append(Member(mirror: mirror)) } }

    /// Trees of the others on the file system `device`. They may go at any moment: whoever links from one must do
    /// without when a file is not there any more.
    func trees(beside mirror: SetMirror, on device: UInt64) async -> [LocalTree] {
        let others = members.withLock { $0.compactMap(\.mirror) }.filter { $0 !== mirror }
        var trees: [LocalTree] = []
        for other in others { trees += await other.treesToShare(on: device) }
        return trees
    }
}
