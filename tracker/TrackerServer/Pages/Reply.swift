internal import NIOHTTP1

/// A response before it is written; Content-Length and Connection are added there.
struct Reply: Sendable {
    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var body: [UInt8]

    init(_ status: HTTPResponseStatus = .ok, type: String, body: [UInt8], headers: HTTPHeaders = [:]) {
        self.status = status
        self.body = body
        self.headers = headers
        self.headers.add(name: "Content-Type", value: type)
    }

    /// A text for people or for the clients of mirror lists.
    static func text(_ status: HTTPResponseStatus, _ text: String, headers: HTTPHeaders = [:]) -> Reply {
        Reply(status, type: "text/plain; charset=utf-8", body: Array(text.utf8), headers: headers)
    }

    /// JSON, never from a cache.
    static func json(_ body: [UInt8]) -> Reply {
        Reply(type: "application/json", body: body, headers: ["Cache-Control": "no-cache"])
    }

    /// Bencoding, as HTTP trackers send it.
    static func bencoded(_ body: [UInt8]) -> Reply { Reply(type: "text/plain", body: body) }
}
