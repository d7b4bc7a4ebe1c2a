import FileTree
import Testing

@testable import Mirroring

@Suite("The patience of a single synchronisation")
struct PatienceTests {
    private let start = ContinuousClock.now

    @Test("Failures that follow each other end the wait before a minute is over")
    func row() {
        var patience = Patience()
        for (seconds, pause) in [(0, 1), (1, 2), (3, 4), (7, 8), (15, 16)] {
            patience.failed(
                "no answer", at: start + .seconds(seconds), pause: .seconds(pause), isHopeless: false)
            #expect(patience.end == nil, "after \(seconds) s")
        }
        patience.failed("still no answer", at: start + .seconds(31), pause: .seconds(32), isHopeless: false)
        #expect(patience.end == "still no answer")
    }

    @Test("A success in between makes it begin anew")
    func success() {
        var patience = Patience()
        patience.failed("no answer", at: start, pause: .seconds(50), isHopeless: false)
        patience.succeeded()
        patience.failed("no answer", at: start + .seconds(50), pause: .seconds(50), isHopeless: false)
        #expect(patience.end == nil)
    }

    @Test("What the next attempt cannot change ends the wait at once")
    func hopeless() {
        var patience = Patience()
        patience.failed("too small", at: start, pause: .seconds(1), isHopeless: true)
        #expect(patience.end == "too small")
        for code in [MirrorError.Code.noSpace, .untrusted, .shrunk] {
            #expect(Patience.isHopeless(MirrorError(code, "")))
        }
        for code in [MirrorError.Code.upstream, .corrupt, .file] {
            #expect(!Patience.isHopeless(MirrorError(code, "")))
        }
        #expect(Patience.isHopeless(FileError("write", "/full", errno: 28)))
        #expect(!Patience.isHopeless(FileError("open", "/many", errno: 24)))
    }
}
