internal import NIOCore
internal import SwarmCore
internal import Synchronization

/// The answers to requests for documents in the last moments: nodes come for the same ones at the same time, and a document
/// never changes under its name. What is small is read once for all of them. Any thread may use it.
final class RecentDocuments: Sendable {
    struct Key: Hashable, Sendable {
        var set: SetName
        var document: Document
    }

    /// What somebody who asks for a document has to do.
    enum Turn {
        /// To make the answer, and to keep the promise: nil where it is of no use to others.
        case make(EventLoopPromise<Answer?>)
        /// To wait for the answer that somebody else makes, or has made; nil: to make one all the same.
        case wait(EventLoopFuture<Answer?>)
    }

    private struct Entry {
        var answer: EventLoopFuture<Answer?>
        var since: Int64
    }

    /// Documents at most; each is no longer than `ContentResponder.longestBuffer`.
    static let limit = 64
    /// Seconds. A document that was removed may be had for as long.
    static let lifetime: Int64 = 5

    private let entries = Mutex<[Key: Entry]>([:])

    /// - Parameter now: seconds since 1970.
    func turn(for key: Key, at now: Int64, on loop: any EventLoop) -> Turn {
        entries.withLock { entries in
            if let entry = entries[key], Self.isRecent(entry, now) { return .wait(entry.answer) }
            if entries.count >= Self.limit {
                entries = entries.filter { Self.isRecent($0.value, now) }
                if entries.count >= Self.limit, let oldest = entries.min(by: { $0.value.since < $1.value.since }) {
                    entries[oldest.key] = nil
                }
            }
            let promise = loop.makePromise(of: Answer?.self)
            entries[key] = Entry(answer: promise.futureResult, since: now)
            return .make(promise)
        }
    }

    private static func isRecent(_ entry: Entry, _ now: Int64) -> Bool { abs(now - entry.since) <= lifetime }
}
