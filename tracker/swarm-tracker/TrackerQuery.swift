import ArgumentParser
import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import SwarmCore
import TrackerServer

/// A question to a running tracker.
struct TrackerQuery: ParsableArguments {
    @Option(help: "Base URL of the tracker.")
    var tracker: String = "http://127.0.0.1:6969"

    /// The body of the answer, which has at most 64 MiB.
    func get(_ path: String) async throws -> [UInt8] {
        var base = tracker
        while base.hasSuffix("/") { base.removeLast() }
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: .seconds(10))
        // By itself the client tries until the time is over, also where nobody listens.
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(configuration: configuration)
        let answer: Result<[UInt8], any Error>
        do { answer = .success(try await Self.get(base, path, client)) } catch { answer = .failure(error) }
        try await client.shutdown()
        return try answer.get()
    }

    private static func get(_ base: String, _ path: String, _ client: HTTPClient) async throws -> [UInt8] {
        do {
            let response = try await client.execute(HTTPClientRequest(url: base + path), timeout: .seconds(30))
            let body = Array(try await response.body.collect(upTo: 64 << 20).readableBytesView)
            guard response.status == .ok else {
                let reason = String(decoding: body.prefix(500), as: UTF8.self)
                throw TrackerError(.upstream, reason.trimmingCharacters(in: .whitespacesAndNewlines))
            }
            return body
        } catch let error as TrackerError {
            throw error
        } catch {
            throw TrackerError(
                .upstream, "the tracker \(base) does not answer (\(error)); is --tracker right, and is it running?")
        }
    }
}
