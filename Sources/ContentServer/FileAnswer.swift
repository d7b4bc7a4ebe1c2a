internal import Glibc
internal import NIOCore
internal import NIOHTTP1

extension ContentResponder {
    /// The answer with an open file's content, or the part of it that is asked for.
    func fileAnswer(
        _ descriptor: consuming OwnedDescriptor, _ facts: FileFacts, _ request: ContentRequest, headers: HTTPHeaders
    ) -> Answer {
        let validators = facts.validators
        var headers = headers
        headers.add(name: "ETag", value: validators.etag)
        headers.add(name: "Last-Modified", value: validators.lastModified.text)
        headers.add(name: "Accept-Ranges", value: "bytes")
        switch Precondition(request.conditions, validators: validators) {
        case .proceed: break
        case .notModified:
            headers.remove(name: "Content-Type")
            return .notModified(headers)
        case .failed: return .text(.preconditionFailed, "The file is not in the state that the request names.")
        }
        // Range is defined for GET alone (RFC 9110, section 14.2).
        let decision =
            request.isHead ? .whole : RangeDecision(request.conditions, validators: validators, size: facts.size)
        var status = HTTPResponseStatus.ok
        var range = ByteRange(offset: 0, count: facts.size)
        switch decision {
        case .whole: break
        case .part(let part):
            status = .partialContent
            range = part
            headers.add(name: "Content-Range", value: part.contentRange(of: facts.size))
        case .unsatisfiable:
            return .text(
                .rangeNotSatisfiable, "The file has \(facts.size) bytes.",
                headers: ["Content-Range": "bytes */\(facts.size)"])
        }
        guard !request.isHead else { return Answer(status: status, headers: headers, body: .none, length: range.count) }
        guard range.count <= Self.longestBuffer else {
            let handle = NIOFileHandle(_deprecatedTakingOwnershipOfDescriptor: descriptor.release())
            return Answer(status: status, headers: headers, body: .file(handle, range), length: range.count)
        }
        guard let bytes = read(range, of: descriptor) else {
            return .text(.internalServerError, "The file could not be read. Try another mirror.")
        }
        return Answer(status: status, headers: headers, body: .bytes(bytes), length: range.count)
    }

    /// All bytes of `range`; nil when the file does not give them.
    private func read(_ range: ByteRange, of descriptor: borrowing OwnedDescriptor) -> ByteBuffer? {
        let number = descriptor.number
        var buffer = ByteBuffer()
        buffer.reserveCapacity(Int(range.count))
        while buffer.writerIndex < Int(range.count) {
            let done = buffer.writerIndex
            let wanted = Int(range.count) - done
            let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { space in
                max(0, pread(number, space.baseAddress, wanted, off_t(range.offset) + off_t(done)))
            }
            guard count > 0 else { return nil }
        }
        return buffer
    }

    /// The answer when `name` was not opened.
    static func failure(_ failure: TreeWalk.Failure, name: String, advice: String) -> Answer {
        let name = "“\(quoted(name))”"
        switch failure {
        case .noTree, .notFound: return .text(.notFound, "\(name) is not here. \(advice)")
        case .outside:
            return .text(.notFound, "\(name) is a link out of the tree; links are followed inside it only. \(advice)")
        case .loop: return .text(.notFound, "\(name) is a link that leads to links without an end. \(advice)")
        case .notRegular: return .text(.notFound, "\(name) is no regular file. \(advice)")
        case .denied:
            return .text(.forbidden, "\(name) may not be read by the server. Its administrator must change its mode.")
        case .system(let error) where error == EMFILE || error == ENFILE || error == ENOMEM:
            return .text(
                .serviceUnavailable, "The server is out of resources. Try again in a minute.",
                headers: ["Retry-After": "60"])
        case .system(let error):
            return .text(.internalServerError, "\(name) cannot be read: \(message(of: error)). Try another mirror.")
        }
    }
}

extension RequestConditions {
    init(headers: HTTPHeaders) {
        let ranges = headers["Range"]
        self.init(
            ifMatch: headers["If-Match"], ifNoneMatch: headers["If-None-Match"],
            ifModifiedSince: headers.first(name: "If-Modified-Since"),
            ifUnmodifiedSince: headers.first(name: "If-Unmodified-Since"), ifRange: headers.first(name: "If-Range"),
            range: ranges.count == 1 ? ranges[0] : nil)
    }
}

extension TreeWalk.Failure {
    /// Whether the path is not in the tree, so that another tree may have it.
    var isAbsence: Bool { self == .notFound || self == .noTree }
}
