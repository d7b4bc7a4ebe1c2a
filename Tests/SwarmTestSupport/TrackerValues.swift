public import SwarmCore

/// An info-hash of one repeated byte.
public func hash(_ byte: UInt8) -> InfoHash {
    guard let hash = InfoHash(bytes: [UInt8](repeating: byte, count: 20)) else { preconditionFailure("20 bytes") }
    return hash
}

/// An address from its text.
public func ip(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("\(text) is no address") }
    return address
}
