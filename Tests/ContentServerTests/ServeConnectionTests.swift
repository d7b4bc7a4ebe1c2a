import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

@testable import ContentServer

@Suite("Connections", .timeLimit(.minutes(1)))
struct ServeConnectionTests {
    private static let big = String(repeating: "0123456789abcdef", count: 1 << 18)

    private func mirror(_ files: [String: String] = ["small": "small", "big": big]) throws -> TestMirror {
        let mirror = try TestMirror()
        try mirror.activate(mirror.addSnapshot(1, files: files))
        return mirror
    }

    @Test("Pipelined requests are answered in order")
    func pipelining() async throws {
        let mirror = try mirror()
        mirror.feed.publish(version: 1, bytes: Array("feed".utf8))
        try await mirror.serve { _, endpoint in
            try await offload {
                let client = try RawConnection(to: endpoint)
                let targets = [
                    "/debian/big", "/debian/small", "/.swarm/debian/feed?after=1&wait=1", "/debian/none", "/",
                ]
                for _ in 0..<3 { try client.send(targets.map { RawConnection.request("GET", $0) }.joined()) }
                for _ in 0..<3 {
                    #expect(try client.response().body.count == Self.big.utf8.count)
                    #expect(try client.response().text == "small")
                    #expect(try client.response().status == 304)
                    #expect(try client.response().status == 404)
                    #expect(try client.response().status == 200)
                }
                // Thousands of requests that need no file, in one write.
                let count = 2000
                try client.send(String(repeating: RawConnection.request("PUT", "/"), count: count))
                for _ in 0..<count { #expect(try client.response().status == 405) }
            }
        }
    }

    @Test("Methods, versions, ends of connections")
    func methods() async throws {
        let mirror = try mirror()
        try await mirror.serve { _, endpoint in
            try await offload {
                let client = try RawConnection(to: endpoint)
                let refused = try client.request("DELETE", "/debian/small")
                #expect(refused.status == 405)
                #expect(refused.headers["allow"] == "GET, HEAD")
                #expect(try client.request("/debian/%zz").status == 400)
                #expect(try client.request("/debian/small", ["Connection: close"]).headers["connection"] == "close")
                #expect(try client.isAtEnd())

                let old = try RawConnection(to: endpoint)
                try old.send("GET /debian/small HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                #expect(try old.response().headers["connection"] == "keep-alive")
                try old.send("GET /debian/small HTTP/1.0\r\n\r\n")
                #expect(try old.response().text == "small")
                #expect(try old.isAtEnd())

                let content = try RawConnection(to: endpoint)
                try content.send("POST /debian/small HTTP/1.1\r\nHost: m\r\nContent-Length: 1000000\r\n\r\n")
                #expect(try content.response().status == 405)
                #expect(try content.isAtEnd())

                let garbage = try RawConnection(to: endpoint)
                try garbage.send("\u{1}\u{2}\r\n\r\n")
                #expect(try garbage.response().status == 400)
                #expect(try garbage.isAtEnd())
            }
        }
    }

    @Test("A connection without a request is closed, whether it is silent or slow")
    func idle() async throws {
        let mirror = try mirror()
        try await mirror.serve(idleTimeout: .seconds(1)) { _, endpoint in
            try await offload {
                let silent = try RawConnection(to: endpoint)
                let slow = try RawConnection(to: endpoint)
                try slow.send("GET /debian/small HTTP/1.1\r\nHost:")
                let used = try RawConnection(to: endpoint)
                #expect(try used.request("/debian/small").status == 200)
                for client in [silent, slow, used] { #expect(try client.isAtEnd()) }
            }
        }
    }

    @Test("A client that does not read makes the server hold one response, and is closed")
    func stalled() async throws {
        let mirror = try mirror(["huge": ""])
        let file = mirror.layout.files(of: try TestMirror.id(1)) + "/huge"
        // More than the kernel buffers, without being on the disk.
        truncate(file, 1 << 28)
        try await mirror.serve(idleTimeout: .seconds(1)) { server, endpoint in
            let client = try RawConnection(to: endpoint, receiveBuffer: 4096)
            try client.send(String(repeating: RawConnection.request("GET", "/debian/huge"), count: 20))
            #expect(try await offload { try client.responseHead() } == 200)
            let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter {
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
                return target == file
            }
            #expect(open.count <= 1)
            // The shutdown would wait 50 seconds for the response.
            let time = await ContinuousClock().measure { await server.shutdown() }
            #expect(time < .seconds(20))
        }
    }

    @Test("Too many connections are told so")
    func surplus() async throws {
        let mirror = try mirror()
        let path = mirror.directory + "/s"
        try await mirror.serve(listeners: [.unix(path: path)], maxConnections: 2) { _, endpoint in
            try await offload {
                let first = try RawConnection(to: endpoint)
                let second = try RawConnection(to: endpoint)
                #expect(try first.request("/debian/small").status == 200)
                #expect(try second.request("/debian/small").status == 200)
                let third = try RawConnection(to: endpoint)
                let refused = try third.request("/debian/small")
                #expect(refused.status == 503)
                #expect(refused.headers["retry-after"] == "60")
                #expect(try third.isAtEnd())
                #expect(try RawConnection(unix: path).request("/.swarm/status").status == 200)
                #expect(try first.request("/debian/small").status == 200)
            }
        }
    }
}
