import Synchronization
import Testing

@testable import ContentServer

@Suite("Feed polls")
struct FeedTests {
    @Test("Decisions")
    func decisions() {
        func decide(after: UInt64? = nil, wait: Int64 = 0, etag: String? = nil, newest: UInt64?) -> FeedDecision {
            FeedDecision(
                query: FeedQuery(after: after, wait: wait), ifNoneMatch: EntityTagList(etag.map { [$0] } ?? []),
                newest: newest)
        }
        #expect(decide(newest: nil) == .missing)
        #expect(decide(wait: 5, newest: nil) == .hold(above: nil))
        #expect(decide(after: 3, wait: 5, newest: nil) == .hold(above: 3))
        #expect(decide(newest: 7) == .full)
        #expect(decide(wait: 5, newest: 7) == .full)
        #expect(decide(after: 6, wait: 5, newest: 7) == .full)
        #expect(decide(after: 7, newest: 7) == .notModified)
        #expect(decide(after: 7, wait: 5, newest: 7) == .hold(above: 7))
        #expect(decide(after: 9, wait: 5, newest: 7) == .hold(above: 9))
        #expect(decide(etag: #""7""#, newest: 7) == .notModified)
        #expect(decide(etag: #""6""#, newest: 7) == .full)
        #expect(decide(wait: 5, etag: #""7""#, newest: 7) == .hold(above: 7))
        #expect(decide(after: 6, etag: #""7""#, newest: 7) == .full)
    }

    @Test("Queries")
    func queries() {
        #expect(FeedQuery(query: "") == FeedQuery())
        #expect(FeedQuery(query: "after=3&wait=10&x=y") == FeedQuery(after: 3, wait: 10))
        #expect(FeedQuery(query: "wait=18446744073709551615") == FeedQuery(wait: 3600))
        #expect(FeedQuery(query: "after=3&with=documents") == FeedQuery(after: 3, withDocuments: true))
        #expect(FeedQuery(query: "with=pictures") == FeedQuery())
        #expect(FeedQuery(query: "after") == nil)
        #expect(FeedQuery(query: "wait=1.5") == nil)
    }

    @Test("An older or equal version is ignored")
    func versions() throws {
        let box = FeedBox()
        #expect(box.current == nil)
        box.publish(version: 3, bytes: [3])
        box.publish(version: 2, bytes: [2])
        box.publish(version: 3, bytes: [9])
        let current = try unwrap(box.current)
        #expect(current.version == 3)
        #expect(current.bytes == [3])
    }
}
