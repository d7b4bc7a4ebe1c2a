import Foundation
import SwarmTestSupport
import Testing

@testable import SwarmBenchmark

@Suite("Traces of system calls")
struct TraceTests {
    @Test("Calls below a directory are counted by name, between two moments")
    func counts() throws {
        let directory = try TemporaryDirectory("trace")
        let trace = SystemCallTrace(file: directory["trace"])
        let text = """
            10 100.000001 openat(AT_FDCWD</>, "/m/trees/1/pool/a/d000001/f00000007.bin", O_RDONLY) = 3</m/trees/1/pool>
            10 101.000000 newfstatat(5</m/trees/1/pool/a>, "d000001/f00000008.bin", {...}, 0) = 0
            11 101.500000 linkat(5</m/trees/1>, "f00000009.bin", 6</m/trees/2>, "f00000011.bin", 0) = 0
            11 102.000000 openat(AT_FDCWD</>, "/m/.swarm/feed", O_RDONLY <unfinished ...>
            11 102.000001 <... openat resumed>) = 7</m/trees/x>
            12 200.000000 unlink("/m/trees/1/f00000010.bin") = 0
            12 201.000000 +++ exited with 0 +++

            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: trace.file))
        let calls = try trace.calls(since: 100.5, until: 150, below: "/m/trees/")
        #expect(calls.counts == ["newfstatat": 1, "linkat": 1])
        #expect(calls.files == ["f00000008.bin", "f00000011.bin"])
        #expect(try trace.calls(since: 0, until: .infinity, below: "/m/trees/").total == 4)
    }

    @Test("Names that only look like generated files are none")
    func names() {
        #expect(SystemCallTrace.generatedFiles("open(\"f0000001.bin\", \"f000000012.bin\", \"f00000001.bit\")") == [])
        #expect(SystemCallTrace.generatedFiles("\"xf12345678.bin\"") == ["f12345678.bin"])
    }
}

@Suite("Reports of rsync")
struct RsyncTrafficTests {
    @Test("The statistics of several calls are added up")
    func sum() {
        let one = """
            Number of files: 10
            Literal data: 1,234 bytes
            Total bytes sent: 56
            Total bytes received: 7,890

            """
        let traffic = RsyncDaemon.Traffic(one + one)
        #expect(traffic.content == 2468)
        #expect(traffic.sent == 112)
        #expect(traffic.received == 15_780)
    }
}
