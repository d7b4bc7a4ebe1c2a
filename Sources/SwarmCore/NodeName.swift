/// The name of a node at the tracker, by custom its host name: 1 to 64 characters out of `a-z 0-9 . -`, the first and
/// the last of them a letter or digit.
public struct NodeName: TextIdentifier {
    /// Keeps the rule above.
    public let rawValue: String

    /// Nil when `text` breaks the rule above; upper case is lowered.
    public init?(_ text: String) {
        let lowered = text.lowercased()
        let bytes = Array(lowered.utf8)
        func isAlphanumeric(_ byte: UInt8) -> Bool {
            (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte)
        }
        guard (1...64).contains(bytes.count), let first = bytes.first, let last = bytes.last,
            isAlphanumeric(first), isAlphanumeric(last),
            bytes.allSatisfy({ isAlphanumeric($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") })
        else { return nil }
        rawValue = lowered
    }

    /// The rule in words, for error messages.
    public static let rule = "1 to 64 characters out of a-z 0-9 . -, beginning and ending with a letter or digit"

    /// What it is, with its rule.
    public static var expectation: String { "a node's name: \(rule)" }
}
