internal import Metainfo
public import SwarmCore

/// What a node shows that it is the one that was registered: in the path of its announce URL, and in the header of its
/// reports. The tracker keeps a digest only.
public struct NodeToken: Sendable {
    /// 32 hexadecimal digits.
    public let text: String

    /// A new one, from the system's random numbers.
    public static func random() -> NodeToken {
        var generator = SystemRandomNumberGenerator()
        return NodeToken(text: Hex.encode((0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }))
    }

    /// The digest of a token, or of what somebody says is one.
    public static func digest(_ text: String) -> SHA256Digest { Digest.sha256(Array(text.utf8)) }

    /// The digest of this one.
    public var digest: SHA256Digest { Self.digest(text) }
}
