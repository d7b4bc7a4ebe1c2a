internal import SwarmCore

/// The path and the parameters of a request's target.
struct RequestTarget: Sendable, Hashable {
    /// The segments between slashes, decoded.
    let path: [String]
    /// The first value of each parameter, decoded.
    let parameters: [String: String]

    /// Nil for a broken percent-encoding, or bytes that are not UTF-8.
    init?(_ target: String) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var path: [String] = []
        for segment in parts[0].split(separator: "/") {
            guard let text = Self.decoded(segment) else { return nil }
            path.append(text)
        }
        var parameters: [String: String] = [:]
        for pair in (parts.count == 2 ? parts[1] : "").split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decoded(sides[0]), let value = Self.decoded(sides.count == 2 ? sides[1] : "") else {
                return nil
            }
            if parameters[name] == nil { parameters[name] = value }
        }
        self.path = path
        self.parameters = parameters
    }

    private static func decoded(_ text: Substring) -> String? {
        guard text.utf8.contains(UInt8(ascii: "%")) else { return String(text) }
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2,
                let digits = Substring(rest.prefix(2)).isEmpty ? nil : Hex.decode(Substring(rest.prefix(2)))
            else { return nil }
            bytes += digits
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// A relative path as it stands in a URL: all but unreserved characters and slashes encoded (RFC 3986).
    static func encoded(path: String) -> String {
        let plain = Set("-._~/+@,".utf8)
        return path.utf8.reduce(into: "") { text, byte in
            let isLetter = (0x41...0x5a).contains(byte & 0xdf) && byte < 0x80
            if isLetter || (0x30...0x39).contains(byte) || plain.contains(byte) {
                text.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                text += "%" + Hex.encode([byte]).uppercased()
            }
        }
    }
}
