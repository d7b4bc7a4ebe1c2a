import Testing

@testable import ContentServer

@Suite("Dates and entity tags")
struct ConditionTests {
    @Test(
        "The three forms of a date",
        arguments: [
            "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        ])
    func forms(text: String) {
        #expect(HTTPDate(text)?.seconds == 784_111_777)
    }

    @Test(
        "Dates are written and read back",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (-1, "Wed, 31 Dec 1969 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] as [(Int64, String)])
    func text(seconds: Int64, text: String) {
        #expect(HTTPDate(seconds: seconds).text == text)
        #expect(HTTPDate(text)?.seconds == seconds)
    }

    @Test("No dates", arguments: ["", "yesterday", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT"])
    func noDate(text: String) { #expect(HTTPDate(text) == nil) }

    @Test("Every day of 400 years is read back")
    func days() {
        for day in stride(from: Int64(0), to: 146_097, by: 13) {
            let date = HTTPDate(seconds: day * 86_400 + 1)
            #expect(HTTPDate(date.text) == date)
        }
    }

    @Test("Lists of entity tags")
    func tags() throws {
        let list = try unwrap(EntityTagList([#""a", W/"b,c""#, #""d""#]))
        #expect(list == .tags([#""a""#, #"W/"b,c""#, #""d""#]))
        #expect(list.matchesStrongly(#""a""#))
        #expect(!list.matchesStrongly(#""b,c""#))
        #expect(list.matchesWeakly(#""b,c""#))
        #expect(!list.matchesWeakly(#""b""#))
        #expect(EntityTagList([" * "]) == .any)
        #expect(EntityTagList([]) == nil)
    }

    @Test("The conditions of RFC 9110, section 13.2.2")
    func preconditions() {
        let validators = Validators(etag: #""v""#, lastModified: HTTPDate(seconds: 784_111_777))
        let same = "Sun, 06 Nov 1994 08:49:37 GMT"
        let older = "Sun, 06 Nov 1994 08:49:36 GMT"
        func outcome(_ conditions: RequestConditions) -> Precondition {
            Precondition(conditions, validators: validators)
        }
        #expect(outcome(.init()) == .proceed)
        #expect(outcome(.init(ifNoneMatch: [#""v""#])) == .notModified)
        #expect(outcome(.init(ifNoneMatch: [#"W/"v""#])) == .notModified)
        #expect(outcome(.init(ifNoneMatch: ["*"])) == .notModified)
        #expect(outcome(.init(ifNoneMatch: [#""w""#])) == .proceed)
        #expect(outcome(.init(ifModifiedSince: same)) == .notModified)
        #expect(outcome(.init(ifModifiedSince: older)) == .proceed)
        #expect(outcome(.init(ifModifiedSince: "nonsense")) == .proceed)
        // The entity tag counts more than the date.
        #expect(outcome(.init(ifNoneMatch: [#""w""#], ifModifiedSince: same)) == .proceed)
        #expect(outcome(.init(ifMatch: [#""v""#])) == .proceed)
        #expect(outcome(.init(ifMatch: [#"W/"v""#])) == .failed)
        #expect(outcome(.init(ifUnmodifiedSince: older)) == .failed)
        #expect(outcome(.init(ifUnmodifiedSince: same)) == .proceed)
    }

    @Test("If-Range")
    func ifRange() {
        let validators = Validators(etag: #""v""#, lastModified: HTTPDate(seconds: 784_111_777))
        func decision(_ condition: String) -> RangeDecision {
            let conditions = RequestConditions(ifRange: condition, range: "bytes=0-0")
            return RangeDecision(conditions, validators: validators, size: 10)
        }
        let part = RangeDecision.part(ByteRange(offset: 0, count: 1))
        #expect(decision(#""v""#) == part)
        #expect(decision("Sun, 06 Nov 1994 08:49:37 GMT") == part)
        #expect(decision(#""w""#) == .whole)
        #expect(decision(#"W/"v""#) == .whole)
        #expect(decision("Sun, 06 Nov 1994 08:49:38 GMT") == .whole)
    }
}
