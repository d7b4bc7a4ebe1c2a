import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Publishing
import SwarmCore
import TrackerCore

/// Asks a tracker which files are read most.
enum PopularityInquiry {
    /// The most that an answer may have, in bytes: 2,000 paths of 4 KiB, and room.
    private static let sizeLimit = 16 << 20

    /// One question, which a tracker that is away answers with an error at once.
    static func ask(_ tracker: String, set: SwarmCore.SetName, days: Int, limit: Int) async throws -> PopularFiles {
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: .seconds(10))
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(configuration: configuration)
        let answer: Result<PopularFiles, any Error>
        do {
            let path = "/api/v1/sets/\(set)/popular?limit=\(limit)&days=\(days)"
            answer = .success(try await ask(client, tracker, path))
        } catch { answer = .failure(error) }
        try await client.shutdown()
        return try answer.get()
    }

    private static func ask(_ client: HTTPClient, _ tracker: String, _ path: String) async throws -> PopularFiles {
        let status: UInt
        let body: [UInt8]
        do {
            let response = try await client.execute(HTTPClientRequest(url: tracker + path), timeout: .seconds(30))
            status = response.status.code
            body = Array(try await response.body.collect(upTo: sizeLimit).readableBytesView)
        } catch {
            throw PublishingError(
                .tracker, "\(tracker) does not answer (\(error)); is --tracker right, and does it run?")
        }
        guard status == 200 else {
            let reason = printable(body.prefix(300)).trimmingCharacters(in: .whitespacesAndNewlines)
            throw PublishingError(.tracker, "\(tracker) answers \(status): \(reason)")
        }
        do { return try Documents.decode(PopularFiles.self, from: body) } catch {
            throw PublishingError(
                .tracker, "what \(tracker) answers is no list of popular files: is it a swarm-tracker?")
        }
    }
}
