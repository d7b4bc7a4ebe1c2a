import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

@testable import ContentServer

@Suite("Documents that many ask for at once", .timeLimit(.minutes(1)))
struct RecentDocumentsTests {
    @Test("A small document is read once for some seconds, a large one, a part or a check each time")
    func once() async throws {
        let mirror = try TestMirror()
        let (small, large) = ("\(mirror.layout.deltas)/aa.zst", "\(mirror.layout.deltas)/bb.zst")
        try TestMirror.write("small", to: small)
        try TestMirror.write(String(repeating: "large", count: 20_000), to: large)
        try await mirror.serve { _, endpoint in
            try await offload {
                let client = try RawConnection(to: endpoint)
                let first = try client.request("/.swarm/debian/deltas/aa.zst")
                #expect(try client.request("/.swarm/debian/deltas/bb.zst").text.count == 100_000)
                try FileManager.default.removeItem(atPath: small)
                try FileManager.default.removeItem(atPath: large)
                for other in [client, try RawConnection(to: endpoint)] {
                    let again = try other.request("/.swarm/debian/deltas/aa.zst")
                    #expect(again.text == "small" && again.headers["etag"] == first.headers["etag"])
                    #expect(try other.request("/.swarm/debian/deltas/bb.zst").status == 404)
                    #expect(try other.request("/.swarm/debian/deltas/aa.zst", ["Range: bytes=0-1"]).status == 404)
                    #expect(try other.request("HEAD", "/.swarm/debian/deltas/aa.zst").status == 404)
                }
                mirror.setClock(ahead: RecentDocuments.lifetime + 1)
                #expect(try client.request("/.swarm/debian/deltas/aa.zst").status == 404)
            }
        }
    }

    @Test("What was not there is looked for again")
    func absent() async throws {
        let mirror = try TestMirror()
        try await mirror.serve { _, endpoint in
            try await offload {
                let client = try RawConnection(to: endpoint)
                #expect(try client.request("/.swarm/debian/deltas/aa.zst").status == 404)
                try TestMirror.write("delta", to: "\(mirror.layout.deltas)/aa.zst")
                #expect(try client.request("/.swarm/debian/deltas/aa.zst").text == "delta")
            }
        }
    }

    @Test("More documents than are remembered are all answered, to several who ask at the same time")
    func many() async throws {
        let mirror = try TestMirror()
        let names = (0..<(2 * RecentDocuments.limit)).map { String(format: "%04x", $0) }
        for name in names { try TestMirror.write("delta \(name)", to: "\(mirror.layout.deltas)/\(name).zst") }
        try await mirror.serve { _, endpoint in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        try await offload {
                            let client = try RawConnection(to: endpoint)
                            return try names.allSatisfy {
                                try client.request("/.swarm/debian/deltas/\($0).zst").text == "delta \($0)"
                            }
                        }
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }
}
