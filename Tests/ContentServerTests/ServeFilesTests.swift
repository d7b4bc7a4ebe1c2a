import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

@testable import ContentServer

@Suite("Files over HTTP", .timeLimit(.minutes(1)))
struct ServeFilesTests {
    private static let big = String((0..<40_000).map { "line \($0)\n" }.joined().prefix(300_000))

    private func mirror() throws -> TestMirror {
        let mirror = try TestMirror()
        try mirror.activate(
            mirror.addSnapshot(
                1,
                files: [
                    "dists/Release": "Suite: stable\n", "pool/g++ 1.deb": "package", "big.iso": Self.big, "empty": "",
                    "docs/index.html": "<p>hello", "pool/.treeinfo": "dot",
                ]))
        return mirror
    }

    @Test("A file, its headers, and the conditional requests")
    func file() async throws {
        let mirror = try mirror()
        try await mirror.serve { _, endpoint in
            try await offload {
                let client = try RawConnection(to: endpoint)
                let response = try client.request("/debian/dists/Release")
                #expect(response.status == 200)
                #expect(response.text == "Suite: stable\n")
                #expect(response.headers["content-type"] == "text/plain; charset=utf-8")
                #expect(response.headers["server"] == "swarm-mirror")
                #expect(response.headers["accept-ranges"] == "bytes")
                #expect(response.headers["date"].flatMap { HTTPDate($0) } != nil)
                #expect(response.headers["connection"] == nil)
                let etag = try unwrap(response.headers["etag"])
                let date = try unwrap(response.headers["last-modified"])
                for condition in ["If-None-Match: \(etag)", "If-Modified-Since: \(date)"] {
                    let again = try client.request("/debian/dists/Release", [condition])
                    #expect(again.status == 304)
                    #expect(again.headers["etag"] == etag)
                    #expect(again.headers["content-length"] == nil)
                }
                #expect(try client.request("/debian/dists/Release", [#"If-Match: "x""#]).status == 412)
                #expect(try client.request("/debian/pool/g%2b%2B%201.deb").text == "package")
                #expect(try client.request("/debian/pool/.treeinfo").text == "dot")
                let empty = try client.request("/debian/empty")
                #expect(empty.status == 200)
                #expect(empty.headers["content-length"] == "0")
            }
        }
    }

    @Test(
        "Ranges of a small and of a large file",
        arguments: ["bytes=3-9", "bytes=-7", "bytes=10-", "bytes=100000-299998"])
    func ranges(range: String) async throws {
        let mirror = try mirror()
        try await mirror.serve { _, endpoint in
            try await offload {
                let client = try RawConnection(to: endpoint)
                for (path, content) in [("big.iso", Self.big), ("dists/Release", "Suite: stable\n")] {
                    let whole = Array(content.utf8)
                    let response = try client.request("/debian/\(path)", ["Range: \(range)"])
                    guard case .part(let part) = RangeDecision(header: range, size: Int64(whole.count)) else {
                        #expect(response.status == 416)
                        #expect(response.headers["content-range"] == "bytes */\(whole.count)")
                        continue
                    }
                    #expect(response.status == 206)
                    #expect(response.headers["content-range"] == part.contentRange(of: Int64(whole.count)))
                    #expect(response.body == Array(whole[Int(part.offset)..<Int(part.offset + part.count)]))
                }
                let several = try client.request("/debian/big.iso", ["Range: bytes=0-1,5-6"])
                #expect(several.status == 200)
                #expect(several.text == Self.big)
                let etag = try unwrap(several.headers["etag"])
                let resumed = try client.request("/debian/big.iso", ["Range: bytes=5-", "If-Range: \(etag)"])
                #expect(resumed.status == 206)
                #expect(try client.request("/debian/big.iso", ["Range: bytes=5-", #"If-Range: "x""#]).status == 200)
            }
        }
    }

    @Test("HEAD has the headers of GET and no body")
    func head() async throws {
        let mirror = try mirror()
        try await mirror.serve { _, endpoint in
            try await offload {
                let client = try RawConnection(to: endpoint)
                for path in ["/", "/debian/", "/debian/dists/Release", "/debian/big.iso", "/debian/none", "/debian"] {
                    let head = try client.request("HEAD", path)
                    let get = try client.request(path)
                    #expect(head.status == get.status, "\(path)")
                    #expect(head.headers["content-length"] == "\(get.body.count)", "\(path)")
                    #expect(head.headers["content-type"] == get.headers["content-type"])
                }
            }
        }
    }

