internal import AsyncHTTPClient
internal import FoundationEssentials
internal import Metainfo
internal import NIOCore
internal import NIOHTTP1
internal import SwarmCore

/// The HTTP paths of one set at an upstream, which is the master or another node. Nothing that comes back is believed
/// before its signature or digest was checked; nothing longer than it may be is read.
struct Upstream: Sendable {
    /// Base URL, without a slash at the end.
    let base: String
    let client: HTTPClient

    /// What a poll of the feed brought.
    enum FeedAnswer: Sendable {
        case note(FeedBundle)
        case unchanged
    }

    /// The host of the base URL: where a peer without a host in the feed is.
    var host: String? { HTTPClient.Request.host(of: base) }

    /// Asks for a feed newer than `version`, and lets the upstream hold the answer back for up to `wait` seconds. It may send
    /// what is new with it.
    func feed(_ set: SetName, after version: UInt64, wait: Int) async throws -> FeedAnswer {
        let query = version == 0 ? "" : "?after=\(version)&wait=\(wait)&with=documents"
        // Only an answer that may be held back can take long.
        let time = version == 0 ? 30 : Int64(wait) + 30
        let response = try await get("/.swarm/\(set)/feed\(query)", timeout: .seconds(time), headers: [:])
        if response.status == .notModified { return .unchanged }
        let path = "/.swarm/\(set)/feed"
        guard response.headers.first(name: "Content-Type") == FeedBundle.mediaType else {
            let note = try await body(response, limit: SignedNote.defaultLimit, path: path, within: .seconds(30))
            return .note(FeedBundle(feed: note, documents: [:]))
        }
        let limit = SignedNote.defaultLimit + FeedBundle.encodedLimit
        let bytes = try await body(response, limit: limit, path: path, within: Self.time(for: limit))
        do { return .note(try FeedBundle(encoded: bytes)) } catch {
            throw MirrorError(.upstream, "\(base)\(path) sends a feed with documents that cannot be read: \(error)")
        }
    }

    /// A document of at most `limit` bytes.
    func document(_ path: String, limit: Int) async throws -> [UInt8] {
        try await body(
            try await get(path, timeout: .seconds(60), headers: [:]), limit: limit, path: path,
            within: Self.time(for: limit))
    }

    /// A part of a file that is `total` bytes long.
    ///
    /// - Throws: `AbsentFile` when there is no file of that name and length; `MirrorError.upstream`.
    func range(_ path: String, offset: Int64, length: Int, of total: Int64) async throws -> [UInt8] {
        let response = try await get(
            path, timeout: .minutes(2), headers: ["Range": "bytes=\(offset)-\(offset + Int64(length) - 1)"])
        if [.notFound, .gone, .rangeNotSatisfiable].contains(response.status) {
            // Read to its end, the connection can be used again.
            _ = try? await response.body.collect(upTo: 4096)
            throw AbsentFile()
        }
        guard response.status == .partialContent || (response.status == .ok && offset == 0) else {
            throw MirrorError(.upstream, "\(base)\(path) answers \(response.status.code) to a request for a range")
        }
        // “bytes 0-99/200”: another length is another file, and need not be read.
        if let size = response.headers.first(name: "Content-Range")?.split(separator: "/").last.flatMap({ Int64($0) }),
            size != total
        {
            throw AbsentFile()
        }
        let bytes = try await body(response, limit: length, path: path, within: Self.time(for: length))
        guard bytes.count == length else {
            throw MirrorError(
                .upstream, "\(base)\(path) sent \(bytes.count) bytes of the \(length) that were asked for")
        }
        return bytes
    }

    /// As if by a modem, and no slower.
    private static func time(for length: Int) -> Duration { .seconds(30 + length / (8 << 10)) }

    private func get(_ path: String, timeout: TimeAmount, headers: HTTPHeaders) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: base + path)
        request.headers = headers
        request.headers.add(name: "User-Agent", value: "swarm-node/\(Version.current)")
        do {
            return try await client.execute(request, timeout: timeout)
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw MirrorError(
                .upstream, "\(base) does not answer (\(error)); is the address right, and its daemon running?")
        }
    }

    /// The client's own limit of time ends with the head of the answer: a body that does not go on needs one too.
    private func body(
        _ response: HTTPClientResponse, limit: Int, path: String, within time: Duration
    ) async throws -> [UInt8] {
        guard response.status == .ok || response.status == .partialContent else {
            let advice = response.status == .notFound ? "; does the upstream carry this set?" : ""
            throw MirrorError(.upstream, "\(base)\(path) answers \(response.status)\(advice)")
        }
        do {
            return try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
                group.addTask { Array(try await response.body.collect(upTo: limit).readableBytesView) }
                group.addTask {
                    try await Task.sleep(for: time)
                    return nil
                }
                defer { group.cancelAll() }
                guard let bytes = try await group.next() ?? nil else {
                    throw MirrorError(.upstream, "\(base)\(path) did not come to its end within \(time)")
                }
                return bytes
            }
        } catch is NIOTooManyBytesError {
            throw MirrorError(.upstream, "\(base)\(path) sends more than the \(limit) bytes that are due")
        } catch let error as HTTPClientError {
            throw MirrorError(.upstream, "\(base)\(path) broke off: \(error)")
        }
    }
}

/// An upstream does not have a file, or has another one in its place.
struct AbsentFile: Error {}

extension HTTPClient.Request {
    /// The host in a URL; nil when it has none.
    static func host(of url: String) -> String? { (try? HTTPClient.Request(url: url))?.host }
}
