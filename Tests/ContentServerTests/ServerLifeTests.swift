import Foundation
import SwarmCore
import SwarmTestSupport
import Testing

@testable import ContentServer

@Suite("Listeners and life", .timeLimit(.minutes(1)))
struct ServerLifeTests {
    @Test("Status and metrics are for admin listeners; a Unix socket is one, of mode 0600")
    func admin() async throws {
        let mirror = try TestMirror()
        let path = mirror.layout.socket
        try await mirror.serve(listeners: [.unix(path: path), .tcp(Endpoint(host: "127.0.0.1", port: 0), admin: true)])
        {
            _, endpoint in
            try await offload {
                let everyone = try RawConnection(to: endpoint)
                #expect(try everyone.request("/.swarm/status").status == 404)
                #expect(try everyone.request("/.swarm/metrics").status == 404)
                let administrator = try RawConnection(unix: path)
                let status = try administrator.request("/.swarm/status")
                #expect(status.text == #"{"ready":true}"#)
                #expect(status.headers["content-type"] == "application/json")
                #expect(try administrator.request("/.swarm/metrics").text == "swarm_up 1\n")
                #expect(try administrator.request("HEAD", "/.swarm/status").headers["content-length"] == "14")
                let attributes = try FileManager.default.attributesOfItem(atPath: path)
                #expect(attributes[.posixPermissions] as? Int == 0o600)
            }
        }
        #expect(!FileManager.default.fileExists(atPath: path), "the socket goes with the server")
    }

    @Test("A socket's path may be longer than an address, and a stale one is replaced")
    func longPath() async throws {
        let mirror = try TestMirror()
        let folder = mirror.directory + "/" + String(repeating: "long/", count: 40)
        try TestMirror.makeDirectory(folder)
        let path = folder + "status.sock"
        symlink(String(folder.dropLast()), mirror.directory + "/l")
        // Left by a process that was killed: bound, and nobody listens.
        _ = try UnixSocket.bind(path: path)
        try await mirror.serve(listeners: [.unix(path: path)]) { _, _ in
            try await offload {
                let client = try RawConnection(unix: mirror.directory + "/l/status.sock")
                #expect(try client.request("/.swarm/status").status == 200)
            }
        }
    }

    @Test("A socket in use, a file in its place, and a port in use are errors that name them")
    func conflicts() async throws {
        let mirror = try TestMirror()
        let path = mirror.directory + "/s"
        try await mirror.serve(listeners: [.unix(path: path)]) { _, endpoint in
            func failure(_ listener: ContentServerConfiguration.Listener) async throws -> String {
                let server = ContentServer(
                    sites: [], configuration: ContentServerConfiguration(listeners: [listener]), status: { [] })
                let error = await #expect(throws: ContentServerError.self) { try await server.start() }
                #expect(error?.code == .cannotListen)
                return error?.description ?? ""
            }
            #expect(try await failure(.unix(path: path)).contains("another process"))
            #expect(try await failure(.tcp(endpoint)).contains("\(endpoint)"))
            let file = mirror.directory + "/file"
            try TestMirror.write("precious", to: file)
            #expect(try await failure(.unix(path: file)).contains("something else"))
            #expect(FileManager.default.fileExists(atPath: file))
            #expect(try await failure(.unix(path: mirror.directory + "/none/s")).contains("Create the directory"))
        }
    }

    @Test("run serves until it is cancelled")
    func cancellation() async throws {
        let mirror = try TestMirror()
        let path = mirror.directory + "/s"
        let configuration = ContentServerConfiguration(listeners: [.unix(path: path)])
        let server = ContentServer(sites: [mirror.site], configuration: configuration, status: { Array("{}".utf8) })
        try await server.start()
        await #expect(throws: ContentServerError.self) { try await server.start() }
        let running = Task { try await server.run() }
        let status = try await offload { try RawConnection(unix: path).request("/.swarm/status").text }
        #expect(status == "{}")
        running.cancel()
        try await running.value
        #expect(throws: ClientFailure.self) { _ = try RawConnection(unix: path) }
        await server.shutdown()
    }

    @Test("Every interface")
    func wildcard() async throws {
        let mirror = try TestMirror()
        let configuration = ContentServerConfiguration(listeners: [.tcp(Endpoint(host: "", port: 0))])
        let server = ContentServer(sites: [mirror.site], configuration: configuration, status: { [] })
        let bound = try unwrap(await server.start().first)
        #expect(bound.isUnspecified)
        let local = Endpoint(host: "127.0.0.1", port: bound.port)
        let status = try await offload { try RawConnection(to: local).request("/").status }
        #expect(status == 200)
        await server.shutdown()
    }
}
