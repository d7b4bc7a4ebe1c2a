internal import AsyncHTTPClient
internal import Metainfo
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import SwarmCore
internal import TrackerCore

/// Asks nodes for files, at the addresses that they were registered with and nowhere else: no redirect is followed, and a
/// name is resolved once, its address is judged, and that very address is connected to.
struct ProbeClient: Sendable {
    let configuration: ProbeConfiguration

    /// Where a name leads to, in the order of preference (getaddrinfo(3)).
    typealias Resolver = @Sendable (String) async throws -> [IPAddress]
    var resolve: Resolver = { try await Self.addresses(of: $0) }

    /// How many addresses of a name are tried.
    private static let addressLimit = 3

    /// What came of asking, and the question whose answer was wrong, if it was one's.
    struct Finding: Sendable {
        var outcome: ProbeOutcome
        var question: ProbeQuestion?
    }

    /// Asks all questions at a base URL, over one connection, so that a node that switches in between is seen in one
    /// state.
    func ask(_ questions: [ProbeQuestion], at base: String, set: SwarmCore.SetName) async -> Finding {
        func unknown(_ reason: String) -> Finding { Finding(outcome: .unknown(reason)) }
        func bad(_ reason: String) -> Finding { Finding(outcome: .bad(reason)) }
        guard let url = try? HTTPClient.Request(url: base), ["http", "https"].contains(url.scheme), !url.host.isEmpty
        else { return unknown("\(base) is no URL that can be asked") }
        let addresses: [IPAddress]
        do {
            let name = url.host.hasPrefix("[") ? String(url.host.dropFirst().dropLast()) : url.host
            addresses = try await resolve(name)
        } catch { return bad("the name in \(base) cannot be resolved: \(error)") }
        let permitted = addresses.filter { configuration.allowsPrivate || $0.isPublic }
        guard !permitted.isEmpty else {
            let found = addresses.map(\.description).joined(separator: ", ")
            return unknown("\(base) is at \(found), which is not public (allow-private)")
        }
        var failure = ""
        for address in permitted.prefix(Self.addressLimit) {
            do {
                let found = try await ask(questions, base: base, set: set, host: url.host, address: address)
                guard let found else { return Finding(outcome: .good) }
                return Finding(outcome: .bad("\(base): \(found.fault)"), question: found.question)
            } catch is CancellationError {
                return unknown("the tracker ends")
            } catch {
                failure = "\(base) cannot be read at \(address): \(error)"
            }
        }
        return bad(failure)
    }

    /// What is wrong with the answers; nil when nothing is. It throws when there is none.
    private func ask(
        _ questions: [ProbeQuestion], base: String, set: SwarmCore.SetName, host: String, address: IPAddress
    ) async throws -> (question: ProbeQuestion, fault: String)? {
        var settings = HTTPClient.Configuration(
            redirectConfiguration: .disallow, timeout: .init(connect: .seconds(10), read: .seconds(30)))
        settings.dnsOverride = [host: address.description]
        settings.httpVersion = .http1Only
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        let result: Result<(question: ProbeQuestion, fault: String)?, any Error>
        do {
            var found: (question: ProbeQuestion, fault: String)?
            for question in questions where found == nil {
                found = try await fault(question, base: base, set: set, client).map { (question, $0) }
            }
            result = .success(found)
        } catch { result = .failure(error) }
        try? await client.shutdown()
        return try result.get()
    }

    private func fault(
        _ question: ProbeQuestion, base: String, set: SwarmCore.SetName, _ client: HTTPClient
    ) async throws -> String? {
        let slash = base.hasSuffix("/") ? "" : "/"
        let url = "\(base)\(slash)\(set)/\(RequestTarget.encoded(path: question.path))"
        let answer = try await get(question, url, client)
        if let fault = question.fault(of: answer) { return fault }
        guard question.range != nil, answer.etag != nil else { return nil }
        let again = ProbeQuestion(0..<1, of: question.path, length: question.length, proof: .length)
        let second = try await get(again, url, client)
        return again.fault(of: second) ?? question.fault(ofTags: answer.etag, second.etag)
    }

    private func get(_ question: ProbeQuestion, _ url: String, _ client: HTTPClient) async throws -> ProbeAnswer {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "User-Agent", value: "swarm-tracker/\(Version.current)")
        if let range = question.range {
            request.headers.add(name: "Range", value: "bytes=\(range.lowerBound)-\(range.upperBound - 1)")
        }
        let timeout = configuration.timeout
        // The client's own limit of time ends with the head of the answer.
        return try await withThrowingTaskGroup(of: ProbeAnswer.self) { [request] group in
            group.addTask { try await Self.answer(to: question, request, client, timeout) }
            group.addTask {
                try await Task.sleep(for: timeout)
                throw TrackerError(.upstream, "no whole answer within \(Quantities.format(duration: timeout))")
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw CancellationError() }
            return answer
        }
    }

    private static func answer(
        to question: ProbeQuestion, _ request: HTTPClientRequest, _ client: HTTPClient, _ timeout: Duration
    ) async throws -> ProbeAnswer {
        let response = try await client.execute(request, timeout: TimeAmount(timeout))
        var answer = ProbeAnswer(
            status: Int(response.status.code), contentRange: response.headers.first(name: "Content-Range"),
            etag: response.headers.first(name: "ETag"), count: 0, isProven: false)
        // The body of any other answer says nothing.
        guard answer.status == (question.range == nil ? 200 : 206) else { return answer }
        var body: [UInt8] = []
        for try await part in response.body {
            answer.count += part.readableBytes
            guard answer.count <= question.count else { return answer }
            body += part.readableBytesView
        }
        answer.isProven = question.isProven(by: body)
        return answer
    }

    /// On a thread that may block.
    private static func addresses(of name: String) async throws -> [IPAddress] {
        try await NIOThreadPool.singleton.runIfActive {
            let resolved = try NameResolution.addresses(of: name)
            guard !resolved.isEmpty else { throw TrackerError(.node, "it has no address") }
            return resolved
        }
    }
}

extension ProbeQuestion {
    /// Whether a body of the right length is what it must be.
    func isProven(by body: [UInt8]) -> Bool {
        guard body.count == count else { return false }
        switch proof {
        case .length: return true
        case .sha256(let digest): return Digest.sha256(body) == digest
        case .piece(let hash, let before, let behind):
            let piece = [UInt8](repeating: 0, count: before) + body + [UInt8](repeating: 0, count: behind)
            return Digest.sha1(piece) == hash
        }
    }
}
