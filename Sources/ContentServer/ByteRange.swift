/// One range of a representation's bytes (RFC 9110, section 14.1.2).
struct ByteRange: Hashable, Sendable {
    var offset: Int64
    var count: Int64

    /// The value of `Content-Range` for this part of `size` bytes (RFC 9110, section 14.4).
    func contentRange(of size: Int64) -> String { "bytes \(offset)-\(offset + count - 1)/\(size)" }
}

/// What a `Range` header comes to for a file of a known size.
enum RangeDecision: Hashable, Sendable {
    /// 200 with everything: no range, another unit, several ranges, or a header that cannot be understood, all of which
    /// a server may ignore (RFC 9110, section 14.2).
    case whole
    /// 206 with one part.
    case part(ByteRange)
    /// 416 (RFC 9110, section 15.5.17).
    case unsatisfiable

    init(header: String?, size: Int64) {
        guard let header, let equals = header.firstIndex(of: "="), header[..<equals].lowercased() == "bytes" else {
            self = .whole
            return
        }
        let specifier = header[header.index(after: equals)...].trimmingBlanks()
        let ends = specifier.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2, ends.allSatisfy({ $0.utf8.allSatisfy(Self.isDigit) }) else {
            self = .whole
            return
        }
        // A number beyond Int64 lies beyond every file.
        let first = Int64(ends[0]) ?? .max
        let last = Int64(ends[1]) ?? .max
        switch (ends[0].isEmpty, ends[1].isEmpty) {
        case (true, true): self = .whole
        case (true, false):
            let count = min(last, size)
            self = count > 0 ? .part(ByteRange(offset: size - count, count: count)) : .unsatisfiable
        case (false, _) where first >= size: self = ends[1].isEmpty || last >= first ? .unsatisfiable : .whole
        case (false, true): self = .part(ByteRange(offset: first, count: size - first))
        case (false, false):
            self = last >= first ? .part(ByteRange(offset: first, count: min(last, size - 1) - first + 1)) : .whole
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}

extension StringProtocol {
    /// The text without spaces and tabs at either end (RFC 9110, section 5.6.3).
    func trimmingBlanks() -> SubSequence {
        var rest = self[startIndex...]
        while let first = rest.first, first == " " || first == "\t" { rest = rest.dropFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest = rest.dropLast() }
        return rest
    }
}
