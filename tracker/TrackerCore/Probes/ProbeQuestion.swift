public import SwarmCore

/// What a node is asked for to check its word: a file, or a part of one, and what it must be.
public struct ProbeQuestion: Hashable, Sendable, Codable {
    /// How the content is known.
    public enum Proof: Hashable, Sendable, Codable {
        /// The digest of the whole file.
        case sha256(SHA256Digest)
        /// SHA-1 of a piece of the torrent, in which so many zeros stand before and behind the part of the file.
        case piece(InfoHash, zerosBefore: Int, zerosBehind: Int)
        /// Only its length, and that of the file.
        case length
    }

    /// From the set's root.
    public let path: String
    /// Of the file, in bytes.
    public let length: Int64
    /// The bytes to ask for; nil for the file as a whole.
    public let range: Range<Int64>?
    /// How what comes is checked.
    public let proof: Proof

    /// The file as a whole.
    public init(whole path: String, length: Int64, sha256: SHA256Digest) {
        self.path = path
        self.length = length
        range = nil
        proof = .sha256(sha256)
    }

    /// A part of the file, which must not be empty.
    public init(_ range: Range<Int64>, of path: String, length: Int64, proof: Proof) {
        self.path = path
        self.length = length
        self.range = range
        self.proof = proof
    }

    /// How many bytes must come.
    public var count: Int { Int(range.map { $0.upperBound - $0.lowerBound } ?? length) }
}

/// What a node has answered.
public struct ProbeAnswer: Hashable, Sendable {
    /// The status code of HTTP.
    public var status: Int
    /// The header `Content-Range`.
    public var contentRange: String?
    /// The header `ETag`.
    public var etag: String?
    /// Bytes of the body; one more than was asked for when more came.
    public var count: Int
    /// Whether the digest of the body is the one of the question's proof.
    public var isProven: Bool

    /// Every part given.
    public init(status: Int, contentRange: String? = nil, etag: String? = nil, count: Int, isProven: Bool) {
        self.status = status
        self.contentRange = contentRange
        self.etag = etag
        self.count = count
        self.isProven = isProven
    }
}

extension ProbeQuestion {
    /// What is wrong with an answer, as a sentence; nil when nothing is.
    public func fault(of answer: ProbeAnswer) -> String? {
        let name = "“\(printable(path.utf8))”"
        guard let range else {
            guard answer.status == 200 else { return "\(name) is answered with the status \(answer.status)" }
            guard answer.count == count, answer.isProven else { return "\(name) is not the file of the snapshot" }
            return nil
        }
        guard answer.status == 206 else {
            return "\(name) is answered with the status \(answer.status), where a part of the file is due (206)"
        }
        let expected = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)"
        guard let found = answer.contentRange, found.lowercased() == expected else {
            let text = answer.contentRange.map { "is “\(printable($0.utf8))”" } ?? "is missing"
            return "\(name) has another length or part than was asked for: its Content-Range \(text), not “\(expected)”"
        }
        guard answer.count == count else {
            return "\(name) comes with \(answer.count) bytes of the \(count) that were asked for"
        }
        return answer.isProven ? nil : "\(name) has other content than the file of the snapshot"
    }

    /// The same for an ETag: two answers about one file that is not changed have the same (RFC 9110, section 8.8.3).
    public func fault(ofTags first: String?, _ second: String?) -> String? {
        guard let first, first != second else { return nil }
        return "“\(printable(path.utf8))” has another ETag in each answer, though the file is the same"
    }
}

/// Some elements of a long sequence, each as likely as any other, with memory for those alone (Vitter's algorithm R).
public struct Reservoir<Element: Sendable>: Sendable {
    private let capacity: Int
    private var seen = 0
    /// What was chosen so far.
    public private(set) var elements: [Element] = []

    /// For so many elements.
    public init(capacity: Int) { self.capacity = capacity }

    /// Goes on with one more element.
    public mutating func add(_ element: Element, using random: inout some RandomNumberGenerator) {
        seen += 1
        if elements.count < capacity {
            elements.append(element)
        } else {
            let place = Int.random(in: 0..<seen, using: &random)
            if place < capacity { elements[place] = element }
        }
    }
}
