import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import SwarmCore
import TrackerCore

/// Asks a tracker whether an embargo may be lifted.
struct EmbargoInquiry: Sendable {
    /// Base URL, without a slash at the end.
    let tracker: String
    private let client: HTTPClient

    init(tracker: String) {
        self.tracker = tracker
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: .seconds(10))
        // That nobody listens is to be told at once; when to ask again is decided elsewhere.
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(configuration: configuration)
    }

    /// Closes the connection.
    func close() async throws { try await client.shutdown() }

    /// The most that an answer may have, in bytes: it has a few hundred for each node that is behind.
    private static let sizeLimit = 64 << 20

    /// One question. `limit` is how long the answer may take.
    func ask(_ wait: EmbargoWait, limit: Duration) async -> EmbargoWait.Finding {
        do {
            let request = HTTPClientRequest(url: tracker + wait.target)
            let timeout = TimeAmount.milliseconds(limit.components.seconds * 1000 + 1000)
            let response = try await client.execute(request, timeout: timeout)
            let body = Array(try await response.body.collect(upTo: Self.sizeLimit).readableBytesView)
            return finding(response.status, response.headers, body)
        } catch let error as HTTPClientError where error == .deadlineExceeded || error == .connectTimeout {
            return .away("\(tracker) does not answer in time")
        } catch {
            return .away("\(tracker) does not answer (\(error)); is --tracker right, and does it run?")
        }
    }

    private func finding(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ body: [UInt8]) -> EmbargoWait.Finding {
        let reason = printable(body.prefix(300)).trimmingCharacters(in: .whitespacesAndNewlines)
        switch status.code {
        case 200:
            do { return .answer(try Documents.decode(EmbargoAnswer.self, from: body)) } catch {
                return .refused("what \(tracker) answers is no answer about an embargo: is it a swarm-tracker?")
            }
        case 404 where headers.contains(name: "Retry-After"): return .unlisted
        case 429, 500...599: return .away("\(tracker) answers \(status.code): \(reason)")
        default: return .refused("\(tracker) answers \(status.code): \(reason)")
        }
    }
}
