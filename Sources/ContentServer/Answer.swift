internal import NIOCore
internal import NIOHTTP1

/// A response before it is written: what is common to all (Server, Date, Connection, Content-Length) is added there.
struct Answer: Sendable {
    enum Body: Sendable {
        case none
        case bytes(ByteBuffer)
        /// A part of an open file, which whoever holds the answer must close.
        case file(NIOFileHandle, ByteRange)
    }

    var status: HTTPResponseStatus
    var headers: HTTPHeaders
    var body: Body
    /// The Content-Length; nil for a status that has no content (RFC 9110, section 8.6).
    var length: Int64?

    init(status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: Body, length: Int64?) {
        self.status = status
        self.headers = headers
        self.body = body
        self.length = length
    }

    /// A response with content in memory.
    init(status: HTTPResponseStatus = .ok, type: String, headers: HTTPHeaders = [:], bytes: ByteBuffer) {
        var headers = headers
        headers.add(name: "Content-Type", value: type)
        self.init(status: status, headers: headers, body: .bytes(bytes), length: Int64(bytes.readableBytes))
    }

    /// A response for people: what happened, and what to do.
    static func text(_ status: HTTPResponseStatus, _ message: String, headers: HTTPHeaders = [:]) -> Answer {
        Answer(
            status: status, type: "text/plain; charset=utf-8", headers: headers,
            bytes: ByteBuffer(string: message + "\n"))
    }

    /// Nothing but a status and headers: 304.
    static func notModified(_ headers: HTTPHeaders) -> Answer {
        Answer(status: .notModified, headers: headers, body: .none, length: nil)
    }

    /// Moved to `location` for good: a directory without its slash.
    static func redirect(to location: String) -> Answer {
        text(.movedPermanently, "This is a directory: \(location)", headers: ["Location": location])
    }

    /// Whether it has a file's content from its first byte on: what follows of the same file is no further read.
    var isBeginning: Bool {
        status == .ok
            || (status == .partialContent && headers.first(name: "Content-Range")?.hasPrefix("bytes 0-") == true)
    }

    /// Whether it may be written for several who ask the same.
    var isForAll: Bool {
        guard status == .ok, case .bytes = body else { return false }
        return true
    }

    /// Closes what the answer holds.
    func discard() {
        if case .file(let handle, _) = body { try? handle.close() }
    }
}

/// `text` from a request as it may stand in a message: short, and without control characters.
func quoted(_ text: String) -> String {
    let visible = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? "?" : Character($0) }
    return visible.count > 200 ? String(visible.prefix(200)) + "…" : String(visible)
}