    @Test("Directories: listing, index.html, redirect")
    func directories() async throws {
        let mirror = try mirror()
        try await mirror.serve { _, endpoint in
            try await offload {
                let client = try RawConnection(to: endpoint)
                #expect(try client.request("/").text.contains(#"href="/debian/""#))
                let top = try client.request("/debian/")
                #expect(top.headers["content-type"] == "text/html; charset=utf-8")
                #expect(top.text.contains(#"href="./pool/""#))
                #expect(try client.request("/debian/docs/").text == "<p>hello")
                let moved = try client.request("/debian//docs?x")
                #expect(moved.status == 301)
                #expect(moved.headers["location"] == "/debian/docs/")
                #expect(try client.request("/debian").headers["location"] == "/debian/")
                #expect(try client.request("/debian/empty/").status == 404)
                let missing = try client.request("/debian/dists/none")
                #expect(missing.status == 404)
                #expect(missing.text.contains("dists/none"))
                #expect(missing.text.contains("See /debian/"))
                #expect(try client.request("/fedora/").status == 404)
            }
        }
    }

    @Test("Nothing outside a tree can be read")
    func escapes() async throws {
        let mirror = try mirror()
        try TestMirror.write("secret", to: mirror.directory + "/secret")
        try TestMirror.write("secret", to: mirror.layout.swarm + "/state.sqlite")
        let top = mirror.layout.files(of: try TestMirror.id(1))
        symlink("../../../../secret", top + "/out")
        symlink("/etc/passwd", top + "/absolute")
        symlink("loop", top + "/loop")
        symlink("../../../.swarm", top + "/swarm")
        symlink("../dists/Release", top + "/pool/inside")
        try await mirror.serve { _, endpoint in
            try await offload {
                let client = try RawConnection(to: endpoint)
                for path in [
                    "/debian/../../secret", "/debian/%2e%2e/%2e%2e/secret", "/debian/%2e%2e/", "/debian/..%2fsecret",
                    "/debian/a%00b",
                ] {
                    #expect(try client.request(path).status == 400, "\(path)")
                }
                for path in [
                    "/debian/out", "/debian/absolute", "/debian/loop", "/debian/loop/x", "/debian/swarm/state.sqlite",
                    "/debian/.swarm/state.sqlite", "/.swarm/state.sqlite", "/.swarm/debian/state.sqlite",
                    "/debian/out/x", "/current/", "/trees/",
                ] {
                    let response = try client.request(path)
                    #expect(response.status == 404, "\(path)")
                    #expect(!response.text.contains("secret\n"))
                }
                #expect(try client.request("/debian/pool/inside").text == "Suite: stable\n")
            }
        }
    }

    @Test("curl fetches, resumes, and skips what it has")
    func curl() async throws {
        let mirror = try mirror()
        try await mirror.serve { _, endpoint in
            let url = "http://\(endpoint)/debian/big.iso"
            let file = mirror.directory + "/fetched"
            func curl(_ arguments: String...) async throws -> String {
                try await offload {
                    let process = Process()
                    let output = Pipe()
                    process.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
                    process.arguments = ["-sSf", "--max-time", "20", "-w", "%{http_code} %{size_download}"] + arguments
                    process.standardOutput = output
                    try process.run()
                    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                    process.waitUntilExit()
                    #expect(process.terminationStatus == 0)
                    return text
                }
            }
            let size = Self.big.utf8.count
            let whole = try await curl("-R", "-o", file, url)
            #expect(whole == "200 \(size)")
            #expect(try String(contentsOfFile: file, encoding: .utf8) == Self.big)
            let unchanged = try await curl("-z", file, "-o", "/dev/null", url)
            #expect(unchanged == "304 0")
            truncate(file, 100_001)
            let rest = try await curl("-C", "-", "-o", file, url)
            #expect(rest == "206 \(size - 100_001)")
            #expect(try String(contentsOfFile: file, encoding: .utf8) == Self.big)
        }
    }
}
